#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench_runner.h"
#include "progress_bar.h"
#include "ttt/core/error.h"
#include "verbs.h"

namespace ttt::app {
namespace {

using Json = nlohmann::ordered_json;

/// The fastest of the repetitions, tokens per second.
struct Speed {
  double prefill, decode;

  /// How much faster than another: the geometric mean over both.
  double gain_over(const Speed& other) const { return std::sqrt(prefill / other.prefill * (decode / other.decode)); }
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

class Tuner {
 public:
  explicit Tuner(const TuneOptions& options)
      : options_(options), common_(options.common), checkpoint_(Checkpoint::open(common_.model)), bar_("measuring") {}

  /// Every parameter in turn: its value halved, doubled, and so on, with the best values of those before.
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
  }

  const std::vector<Trial>& trials() const { return trials_; }
  const ParamOverrides& chosen() const { return common_.overrides; }

 private:
  void tune(const std::string& operation, const std::string& key, std::int64_t value) {
    const std::size_t first = trials_.size();
    const Speed before = *measure(operation, key, value);
    trials_.push_back({operation, key, value, before, 1.0, false});
    for (const auto candidate : {value / 4, value / 2, value * 2, value * 4})
      if (const auto speed = measure(operation, key, candidate))
        trials_.push_back({operation, key, candidate, *speed, speed->gain_over(before), false});
    auto& best = *std::ranges::max_element(trials_.begin() + static_cast<std::ptrdiff_t>(first), trials_.end(), {},
                                           &Trial::gain);
    auto& winner = best.gain >= kLeastGain ? best : trials_[first];
    winner.chosen = true;
    if (winner.value != value) common_.overrides[operation][key] = winner.value;
  }

  /// Nothing where the device does not take the value.
  std::optional<Speed> measure(const std::string& operation, const std::string& key, std::int64_t value) const {
    CommonOptions common = common_;
    common.overrides[operation][key] = value;
    const auto length = options_.depth + std::max(options_.prefill, options_.decode);
    try {
      // Asked of the device itself: it knows what fits together.
      const auto config = common.device_config();
      (void)config.optimal_params<LinearParams>(), (void)config.optimal_params<AttentionParams>(),
          (void)config.optimal_params<PrefillParams>();
    } catch (const DeviceError&) {
      return std::nullopt;
    }
    const auto loaded =
        load_model(checkpoint_, common, {.tokens = length, .length = CacheNeed::Length::fixed, .logit_rows = 1});
    BenchRunner runner(loaded);
    const auto best = [&](BenchCell::Kind kind, std::int64_t n) {
      const BenchCell cell{kind, n, options_.depth, 1};
      runner.prepare(cell);
      double seconds = 0;
      // The first one touches memory that is new, and would make the value that stood before look slow.
      for (int i = -1; i < options_.repetitions; ++i) {
        const auto start = std::chrono::steady_clock::now();
        runner.run(cell);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        runner.rewind();
        if (i <= 0 || took.count() < seconds) seconds = took.count();
      }
      return static_cast<double>(n) / seconds;
    };
    return Speed{best(BenchCell::Kind::prefill, options_.prefill), best(BenchCell::Kind::decode, options_.decode)};
  }

  const TuneOptions& options_;
  CommonOptions common_;
  Checkpoint checkpoint_;
  ProgressBar bar_;
  std::vector<Trial> trials_;
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
                      {"gain", t.gain},
                      {"chosen", t.chosen}});
    text += fmt::format("{:<24} {:>6} prefill {:>9.1f} tokens/s decode {:>8.1f} tokens/s {:>5.2f}x{}\n",
                        t.operation + "." + t.key, t.value, t.speed.prefill, t.speed.decode, t.gain,
                        t.chosen ? "  chosen" : "");
  }
  print_result(o.common.json ? to_text({{"trials", trials}, {"params", params}}) : text);
}

}  // namespace ttt::app
