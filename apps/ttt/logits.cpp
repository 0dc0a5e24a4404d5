#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "forward_rows.h"
#include "progress_bar.h"
#include "ttt/formats/safetensors.h"

namespace ttt::app {
namespace {

struct Options {
  CommonOptions common;
  std::vector<std::int32_t> ids;
  std::string output;
};

void run(const Options& o) {
  const auto tokens = static_cast<std::int64_t>(o.ids.size());
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto loaded =
      load_model(checkpoint, o.common, {.tokens = tokens, .length = CacheNeed::Length::fixed, .logit_rows = tokens});
  check_ids(o.ids, loaded.model);
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  std::vector<float> all;
  all.reserve(o.ids.size() * static_cast<std::size_t>(loaded.model.vocab_size()));
  ProgressBar bar("computing");
  forward_rows(loaded.model, step, cache.create(), o.ids, 0, [&](std::size_t position, std::span<const float> logits) {
    all.insert(all.end(), logits.begin(), logits.end());
    bar.update(position + 1, o.ids.size());
  });
  const Shape shape{tokens, loaded.model.vocab_size()};
  save_safetensors(o.output, {{"logits", Tensor::from<float>(all, shape)}});
  if (o.common.json)
    print_result(to_text({{"output", o.output}, {"tensor", "logits"}, {"shape", shape.dims()}, {"format", "f32"}}));
}

}  // namespace

void add_logits(CLI::App& app) {
  auto* verb = app.add_subcommand("logits", "Writes the logits of every token to a safetensors file");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  add_ids(*verb, o->ids, "token ids: 1,2,3")->required();
  verb->add_option("-o,--output", o->output, "file to write: logits, f32 [T, V]")->required();
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
