#include "ttt/testing/performance.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "ttt/core/error.h"
#include "ttt/generation/generate.h"

namespace ttt::inline v2::testing {
namespace {

using Clock = std::chrono::steady_clock;

/// Median seconds of `work`, after a warm-up.
double median_seconds(const std::function<void()>& work) {
  constexpr std::size_t kRuns = 5;
  work();
  std::vector<double> seconds;
  for (std::size_t i = 0; i < kRuns; ++i) {
    const auto start = Clock::now();
    work();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::ranges::sort(seconds);
  return seconds[kRuns / 2];
}

double read_bytes_per_second(std::uint64_t bytes, int num_threads) {
  // Threads take longer to start than a small buffer to read: it is read many times.
  constexpr std::uint64_t kLeastWork = std::uint64_t{256} << 20;
  constexpr std::uint64_t kSums = 8;  // independent, so that loads are waited for and not additions
  const auto threads = static_cast<std::uint64_t>(num_threads);
  const auto words_each = std::max<std::uint64_t>(bytes / sizeof(std::uint64_t) / threads / kSums, 1) * kSums;
  const auto total = words_each * threads * sizeof(std::uint64_t);
  const auto passes = std::max<std::uint64_t>(1, kLeastWork / total);
  std::vector<std::uint64_t> buffer(words_each * threads, 1), results(threads);
  const auto read = [&](std::uint64_t thread) {
    const auto* words = buffer.data() + thread * words_each;
    std::uint64_t sums[kSums] = {};
    for (std::uint64_t pass = 0; pass < passes; ++pass)
      for (std::uint64_t i = 0; i < words_each; i += kSums)
        for (std::uint64_t k = 0; k < kSums; ++k) sums[k] += words[i + k] ^ pass;
    for (const auto sum : sums) results[thread] += sum;
  };
  const auto seconds = median_seconds([&] {
    std::vector<std::jthread> workers;
    for (std::uint64_t t = 0; t < threads; ++t) workers.emplace_back(read, t);
  });
  return static_cast<double>(total * passes) / seconds;
}

std::uintmax_t weight_file_bytes(const std::filesystem::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") bytes += entry.file_size();
  return bytes;
}

}  // namespace

std::string Speed::str() const {
  return fmt::format(
      "prefill {:>5} tokens {:>10.1f} tokens/s\n"
      "decode  {:>5} tokens {:>10.1f} tokens/s, {:.2f} GB/s of weights, {:.0f}% of the {:.1f} GB/s that this "
      "machine reads\n",
      prompt_tokens, prefill_tokens_per_second, decode_tokens, decode_tokens_per_second, decode_bytes_per_second / 1e9,
      100 * share_of_roofline(), read_bytes_per_second / 1e9);
}

Speed measure_speed(const GoldenModel& model, std::int64_t prompt_tokens, std::int64_t decode_tokens) {
  // Any token does: the arithmetic is the same for all.
  TokenRow prompt(static_cast<std::size_t>(prompt_tokens));
  for (std::size_t i = 0; i < prompt.size(); ++i)
    prompt[i] = static_cast<std::int32_t>((i * 7919 + 1) % static_cast<std::size_t>(model.model().vocab_size()));
  KvCache cache = model.make_cache(prompt_tokens + decode_tokens, 1);
  Step step(cache, model.device());
  const auto prefill_seconds = median_seconds([&] {
    const auto sequence = cache.create();
    prefill(model.model(), step, sequence, prompt);
    cache.drop(sequence);
  });
  const auto decode_seconds = median_seconds([&] {
    const auto sequence = cache.create();
    for (std::int64_t i = 0; i < decode_tokens; ++i) {
      step.clear();
      step.add(sequence, {prompt.data(), 1});
      model.model().forward(step);
    }
    cache.drop(sequence);
  });
  const auto decode_rate = static_cast<double>(decode_tokens) / decode_seconds;
  const auto bytes = model.model().weight_bytes();
  return {.prompt_tokens = prompt_tokens,
          .decode_tokens = decode_tokens,
          .prefill_tokens_per_second = static_cast<double>(prompt_tokens) / prefill_seconds,
          .decode_tokens_per_second = decode_rate,
          .decode_bytes_per_second = decode_rate * static_cast<double>(bytes),
          .read_bytes_per_second = read_bytes_per_second(bytes, model.device().num_threads())};
}

std::filesystem::path performance_checkpoint(const std::vector<std::filesystem::path>& folders) {
  if (const char* path = std::getenv("TTT_PERFORMANCE_MODEL"); path != nullptr && *path != '\0') return path;
  if (folders.empty()) throw Error("performance", "there is no golden to measure");
  return *std::ranges::max_element(folders, {}, weight_file_bytes);
}

}  // namespace ttt::inline v2::testing
