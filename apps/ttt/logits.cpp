#include <cstring>

#include "forward_all.h"
#include "ttt/formats/safetensors.h"

namespace ttt::app {
namespace {

struct Options {
  CommonOptions common;
  std::string ids, output;
};

void run(const Options& o) {
  const auto ids = parse_ids(o.ids);
  const auto tokens = static_cast<std::int64_t>(ids.size());
  auto loaded = load_model(o.common, {.tokens = tokens, .logit_rows = tokens});
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  const auto logits = forward_all(loaded.model, step, cache.create(), ids);
  const Shape shape{tokens, loaded.model.vocab_size()};
  save_safetensors(o.output, {{"logits", Tensor::from<float>(logits, shape)}});
}

}  // namespace

void add_logits(CLI::App& app) {
  auto* verb = app.add_subcommand("logits", "Writes the logits of every token to a safetensors file");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  verb->add_option("--ids", o->ids, "token ids: 1,2,3")->required();
  verb->add_option("-o,--output", o->output, "file to write: logits, f32 [T, V]")->required();
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
