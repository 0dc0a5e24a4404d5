#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>

#include "model_loader.h"
#include "text.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

struct Options {
  CommonOptions common;
  SamplingOptions sampling;
  std::string prompt, file, ids;
  bool raw = false;
};

std::vector<std::int32_t> prompt_ids(const Options& o, const Text* text) {
  if (!o.ids.empty()) return parse_ids(o.ids);
  const auto prompt = o.file.empty() ? o.prompt : read_text(o.file);
  if (o.raw || !text->has_template()) return text->encode(prompt, !o.raw);
  return text->encode(text->render({{"user", prompt}}), false);
}

std::string joined(const std::vector<std::int32_t>& ids) { return fmt::format("{}", fmt::join(ids, ",")); }

void report(const GenerationResult& r) {
  fmt::print(stderr, "prompt: {} tokens, {:.1f} tokens/s; answer: {} tokens, {:.1f} tokens/s; {}\n", r.prefill_tokens,
             static_cast<double>(r.prefill_tokens) / std::max(r.prefill_seconds, 1e-9), r.tokens.size(),
             static_cast<double>(r.decode_steps) / std::max(r.decode_seconds, 1e-9), name(r.finish));
}

void print_json(const GenerationResult& r, const std::string& text, bool has_text) {
  nlohmann::ordered_json json{{"tokens", r.tokens},
                              {"finish_reason", std::string(name(r.finish))},
                              {"prompt_tokens", r.prefill_tokens},
                              {"prefill_seconds", r.prefill_seconds},
                              {"decode_seconds", r.decode_seconds}};
  if (has_text) json["text"] = text;
  print_result(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void run(const Options& o) {
  o.sampling.config.sampling.check();
  auto loaded = load_model(o.common, {});
  const auto text = o.ids.empty() ? open_text(loaded.checkpoint) : nullptr;
  const auto ids = prompt_ids(o, text.get());
  auto config = o.sampling.config;
  config.stop_ids = loaded.stop_ids();
  auto cache = loaded.make_cache();
  std::string answer;
  GenerationCallbacks callbacks;
  callbacks.cancelled = [] { return interrupted.load(); };
  if (text) {
    callbacks.decode = [&](std::int32_t id) { return text->push(id); };
    callbacks.decode_rest = [&] { return text->flush(); };
    callbacks.on_text = [&](std::string_view part) {
      o.common.json ? void(answer += part) : print_result(part);
    };
  }
  std::signal(SIGINT, [](int) { interrupted = true; });
  const auto result = generate(loaded.model, cache, cache.create(), *loaded.device, ids, config, callbacks);
  if (o.common.json) print_json(result, answer, text != nullptr);
  else print_result((text ? std::string() : joined(result.tokens)) + "\n");
  report(result);
}

}  // namespace

void add_generate(CLI::App& app) {
  auto* verb = app.add_subcommand("generate", "Answers a prompt");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  o->sampling.add_to(*verb);
  auto* source = verb->add_option_group("prompt");
  source->add_option("--prompt", o->prompt, "the prompt");
  source->add_option("--file", o->file, "a file with the prompt; - for stdin");
  source->add_option("--ids", o->ids, "the prompt as token ids: 1,2,3; prints ids");
  source->require_option(1);
  verb->add_flag("--raw", o->raw, "the prompt as it is, without the chat template");
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
