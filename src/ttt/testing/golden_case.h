#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/testing/golden.h"
#include "ttt/testing/golden_folder.h"
#include "ttt/testing/golden_model.h"

namespace ttt::inline v2::testing {

/// A model and a golden to hold it against.
struct GoldenSubject {
  ModelFactory factory;  ///< builds the model
  GoldenFolder folder;   ///< of checkpoint and golden
  Golden golden;         ///< read from the folder

  /// The model on a device of its own that is opened with `options`.
  GoldenModel build(DeviceOptions options) const { return {factory, folder.checkpoint(), std::move(options)}; }
};

/// What a case found. It passes when there are no failures and nothing to skip for.
struct Outcome {
  std::vector<std::string> failures;  ///< a sentence each
  std::string skipped;                ///< why nothing was checked; empty when something was

  /// Adds a failure unless it holds.
  void expect(bool holds, std::string failure) {
    if (!holds) failures.push_back(std::move(failure));
  }
};

/// One check that every model must pass on every golden. `run` throws when the model cannot be built or run
/// at all.
struct GoldenCase {
  std::string_view name;  ///< as listed below
  /// Runs the check on a model and its golden.
  Outcome (*run)(const GoldenSubject& subject);
};

/// Agreement with the reference, equal bits, cache and memory, on one thread but for same_bits: goldens are too small
/// to share out.
/// - exact_precision: logits within 5e-4 of the reference, and every greedy token;
/// - standard_precision: logits correlate with the reference's, pcc >= 0.999;
/// - same_bits: run to run, and for 1, 2 and 4 threads;
/// - batch_invariance: the same bits for a batch of 1, of 8 and a ragged one, and however a prompt is cut;
/// - cache: a forked and a truncated sequence continue with the same bits as one that never was;
/// - memory_plan: the plan, made without data, bounds what the model then takes.
std::span<const GoldenCase> accuracy_cases();

/// The loop around the model:
/// - greedy: `generate` gives the reference's tokens, each told once;
/// - stop_conditions: max_tokens, stop tokens, stop strings, a full context and cancellation end an answer
/// where they should;
/// - conversation: an answer continued from the cache is the answer from scratch;
/// - sampling: a seed gives the same tokens again.
std::span<const GoldenCase> generation_cases();

}  // namespace ttt::inline v2::testing
