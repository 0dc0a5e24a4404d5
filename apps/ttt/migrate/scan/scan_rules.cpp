#include "scan_rules.h"

#include <array>
#include <initializer_list>

#include "scan_imports.h"
#include "scan_words.h"

namespace ttt::app {
namespace {

using Kind = Token::Kind;

bool is_comparison(const Token& token) {
  return is_one_of(token.text, {"==", "!=", "in"}) && token.kind != Kind::string;
}

constexpr std::size_t kLongestChain = 32;  // tokens of `a.b.c()` that are looked at

/// Past the members and calls without arguments that follow a name: `name().lower()`.
std::size_t past_members(const Source& s, std::size_t i) {
  const auto end = i + kLongestChain;
  ++i;
  if (s.at(i).is("(") && s.at(i + 1).is(")")) i += 2;
  for (; i < end && (s.at(i).is(".") || s.at(i).is("->")) && s.at(i + 1).kind == Kind::word;)
    i += s.at(i + 2).is("(") && s.at(i + 3).is(")") ? 4 : 2;
  return i;
}

/// Before the owners of a name: `self.args.name`.
std::size_t before_owners(const Source& s, std::size_t i) {
  const auto name = i--;
  while (name - i < kLongestChain && (s.at(i).is(".") || s.at(i).is("->") || s.at(i).is("::")) &&
         s.at(i - 1).kind == Kind::word)
    i -= 2;
  return i;
}

/// Compared with anything, as `name == x` or `x in name`.
bool is_compared(const Source& s, std::size_t i) {
  const auto after = past_members(s, i);
  return is_comparison(s.at(after)) || (s.at(after).is("not") && s.at(after + 1).is("in")) ||
         is_comparison(s.at(before_owners(s, i)));
}

/// What begins with the name at token `first` and ends at token `last`, a bracket behind a key or `first` itself.
bool is_compared_with_text(const Source& s, std::size_t first, std::size_t last) {
  const auto after = past_members(s, last);
  constexpr std::size_t kFirstElement = 3;  // of a list after `not in [`
  if (is_comparison(s.at(after)) || s.at(after).is("not"))
    for (auto k = after + 1; k <= after + kFirstElement; ++k)
      if (s.at(k).kind == Kind::string) return !s.at(k).text.empty();
  const auto before = before_owners(s, first);
  if (is_comparison(s.at(before)) && s.at(before - 1).kind == Kind::string) return !s.at(before - 1).text.empty();
  for (auto k = last + 1; k < after; ++k)
    if (is_one_of(s.at(k).text, {"startswith", "endswith", "starts_with", "ends_with", "find", "contains"}))
      return true;
  return false;
}

bool is_choice(const Condition& condition) { return is_one_of(condition.keyword, {"match", "switch"}); }

bool names_model(const Token& token) {
  return is_one_of(token.text,
                   {"model_type", "model_name", "base_model_name", "model_version", "model_family", "architectures"});
}

/// `config["model_type"]` or `config.get("model_type")`, compared with a text.
bool is_model_key_branch(const Source& s, std::size_t i) {
  if (i < 2 || !names_model(s.at(i))) return false;
  const bool is_element = s.at(i - 1).is("[") && s.at(i + 1).is("]") && s.at(i - 2).kind == Kind::word;
  const bool is_argument =
      s.at(i - 1).is("(") && s.at(i + 1).is(")") && is_one_of(s.at(i - 2).text, {"get", "at", "value"});
  return (is_element || is_argument) && is_compared_with_text(s, i - 2, i + 1);
}

bool is_model_branch(const Source& s, std::size_t i) {
  const auto& token = s.at(i);
  if (token.kind == Kind::string) return is_model_key_branch(s, i);
  if (token.kind != Kind::word) return false;
  const auto* condition = s.condition(i);
  if (names_model(token))
    return (condition != nullptr && (condition->has_text || is_choice(*condition))) || is_compared_with_text(s, i, i);
  if (is_one_of(token.text, {"ModelType", "ModelFamily", "ModelArch"}))
    return (s.at(i + 1).is(".") || s.at(i + 1).is("::")) &&
           (condition != nullptr || is_comparison(s.at(before_owners(s, i))));
  const bool flag = token.text.starts_with("is_") && (is_family(token.text.substr(3)) || is_size(token.text.substr(3)));
  return flag && condition != nullptr;
}

bool is_device_branch(const Source& s, std::size_t i) {
  const auto& token = s.at(i);
  if (token.kind != Kind::word) return false;
  const bool in_condition = s.condition(i) != nullptr;
  if (is_one_of(token.text, {"is_galaxy", "is_multichip", "is_blackhole", "is_wormhole", "is_wormhole_b0",
                             "is_grayskull", "is_tg", "TG"}))
    return in_condition;
  const bool names_device = is_one_of(token.text, {"device_name", "device_type", "arch_name", "get_arch_name",
                                                   "num_devices", "get_num_devices", "cluster_shape"}) ||
                            contains_one_of(token.text, {"WORMHOLE", "BLACKHOLE", "GRAYSKULL"});
  return names_device && (in_condition || is_compared(s, i));
}

bool is_phase_branch(const Source& s, std::size_t i) {
  const auto& token = s.at(i);
  const bool in_condition = s.condition(i) != nullptr;
  if (token.kind == Kind::string)
    return is_one_of(token.text, {"decode", "prefill"}) && (in_condition || is_comparison(s.at(i - 1)));
  if (is_one_of(token.text, {"is_decode", "is_prefill", "is_decode_mode", "is_prefill_mode"})) return in_condition;
  return is_one_of(token.text, {"Mode", "InferenceMode", "Phase"}) && (s.at(i + 1).is(".") || s.at(i + 1).is("::")) &&
         (in_condition || is_comparison(s.at(before_owners(s, i))));
}

bool is_scale_name(std::string_view name) {
  return is_one_of(name,
                   {"scale", "scaling", "softmax_scale", "attention_scale", "attn_scale", "qk_scale", "sm_scale"});
}

bool is_head_size(const Token& token) {
  return token.kind == Kind::word &&
         (contains_one_of(token.text, {"head_dim", "dim_head", "head_size"}) || token.is("d_k"));
}

/// What a parenthesis right after token `i` holds: a head's size, or nothing but a number.
bool takes_head_size(const Source& s, std::size_t i) {
  constexpr std::size_t kLongest = 16;
  if (!s.at(i + 1).is("(")) return false;
  if (s.at(i + 2).kind == Kind::number && s.at(i + 3).is(")")) return true;
  for (auto k = i + 2; k < i + kLongest && s.at(k).kind != Kind::line_end && !s.at(k).is(";"); ++k)
    if (is_head_size(s.at(k))) return true;
  return false;
}

bool is_half(const Token& token) { return is_one_of(token.text, {"0.5", ".5", "0.5f", ".5f"}); }

/// `head_dim ** -0.5`, `1 / (head_dim ** 0.5)`, at the `**`.
bool is_power_of_head_size(const Source& s, std::size_t i) {
  const bool of_head_size = is_head_size(s.at(i - 1)) || (s.at(i - 1).is(")") && is_head_size(s.at(i - 2)));
  if (!of_head_size) return false;
  const auto sign = i + (s.at(i + 1).is("(") ? 2 : 1);
  if (s.at(sign).is("-")) return is_half(s.at(sign + 1));
  const auto before = before_owners(s, i - 1) - (s.at(before_owners(s, i - 1)).is("(") ? 1 : 0);
  return is_half(s.at(i + 1)) && s.at(before).is("/");
}

/// `pow(head_dim, -0.5)`, at the name.
bool is_inverse_root_by_pow(const Source& s, std::size_t i) {
  constexpr std::size_t kLongest = 16;
  if (!s.at(i + 1).is("(") || !takes_head_size(s, i)) return false;
  for (auto k = i + 2; k < i + kLongest && s.at(k).kind != Kind::line_end; ++k)
    if (s.at(k).is(",")) return s.at(k + 1).is("-") && is_half(s.at(k + 2));
  return false;
}

bool is_hard_coded_scale(const Source& s, std::size_t i) {
  const auto& token = s.at(i);
  // A model that is built from the library's blocks computes the scale that it gives them.
  if (s.includes_library) return false;
  if (token.kind == Kind::word && is_scale_name(token.text)) {
    const auto& value = s.at(i + 2);
    return s.at(i + 1).is("=") && value.kind == Kind::number && value.text.find('.') != value.text.npos &&
           !is_one_of(value.text, {"1.0", "1.", "1.0f", "1.f", "0.0", "0.0f"});
  }
  if (token.is("rsqrt") || token.is("rsqrtf")) return takes_head_size(s, i);
  if (token.is("pow") || token.is("powf")) return is_inverse_root_by_pow(s, i);
  if ((token.is("sqrt") || token.is("sqrtf")) && takes_head_size(s, i)) {
    const auto divided = before_owners(s, i);
    return s.at(divided).is("/") && s.at(divided - 1).kind == Kind::number;
  }
  return token.is("**") && is_power_of_head_size(s, i);
}

/// (n + 31) / 32, (n + 32 - 1) / 32 and (n + 31) & ~31, at the first number.
bool is_rounding_to_tiles(const Source& s, std::size_t i) {
  if (!s.at(i - 1).is("+")) return false;
  auto close = i + 1;
  if (s.at(i).text == "32" && s.at(i + 1).is("-") && s.at(i + 2).text == "1")
    close = i + 3;
  else if (s.at(i).text != "31")
    return false;
  if (!s.at(close).is(")")) return false;
  if (s.at(close + 1).is("&")) return s.at(close + 2).is("~") && s.at(close + 3).text == "31";
  return is_one_of(s.at(close + 1).text, {"/", "//"}) && s.at(close + 2).text == "32";
}

bool is_tile_size(const Source& s, std::size_t i) {
  const auto& token = s.at(i);
  if (token.kind == Kind::word)
    return is_one_of(token.text, {"tile_size", "TILE_SIZE", "kTileSize", "TILE_HEIGHT", "TILE_WIDTH", "TILE_LAYOUT",
                                  "tile_padded_batch_rows", "nearest_32"});
  return is_rounding_to_tiles(s, i);
}

bool is_kernel_flag(const Source& s, std::size_t i) {
  const auto& token = s.at(i);
  if (token.kind == Kind::string)
    return contains_one_of(token.text, {"PROGCFG", "MEMCFG", "USE_FUSED_", "COMPUTE_KERNEL_CONFIG"}) &&
           token.text.find(' ') == token.text.npos;
  if (token.kind != Kind::word) return false;
  if (token.text.starts_with("use_"))
    return contains_one_of(token.text, {"fused", "flash", "sdpa", "prefetcher", "kernel"});
  return token.text.starts_with("compute_kernel_config") || token.text.ends_with("_MEMORY_CONFIG") ||
         is_one_of(token.text, {"program_config", "memory_config", "math_fidelity", "MathFidelity", "fp32_dest_acc_en",
                                "packer_l1_acc", "math_approx_mode", "core_grid"});
}

constexpr std::array<ScanRule, 7> kRules{
    {{"model-branch", is_model_branch,
      "a file for each model (models/llama3/llama.cpp) that picks blocks; what differs is in a block's Config: "
      "qkv_bias, "
      "qk_norm, mask, activation"},
     {"device-branch", is_device_branch,
      "DeviceConfig::auto_detect() and get_optimal_params(operation): a block asks once, in its constructor, and rules "
      "of "
      "the backend answer for each device"},
     {"phase-branch", is_phase_branch,
      "one forward(x, step, out): prefill, decode and mixed batches are the same call, and kernels choose by the "
      "Step's "
      "plan"},
     {"hard-coded-scale", is_hard_coded_scale,
      "the model says .scale in GroupedQueryAttention::Config or MultiHeadAttention::Config; a block never computes "
      "it"},
     {"tile-size", is_tile_size,
      "no tile in a model: DeviceConfig::tile_rows and tile_cols are the device's, packed weights pad themselves, and "
      "blocks take any size"},
     {"kernel-flag", is_kernel_flag,
      "a KernelTable entry of the backend chooses the kernel; numbers to tune are get_optimal_params(operation), or a "
      "file "
      "given as --device-params"},
     {"cross-model-import", is_cross_model_import,
      "blocks from ttt/building_blocks and ttt/patterns (find_package(ttt 2.0)); a model includes no other model"}}};

}  // namespace

std::span<const ScanRule> scan_rules() { return kRules; }

}  // namespace ttt::app
