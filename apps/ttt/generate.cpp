#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "answer.h"
#include "interrupt.h"

namespace ttt::app {
namespace {

struct Options {
  CommonOptions common;
  SamplingOptions sampling;
  std::string prompt, file;
  std::vector<std::int32_t> ids;
  bool raw = false;
};

std::vector<std::int32_t> prompt_ids(const Options& o, const Text* text) {
  if (!o.ids.empty()) return o.ids;
  const auto prompt = o.file.empty() ? o.prompt : read_text(o.file);
  if (o.raw || !text->has_template()) return text->encode(prompt, !o.raw);
  return text->encode(text->render({{"user", prompt}}), false);
}

nlohmann::ordered_json as_json(const Answer& answer, bool has_text) {
  const auto& r = answer.result;
  nlohmann::ordered_json json{{"tokens", r.tokens},
                              {"finish_reason", std::string(name(r.finish))},
                              {"prompt_tokens", r.prefill_tokens},
                              {"prefill_seconds", r.prefill_seconds},
                              {"decode_steps", r.decode_steps},
                              {"decode_seconds", r.decode_seconds}};
  if (has_text) json["text"] = answer.text;
  return json;
}

void run(const Options& o) {
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto text = o.ids.empty() ? open_text(checkpoint) : nullptr;
  const auto prompt = prompt_ids(o, text.get());
  auto config = o.sampling.config;
  config.stop_ids = stop_ids(checkpoint);
  const auto loaded = load_model(checkpoint, o.common, {.tokens = static_cast<std::int64_t>(prompt.size())});
  auto cache = loaded.make_cache();
  const InterruptScope interrupts;
  const auto show = [&](std::string_view part) {
    if (!o.common.json) print_result(part);
  };
  const auto answer = app::answer(loaded, cache, cache.create(), text.get(), prompt, config, show);
  if (o.common.json)
    print_result(to_text(as_json(answer, text != nullptr)));
  else
    print_result((text ? "" : fmt::format("{}", fmt::join(answer.result.tokens, ","))) + "\n");
  report_speed(answer.result);
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
  source->add_option("stdin", o->file, "- alone: the prompt from stdin")->check(CLI::IsMember({"-"}));
  add_ids(*source, o->ids, "the prompt as token ids: 1,2,3; prints ids");
  source->require_option(1);
  verb->add_flag("--raw", o->raw, "the prompt as it is, without the chat template");
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
