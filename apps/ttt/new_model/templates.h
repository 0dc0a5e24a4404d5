#pragma once
#include <string_view>

/// The files of a new model; write.cpp fills in what stands between two @.
namespace ttt::app::templates {

inline constexpr std::string_view kCMake = R"(cmake_minimum_required(VERSION 3.25)
project(ttt_model_@NAME@ VERSION 0.1.0 LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Pins the library: any 2.x from 2.0 on.
find_package(ttt 2.0 REQUIRED COMPONENTS testing)
enable_testing()
ttt_add_model(NAME @NAME@ SOURCES @NAME@.cpp)
ttt_add_model_plugin(NAME @NAME@ SOURCES plugin.cpp)
# Goldens: folders below tests/goldens, or below -DTTT_GOLDENS=FOLDER.
ttt_add_model_tests(NAME @NAME@)
)";

inline constexpr std::string_view kHeader = R"(#pragma once
#include <ttt/formats/checkpoint.h>
#include <ttt/patterns/causal_lm.h>

/// Checkpoints whose `model_type` is "@TYPE@".
ttt::CausalLM load_@NAME@(const ttt::ConfigReader& config, ttt::Weights weights, ttt::Device& device,
                    @PAD@ttt::Checkpoint::Kind kind);
)";

inline constexpr std::string_view kPlugin = R"(#include <ttt/patterns/model_entry.h>

#include "@NAME@.h"

extern "C" const ttt::ModelEntry* ttt_model_entry() {
  static constexpr ttt::ModelEntry entry{ttt::kModelAbi, "@TYPE@", load_@NAME@};
  return &entry;
}
)";

inline constexpr std::string_view kTests = R"(#include <ttt/testing/test_suite.h>

#include "@NAME@.h"

int main(int argc, char** argv) {
  ttt::testing::TestSuite suite(
      argc, argv, {.factory = load_@NAME@, .model_types = {"@TYPE@"}, .goldens = {TTT_GOLDENS}});
  suite.add_all_cases();
  return suite.run();
}
)";

inline constexpr std::string_view kReadme = R"(# @NAME@

Checkpoints with `model_type` "@TYPE@". Pins ttt 2.0.

    cmake -B build -DCMAKE_PREFIX_PATH=WHERE_TTT_IS -DTTT_GOLDENS=FOLDER_OF_GOLDENS
    cmake --build build
    ctest --test-dir build
    ttt compare --model-path build --model CHECKPOINT --golden GOLDEN.safetensors --precision exact
    cmake --install build --prefix WHERE_TTT_IS
@QUESTIONS@)";

inline constexpr std::string_view kModel = R"(#include "@NAME@.h"

#include <ttt/building_blocks/attention/@ATTENTION_FILE@.h>
#include <ttt/building_blocks/embeddings/rotary_config.h>
#include <ttt/building_blocks/ffn/@FFN_FILE@.h>
#include <ttt/formats/common_keys.h>
#include <ttt/patterns/@PATTERN_FILE@.h>

@INCLUDES@@QUESTIONS@@ADAPTOR@
ttt::CausalLM load_@NAME@(const ttt::ConfigReader& config, ttt::Weights weights, ttt::Device& device,
                    @PAD@ttt::Checkpoint::Kind) {
  using namespace ttt;
  ignore_common_keys(config);
@REQUIRED@  const int hidden_size = config.dimension("@HIDDEN@");
  const int num_layers = config.dimension("@LAYERS@");
  const int num_heads = config.dimension("@HEADS@");
@READ_KV_HEADS@  const int head_dim = config.dimension("head_dim", hidden_size / num_heads);
  const int vocab_size = config.dimension("vocab_size");
  const int intermediate_size = config.dimension("@INTERMEDIATE@"@FFN_RATIO@);
  const Weights w =@WEIGHTS@;
@WINDOW@
  @MUTABLE@@ATTENTION@::Config attention{
      .hidden_size = hidden_size,
      .num_heads = num_heads,@KV_FIELD@
      .head_dim = head_dim,
      .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
      .mask = Mask::causal(),
      .rope = RotaryEmbedding(read_rotary(config, {.head_dim = head_dim@PARTIAL_ROTARY@})),
      .qkv_bias = @QKV_BIAS@,
      .output_bias = @OUTPUT_BIAS@,@QK_NORM@
  };
  const @FFN@::Config ffn{
@FFN_INPUT@
      .intermediate_size = intermediate_size,
      .activation = parse_activation(config.string("@ACTIVATION@"@ACTIVATION_DEFAULT@)),
      .bias = @FFN_BIAS@,
  };
  const auto eps = static_cast<float>(config.number("@EPS@"@EPS_DEFAULT@));
  const @NORM@::Config norm{.size = hidden_size, .eps = eps@NORM_BIAS@};

  DecoderStack layers;
  for (int i = 0; i < num_layers; ++i) {
    const auto l = w / "@LAYER_PATH@" / i;
@MASK@    layers.push_back(@PATTERN@<@NORM@, @ATTENTION@, @FFN@>{
@LAYER@,
    });
  }
  const Embedding::Config embedding_config{.vocab_size = vocab_size, .hidden_size = hidden_size};
  const Embedding embedding(embedding_config, w / "@EMBEDDING@", device);
  const LMHead::Config head{.hidden_size = hidden_size, .vocab_size = vocab_size@HEAD_BIAS@};
  const bool tied = @TIED@;
  return {
      .embedding = embedding,
      .positions = {},
      .layers = std::move(layers),
      .norm = @NORM@(norm, w / "@FINAL_NORM@", device),
      .head = tied ? LMHead(head, embedding, w / "@LM_HEAD@", device) : LMHead(head, w / "@LM_HEAD@", device),
  };
}
)";

