#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "answer.h"
#include "interrupt.h"
#include "verbs.h"

namespace ttt::app {
namespace {

std::vector<std::int32_t> prompt_ids(const GenerateOptions& o, const Text* text) {
  if (!o.ids.empty()) return o.ids;
  const auto prompt = o.file.empty() ? o.prompt : read_text(o.file);  // a file's name is never empty
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

}  // namespace

void run_generate(const GenerateOptions& o) {
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto text = o.ids.empty() ? open_text(checkpoint, TakesIds::yes) : nullptr;
  const auto prompt = prompt_ids(o, text.get());
  auto config = o.config;
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
  report(loaded, cache, answer.result);
}

}  // namespace ttt::app
