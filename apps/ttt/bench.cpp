#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "model_loader.h"

namespace ttt::app {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  CommonOptions common;
  std::int64_t prefill = 512, decode = 64, depth = 0;
  int batch = 1, repetitions = 3;
};

struct Run {
  const LoadedModel& loaded;
  KvCache& cache;
  Step& step;
  const Options& options;
};

// Any token does: the arithmetic is the same for all.
std::vector<std::int32_t> tokens(const CausalLM& model, std::int64_t count) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>((i * 7919 + 1) % static_cast<std::size_t>(model.vocab_size()));
  return ids;
}

void decode_step(const Run& run, const std::vector<KvCache::Sequence>& sequences) {
  run.step.clear();
  const std::int32_t id = 1;
  for (const auto sequence : sequences) run.step.add(sequence, {&id, 1});
  run.loaded.model.forward(run.step);
}

double timed(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Seconds of one repetition on fresh sequences that hold `depth` tokens.
double measure(const Run& run, bool is_prefill) {
  const auto& o = run.options;
  const auto& model = run.loaded.model;
  std::vector<KvCache::Sequence> sequences;
  for (int i = 0; i < o.batch; ++i) {
    sequences.push_back(run.cache.create());
    if (o.depth > 0) prefill(model, run.step, sequences.back(), tokens(model, o.depth));
  }
  const auto ids = tokens(model, o.prefill);
  const auto seconds = timed([&] {
    if (is_prefill)
      for (const auto sequence : sequences) prefill(model, run.step, sequence, ids);
    else
      for (std::int64_t i = 0; i < o.decode; ++i) decode_step(run, sequences);
  });
  for (const auto sequence : sequences) run.cache.drop(sequence);
  return seconds;
}

Json row(const Run& run, bool is_prefill) {
  const auto& o = run.options;
  const auto n = is_prefill ? o.prefill : o.decode;
  const auto work = static_cast<double>(n * o.batch);
  measure(run, is_prefill);  // warm-up
  std::vector<double> rates;
  for (int i = 0; i < o.repetitions; ++i) rates.push_back(work / measure(run, is_prefill));
  std::sort(rates.begin(), rates.end());
  const auto median = rates[rates.size() / 2];
  Json json{{"kind", is_prefill ? "prefill" : "decode"}, {"n", n}, {"depth", o.depth}, {"batch", o.batch}};
  json["tokens_per_second"] = {{"min", rates.front()}, {"median", median}, {"max", rates.back()}};
  // A decode step streams every weight once, however many sequences share it.
  if (!is_prefill)
    json["gb_per_second"] = median / o.batch * static_cast<double>(run.loaded.plan.weights) / 1e9;
  return json;
}

void run(const Options& o) {
  const auto length = o.depth + std::max(o.prefill, o.decode);
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto loaded = load_model(
      checkpoint, o.common,
      {.tokens = length, .length = CacheNeed::Length::fixed, .sequences = o.batch, .logit_rows = o.batch});
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  const Run state{loaded, cache, step, o};
  Json rows = Json::array();
  if (o.prefill > 0) rows.push_back(row(state, true));
  if (o.decode > 0) rows.push_back(row(state, false));
  std::string plain;
  for (const auto& r : rows)
    plain += fmt::format("{:<8} n {:>5} depth {:>6} batch {:>3} {:>10.1f} tokens/s\n",
                         r["kind"].get<std::string>(), r["n"].get<int>(), o.depth, o.batch,
                         r["tokens_per_second"]["median"].get<double>());
  print_result(o.common.json ? Json{{"rows", rows}, {"threads", loaded.device->num_threads()}}.dump(2) + "\n"
                             : plain);
}

}  // namespace

void add_bench(CLI::App& app) {
  auto* verb = app.add_subcommand("bench", "Measures prefill and decode");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  verb->add_option("-p,--prefill", o->prefill, "tokens of a prompt; 0: none")->check(CLI::Range(0, 1 << 24));
  verb->add_option("-n,--decode", o->decode, "tokens to decode; 0: none")->check(CLI::Range(0, 1 << 24));
  verb->add_option("-d,--depth", o->depth, "tokens in the cache before")->check(CLI::Range(0, 1 << 24));
  verb->add_option("-b,--batch", o->batch, "sequences at once")->check(CLI::Range(1, 4096));
  verb->add_option("-r,--repetitions", o->repetitions, "measured repetitions")->check(CLI::Range(1, 1000));
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
