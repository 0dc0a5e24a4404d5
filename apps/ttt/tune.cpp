#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>

#include "bench_runner.h"
#include "progress_bar.h"
#include "ttt/core/error.h"
#include "verbs.h"

namespace ttt::app {
namespace {

using Json = nlohmann::ordered_json;

/// The fastest of the repetitions, tokens per second.
struct Speed {
  double prefill, decode, batch;

  void raise_to(const Speed& other) {
    prefill = std::max(prefill, other.prefill);
    decode = std::max(decode, other.decode);
    batch = std::max(batch, other.batch);
  }
  /// How much faster than another: the geometric mean over the three.
  double gain_over(const Speed& other) const {
    return std::cbrt(prefill / other.prefill * (decode / other.decode) * (batch / other.batch));
  }
};

/// A value of one parameter, and how fast the model is with it.
struct Trial {
  std::string operation, key;
  std::int64_t value;
  Speed speed;
  double gain;  ///< over the value that stood before
  bool chosen;
};

/// A smaller gain may be the machine's mood.
constexpr double kLeastGain = 1.03;
constexpr int kTurns = 2;

class Tuner {
 public:
  explicit Tuner(const TuneOptions& options)
      : options_(options), common_(options.common), checkpoint_(Checkpoint::open(common_.model)), bar_("measuring") {}

  /// Every parameter in turn, with the best values of those before.
  void run() {
    const auto config = common_.device_config();
    constexpr std::array kOperations{LinearParams::operation, AttentionParams::operation, PrefillParams::operation};
    std::size_t keys = 0, done = 0;
    for (const auto operation : kOperations) keys += config.get_optimal_params(operation).size();
    for (const auto operation : kOperations)
      for (const auto& [key, value] : config.get_optimal_params(operation)) {
        bar_.update(done++, keys);
        tune(std::string(operation), key, value);
      }
    confirm();
  }

  const std::vector<Trial>& trials() const { return trials_; }
  const ParamOverrides& chosen() const { return common_.overrides; }
  /// Of what was chosen over what stood before; 1 where that is the same.
  double gain() const { return gain_; }

 private:
  void tune(const std::string& operation, const std::string& key, std::int64_t value) {
    std::vector<Trial> trials;
    std::vector<ParamOverrides> choices;
    for (const auto candidate : candidates(key, value)) {
      ParamOverrides choice = common_.overrides;
      choice[operation][key] = candidate;
      if (!device_takes(choice)) continue;
      trials.push_back({operation, key, candidate, {}, 1.0, false});
      choices.push_back(std::move(choice));
    }
    const auto speeds = measure(choices);
    for (std::size_t i = 0; i < trials.size(); ++i) {
      trials[i].speed = speeds[i];
      trials[i].gain = speeds[i].gain_over(speeds.front());
    }
    auto& best = *std::ranges::max_element(trials, {}, &Trial::gain);
    auto& winner = best.gain >= kLeastGain ? best : trials.front();
    winner.chosen = true;
    if (winner.value != value) common_.overrides[operation][key] = winner.value;
    trials_.insert(trials_.end(), trials.begin(), trials.end());
  }

  /// Choices one by one may have been luck: what does not hold together is taken back.
  void confirm() {
    if (common_.overrides == options_.common.overrides) return;
    const std::array choices{options_.common.overrides, common_.overrides};
    const auto speeds = measure(choices);
    gain_ = speeds[1].gain_over(speeds[0]);
    if (gain_ >= kLeastGain) return;
    gain_ = 1;
    common_.overrides = options_.common.overrides;
    const auto defaults = common_.device_config();
    for (auto& trial : trials_)
      trial.chosen = trial.value == defaults.get_optimal_params(trial.operation).at(trial.key);
  }

  /// What to try: the value that stands, and others. Of thresholds in tokens, which choose kernels, one for each choice
  /// between the steps of one token, of a batch and of a prompt.
  std::vector<std::int64_t> candidates(std::string_view key, std::int64_t value) const {
    if (!key.ends_with("_min_tokens")) return {value, value / 4, value / 2, value * 2, value * 4};
    const auto reached_by = [&](std::int64_t threshold) {
      return std::ranges::count_if(std::array<std::int64_t, 3>{1, options_.batch, options_.prefill},
                                   [&](std::int64_t tokens) { return tokens >= threshold; });
    };
    std::vector<std::int64_t> found{value};
    for (const std::int64_t threshold : {1, 2, options_.batch + 1, LinearParams::never})
      if (std::ranges::find(found, reached_by(threshold), reached_by) == found.end()) found.push_back(threshold);
    return found;
  }