inline constexpr std::string_view kQueryKeyNorm = R"(
      .qk_norm = QueryKeyNorm::Config{.kind = QueryKeyNorm::Kind::@KIND@,
                                      .scope = QueryKeyNorm::Scope::@SCOPE@,
                                      .eps = static_cast<float>(config.number("@EPS@"@EPS_DEFAULT@))@QK_NORM_BIAS@},)";

/// What the feed-forward layer's config begins with where there are experts.
inline constexpr std::string_view kRouter = R"(      .router = {.hidden_size = hidden_size,
                 .num_experts = config.dimension("@NUM_EXPERTS@"),
                 .rule = {.experts_per_token = config.dimension("@EXPERTS_PER_TOKEN@"),
                          .normalize_selected = @NORMALIZE@},
                 .bias = @ROUTER_BIAS@},)";

inline constexpr std::string_view kAdaptor = R"(
namespace {

/// The checkpoint's tensors as the blocks ask for them.
ttt::Weights with_block_names(ttt::Weights weights@SPLIT_ARGUMENTS@) {
@TRANSPOSE@@SPLIT@@RENAME@  return weights;
}

}  // namespace
)";

inline constexpr std::string_view kTranspose = R"(  // Stored [in, out].
  weights = weights.transposed([](std::string_view name) {
    for (const std::string matrix :
         {@MATRICES@})
      if (name.ends_with("." + matrix + ".weight")) return true;
    return false;
  });
)";

inline constexpr std::string_view kRename =
    R"(  const std::vector<std::pair<std::string, std::string>> ours_to_theirs{@NAMES@};
  weights = weights.renamed([ours_to_theirs](std::string_view name) -> std::optional<std::string> {
    std::string result(name);
    for (const auto& [ours, theirs] : ours_to_theirs)
      if (const auto at = result.find(ours); at != result.npos) result.replace(at, ours.size(), theirs);
    return result;
  });
)";

inline constexpr std::string_view kSplit = R"(  struct Part {
    std::string name, fused;
    int first, count;
  };
  const std::vector<Part> parts{
@PARTS@  };
  weights = weights.sliced([parts](std::string_view name) -> std::optional<ttt::Weights::Slice> {
    for (const auto& part : parts)
      if (const auto at = name.find("." + part.name + "."); at != name.npos)
        return ttt::Weights::Slice{std::string(name).replace(at + 1, part.name.size(), part.fused),
                                   part.first, part.count};
    return std::nullopt;
  });
)";

inline constexpr std::string_view kWindow = R"(
  const auto window = config.integer("sliding_window", 0);
  const bool slides = window > 0 && config.boolean("use_sliding_window"@WINDOW_SWITCH@);
  const auto layer_types =
      config.has("layer_types") ? config.strings("layer_types") : std::vector<std::string>{};
  const auto first_windowed = config.integer("max_window_layers", 0);
  const auto mask_of = [&](int i) {
    const std::string type = !layer_types.empty()  ? layer_types.at(static_cast<std::size_t>(i))
                             : i >= first_windowed ? "sliding_attention"
                                                   : "full_attention";
    if (type != "sliding_attention" && type != "full_attention")
      config.fail("layer_types", "unknown type " + type);
    return slides && type == "sliding_attention" ? Mask::window(static_cast<int>(window)) : Mask::causal();
  };
)";

}  // namespace ttt::app::templates
