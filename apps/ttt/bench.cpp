#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli.h"
#include "model_loader.h"
#include "progress_bar.h"
#include "verbs.h"

namespace ttt::app {
namespace {

using Json = nlohmann::ordered_json;

enum class Kind { prefill, decode };

/// One repetition: how long it took, and what it could not do without.
struct Sample {
  double seconds;
  Work work;
};

// Any token does: the arithmetic is the same for all.
std::vector<std::int32_t> some_tokens(const CausalLM& model, std::int64_t count) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>((i * 7919 + 1) % static_cast<std::size_t>(model.vocab_size()));
  return ids;
}

class Bench {
 public:
  Bench(const LoadedModel& loaded, WorkCounter& counter, const BenchOptions& options)
      : model_(loaded.model),
        counter_(counter),
        options_(options),
        cache_(loaded.make_cache()),
        step_(cache_, *loaded.device),
        roofline_(loaded.device->measure_roofline(loaded.plan.weights + loaded.plan.cache)) {}

  const Roofline& roofline() const { return roofline_; }

  /// Measures one kind, after a repetition that does not count.
  Json row(Kind kind) {
    ProgressBar bar(kind == Kind::prefill ? "prefill" : "decode");
    std::vector<Sample> samples;
    for (int i = -1; i < options_.repetitions; ++i) {
      bar.update(static_cast<std::uint64_t>(i + 1), static_cast<std::uint64_t>(options_.repetitions + 1));
      const auto sample = repeat(kind);
      if (i >= 0) samples.push_back(sample);
    }
    std::ranges::sort(samples, {}, &Sample::seconds);
    const auto n = kind == Kind::prefill ? options_.prefill : options_.decode;
    const auto tokens = static_cast<double>(n * options_.batch);
    const auto middle = samples[samples.size() / 2].seconds;
    const auto median = samples.size() % 2 == 1 ? middle : (samples[samples.size() / 2 - 1].seconds + middle) / 2;
    const auto& work = samples.front().work;  // the same in each
    return {{"kind", kind == Kind::prefill ? "prefill" : "decode"},
            {"n", n},
            {"depth", options_.depth},
            {"batch", options_.batch},
            {"tokens_per_second",
             {{"min", tokens / samples.back().seconds},
              {"median", tokens / median},
              {"max", tokens / samples.front().seconds}}},
            {"gb_per_second", static_cast<double>(work.bytes) / median / 1e9},
            {"tflops", static_cast<double>(work.flops) / median / 1e12},
            {"roofline_share", roofline_.share(work, median)}};
  }

 private:
  // On fresh sequences that hold `depth` tokens.
  Sample repeat(Kind kind) {
    std::vector<KvCache::Sequence> sequences;
    for (int i = 0; i < options_.batch; ++i) sequences.push_back(cache_.create());
    if (options_.depth > 0) prefill_all(sequences, some_tokens(model_, options_.depth));
    const auto prompt = some_tokens(model_, options_.prefill);
    counter_.reset();
    const auto start = std::chrono::steady_clock::now();
    if (kind == Kind::prefill)
      prefill_all(sequences, prompt);
    else
      for (std::int64_t i = 0; i < options_.decode; ++i) decode_step(sequences);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    for (const auto sequence : sequences) cache_.drop(sequence);
    return {took.count(), counter_.total()};
  }

  // The same prompt for every sequence, as a server would read them: a step takes as many tokens as it may, the end of
  // one prompt beside the start of the next.
  void prefill_all(const std::vector<KvCache::Sequence>& sequences, std::span<const std::int32_t> prompt) {
    const auto most = static_cast<std::size_t>(cache_.config().max_step_tokens);
    std::size_t rows = 0;
    step_.clear();
    for (const auto sequence : sequences) {
      const auto total = cache_.length(sequence) + static_cast<std::int32_t>(prompt.size());
      for (std::size_t first = 0; first < prompt.size();) {
        if (rows == most) {
          model_.forward(step_);
          step_.clear();
          rows = 0;
        }
        const auto part = prompt.subspan(first, std::min(prompt.size() - first, most - rows));
        first += part.size();
        rows += part.size();
        step_.add(sequence, part, first == prompt.size() ? LogitRows::last : LogitRows::none, total);
      }
    }
    model_.forward(step_);
  }

  void decode_step(const std::vector<KvCache::Sequence>& sequences) {
    step_.clear();
    const std::int32_t id = 1;
    for (const auto sequence : sequences) step_.add(sequence, {&id, 1});
    model_.forward(step_);
  }

  const CausalLM& model_;
  WorkCounter& counter_;
  const BenchOptions& options_;
  KvCache cache_;
  Step step_;
  Roofline roofline_;
};

Json as_json(const Roofline& roofline) {
  auto peaks = Json::array();
  for (const auto& peak : roofline.peaks)
    peaks.push_back({{"instruction", peak.instruction}, {"flops_per_second", peak.flops_per_second}});
  return {{"bytes_per_second", roofline.bytes_per_second},
          {"working_set_bytes", roofline.working_set},
          {"flops_per_second", roofline.peak().flops_per_second},
          {"instruction", roofline.peak().instruction},
          {"peaks", peaks}};
}

std::string as_text(const Json& rows, const Roofline& roofline) {
  std::string text;
  for (const auto& row : rows)
    text += fmt::format(
        "{:<8} n {:>5} depth {:>6} batch {:>3} {:>10.1f} tokens/s {:>8.2f} GB/s {:>8.3f} TFLOP/s {:>6.1f}% "
        "of the roofline\n",
        row["kind"].get<std::string>(), row["n"].get<std::int64_t>(), row["depth"].get<std::int64_t>(),
        row["batch"].get<int>(), row["tokens_per_second"]["median"].get<double>(), row["gb_per_second"].get<double>(),
        row["tflops"].get<double>(), 100 * row["roofline_share"].get<double>());
  return text + fmt::format("roofline {:.2f} GB/s reading {} over and over, {:.3f} TFLOP/s ({})\n",
                            roofline.bytes_per_second / 1e9, format_bytes(roofline.working_set),
                            roofline.peak().flops_per_second / 1e12, roofline.peak().instruction);
}

}  // namespace

void run_bench(const BenchOptions& o) {
  if (o.prefill == 0 && o.decode == 0)
    throw UsageError("-p 0 -n 0 leaves nothing to measure; give one of them at least 1");
  const auto length = o.depth + std::max(o.prefill, o.decode);
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto counter = std::make_shared<WorkCounter>();
  auto device_options = o.common.device_options();
  device_options.work_counter = counter;
  const auto loaded =
      load_model(checkpoint, o.common,
                 {.tokens = length, .length = CacheNeed::Length::fixed, .sequences = o.batch, .logit_rows = o.batch},
                 device_options);
  Bench bench(loaded, *counter, o);
  Json rows = Json::array();
  if (o.prefill > 0) rows.push_back(bench.row(Kind::prefill));
  if (o.decode > 0) rows.push_back(bench.row(Kind::decode));
  if (!o.common.json) return print_result(as_text(rows, bench.roofline()));
  print_result(to_text({{"rows", rows},
                        {"roofline", as_json(bench.roofline())},
                        {"device", loaded.device->config().name},
                        {"threads", loaded.device->num_threads()},
                        {"weight_bytes", loaded.plan.weights},
                        {"load_seconds", loaded.load_seconds}}));
}

}  // namespace ttt::app