  /// Asks the device itself, which knows what fits together.
  bool device_takes(const ParamOverrides& choice) const {
    CommonOptions common = common_;
    common.overrides = choice;
    const auto config = common.device_config();
    try {
      (void)config.optimal_params<LinearParams>(), (void)config.optimal_params<AttentionParams>(),
          (void)config.optimal_params<PrefillParams>();
    } catch (const DeviceError&) {
      return false;
    }
    return true;
  }

  /// Of each choice its fastest, by turns: what else the machine does comes and goes.
  std::vector<Speed> measure(std::span<const ParamOverrides> choices) const {
    std::vector<Speed> fastest(choices.size(), Speed{});
    for (int turn = 0; turn < kTurns; ++turn)
      for (std::size_t i = 0; i < choices.size(); ++i) fastest[i].raise_to(measure(choices[i]));
    return fastest;
  }

  Speed measure(const ParamOverrides& choice) const {
    CommonOptions common = common_;
    common.overrides = choice;
    const auto length = options_.depth + std::max(options_.prefill, options_.decode);  // of one sequence, or all
    const auto loaded = load_model(checkpoint_, common,
                                   {.tokens = std::max(options_.decode, (length + options_.batch - 1) / options_.batch),
                                    .length = CacheNeed::Length::fixed,
                                    .sequences = options_.batch,
                                    .logit_rows = options_.batch});
    BenchRunner runner(loaded);
    const auto best = [&](BenchCell::Kind kind, std::int64_t n, std::int64_t depth, int batch) {
      const BenchCell cell{kind, n, depth, batch};
      runner.prepare(cell);
      double seconds = 0;
      // The first one touches memory that is new.
      for (int i = -1; i < options_.repetitions; ++i) {
        const auto start = std::chrono::steady_clock::now();
        runner.run(cell);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        runner.rewind();
        if (i <= 0 || took.count() < seconds) seconds = took.count();
      }
      return static_cast<double>(n * batch) / seconds;
    };
    return {best(BenchCell::Kind::prefill, options_.prefill, options_.depth, 1),
            best(BenchCell::Kind::decode, options_.decode, options_.depth, 1),
            best(BenchCell::Kind::decode, options_.decode, 0, options_.batch)};
  }

  const TuneOptions& options_;
  CommonOptions common_;
  Checkpoint checkpoint_;
  ProgressBar bar_;
  std::vector<Trial> trials_;
  double gain_ = 1;
};

}  // namespace

void run_tune(const TuneOptions& o) {
  check_writable(o.output, {o.common.model, o.common.settings});
  Tuner tuner(o);
  tuner.run();
  Json params = Json::object();
  for (const auto& [operation, values] : tuner.chosen()) params[operation] = values;
  std::ofstream file(o.output);
  file << params.dump(2) << '\n';
  file.close();
  if (!file) throw Error(o.output, "cannot be written");
  Json trials = Json::array();
  std::string text;
  for (const auto& t : tuner.trials()) {
    trials.push_back({{"operation", t.operation},
                      {"key", t.key},
                      {"value", t.value},
                      {"prefill_tokens_per_second", t.speed.prefill},
                      {"decode_tokens_per_second", t.speed.decode},
                      {"batch_tokens_per_second", t.speed.batch},
                      {"gain", t.gain},
                      {"chosen", t.chosen}});
    const auto value = t.value == LinearParams::never ? "never" : fmt::to_string(t.value);
    text += fmt::format(
        "{:<25} {:>6} prefill {:>9.1f} tokens/s decode {:>8.1f} tokens/s batch {:>8.1f} tokens/s {:>5.2f}x{}\n",
        t.operation + "." + t.key, value, t.speed.prefill, t.speed.decode, t.speed.batch, t.gain,
        t.chosen ? "  chosen" : "");
  }
  text += fmt::format("together {:.2f}x\n", tuner.gain());
  print_result(o.common.json ? to_text({{"trials", trials}, {"params", params}, {"gain", tuner.gain()}}) : text);
}

}  // namespace ttt::app
