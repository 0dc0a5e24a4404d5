// What a block costs over the calls that a person would write by hand for it: both by turns in one process, over the
// same weights, at the sizes of published models.
//
// usage: hand_optimized [--threads N] [--isa LEVEL] [--check]
//   --check  measures nothing: only whether block and calls give the same bits
// A row's times are medians; `block / hand` is the median of the turns' ratios. oneDNN computes the same in f32, where
// it was found when this was built; its products are in another order, so `differs` says by how much.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "../arguments.h"
#include "hand_sequence.h"

namespace {

using namespace ttt;
using hand::Pair;

double seconds(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Median seconds of each, and of the turns' ratios.
struct Measured {
  double block, by_hand, ratio, onednn = 0;
};

/// Block and calls by turns, each first as often as second, until a second and twenty turns have passed; then oneDNN.
Measured measure(const Pair& pair) {
  std::vector<double> block, by_hand, ratio, onednn;
  pair.block();
  pair.by_hand();
  if (pair.onednn) pair.onednn();
  constexpr double kSeconds = 1;
  constexpr std::size_t kTurns = 20;
  double passed = 0;
  while (passed < kSeconds || block.size() < kTurns) {
    const bool block_first = block.size() % 2 == 0;
    const double first = seconds(block_first ? pair.block : pair.by_hand),
                 second = seconds(block_first ? pair.by_hand : pair.block);
    block.push_back(block_first ? first : second);
    by_hand.push_back(block_first ? second : first);
    ratio.push_back(block.back() / by_hand.back());
    passed += first + second;
  }
  // By itself: OpenMP's threads go on spinning for a while beside whoever comes next.
  if (pair.onednn)
    while (onednn.size() < kTurns) onednn.push_back(seconds(pair.onednn));
  return {median(block), median(by_hand), median(ratio), onednn.empty() ? 0 : median(onednn)};
}

void print_row(const Pair& pair) {
  const auto m = measure(pair);
  std::printf("| %-34s | %10.1f | %11.1f | %12.3f |", pair.name.c_str(), m.block * 1e6, m.by_hand * 1e6, m.ratio);
  if (pair.onednn)
    std::printf(" %10.1f | %14.2f | %7.0e |\n", m.onednn * 1e6, m.block / m.onednn, pair.onednn_differs());
  else
    std::printf(" %10s | %14s | %7s |\n", "", "", "");
}

void print_head() {
  std::printf("| %-34s | %10s | %11s | %12s | %10s | %14s | %7s |\n", "", "block", "by hand", "block / hand", "oneDNN",
              "block / oneDNN", "differs");
  const auto dashes = [](std::size_t count) { return std::string(count, '-'); };
  std::printf("|%s|", dashes(36).c_str());
  for (const std::size_t width : {11, 12, 13, 11, 15, 8}) std::printf("%s:|", dashes(width).c_str());
  std::printf("\n");
}

enum class Mode { measure, check };

/// False where block and calls disagree.
bool run(const Pair& pair, Mode mode) {
  if (mode == Mode::measure) {
    print_row(pair);
  } else {
    pair.block();
    pair.by_hand();
  }
  const bool same = pair.same();
  if (!same || mode == Mode::check)
    std::printf("%s: block and calls give %s bits\n", pair.name.c_str(), same ? "the same" : "different");
  return same;
}

bool run_all(Device& standard, Device& exact, Mode mode) {
  bool same = true;
  for (const std::int64_t tokens : {1, 16, 512}) {
    if (mode == Mode::check && tokens > 16) continue;  // more make the same calls
    const auto named = [&](const char* name) { return std::string(name) + " x" + std::to_string(tokens); };
    const hand::Rows rows{tokens, 0};
    same &= run(hand::rms_norm(standard, named("rms_norm/llama_3_2_1b"), rows, 2048), mode);
    for (const auto& [dtype, device] : {std::pair{DType::q8_0, &standard}, {DType::f32, &exact}}) {
      const auto stored = [&](const char* name) {
        return named((name + (" " + std::string(ttt::name(dtype)))).c_str());
      };
      same &= run(hand::gated_ffn(*device, stored("gated_ffn/llama_3_2_1b"), rows, dtype, 2048, 8192), mode);
      same &= run(hand::gated_ffn(*device, stored("gated_ffn/smollm2_135m"), rows, dtype, 576, 1536), mode);
    }
    for (const int depth : {0, 1024}) {
      const auto at = [&](const char* name) { return named(name) + " @" + std::to_string(depth); };
      const hand::Rows deep{tokens, depth};
      same &= run(hand::attention(standard, at("gqa/llama_3_2_1b q8_0"), deep, DType::q8_0, 2048, 32, 8, 64), mode);
      same &= run(hand::attention(standard, at("gqa/smollm2_135m q8_0"), deep, DType::q8_0, 576, 9, 3, 64), mode);
      same &= run(hand::attention(standard, at("gqa/mistral_7b q8_0"), deep, DType::q8_0, 4096, 32, 8, 128), mode);
    }
  }
  return same;
}

}  // namespace

int main(int argc, char** argv) {
  const auto [threads, config, check] = bench::read_arguments(argc, argv, "--check");
  const auto mode = check ? Mode::check : Mode::measure;
  const auto standard = Device::open(config, {.threads = threads});
  const auto exact = Device::open(config, {.threads = threads, .precision = Precision::exact});
  std::printf("%s, %d threads\n", config.isa.c_str(), standard->num_threads());
  if (mode == Mode::measure) {
    std::printf("microseconds; x16 @1024: 16 tokens behind 1024 in the cache\n\n");
    print_head();
  }
  return run_all(*standard, *exact, mode) ? 0 : 1;
}
