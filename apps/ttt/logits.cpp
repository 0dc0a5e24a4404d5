#include <filesystem>
#include <nlohmann/json.hpp>

#include "forward_rows.h"
#include "progress_bar.h"
#include "ttt/core/error.h"
#include "ttt/formats/safetensors.h"
#include "verbs.h"

namespace ttt::app {

void run_logits(const LogitsOptions& o) {
  check_writable(o.output, {o.common.model, o.common.settings, o.common.device_params});
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

}  // namespace ttt::app
