#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "ttt/generation/random.h"

namespace ttt::inline v2 {

/// How the next token is chosen. Applied in this order, each as Hugging Face's logits processors do: repetition,
/// frequency and presence penalties, temperature, top-k, top-p, min-p.
struct SamplingConfig {
  double temperature = 0;         ///< 0: greedy, whatever the filters say
  std::int64_t top_k = 0;         ///< 0: off
  double top_p = 1;               ///< in (0, 1]; 1: off
  double min_p = 0;               ///< in [0, 1]; 0: off
  double repetition_penalty = 1;  ///< > 0; prompt and answer count
  double presence_penalty = 0;    ///< subtracted once from tokens of the answer
  double frequency_penalty = 0;   ///< subtracted for each time a token stands in the answer
  std::uint64_t seed = 0;         ///< of the sequence's random numbers

  /// Throws RequestError naming the field that is out of range.
  void check() const;
};

/// Index of the largest value, the lowest of equals; NaN never wins. Throws RequestError when there is no number.
std::int32_t argmax(std::span<const float> logits);

/// Chooses the tokens of one sequence, and remembers them for the penalties.
class Sampler {
 public:
  /// `prompt` counts for the repetition penalty. Throws RequestError as SamplingConfig::check does.
  Sampler(const SamplingConfig& config, std::span<const std::int32_t> prompt);

  /// Chooses a token and counts it as part of the answer.
  std::int32_t next(std::span<const float> logits);

 private:
  struct Candidate {
    double score;
    std::int32_t id;
  };
  void penalise(std::span<float> logits) const;
  void set_candidates(std::span<const float> logits, float largest);
  void keep_top_k();
  void keep_probable();
  std::int32_t draw();

  SamplingConfig config_;
  Random random_;
  std::unordered_map<std::int32_t, std::int64_t> counts_;  ///< times in the answer; 0 for tokens of the prompt alone
  std::vector<float> logits_;
  std::vector<Candidate> candidates_;
};

}  // namespace ttt::inline v2
