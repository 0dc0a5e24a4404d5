#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ttt/core/error.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/golden_case.h"

namespace ttt::inline v2::testing {
namespace {

using Logits = std::vector<std::vector<float>>;

constexpr double kMaxAbsDiff = 5e-4, kMinPcc = 0.999;

std::string_view name(Precision precision) { return precision == Precision::exact ? "exact" : "standard"; }

Agreement agreement_of(const GoldenSubject& subject, const GoldenModel& model, std::size_t row) {
  return compare(model.logits({subject.golden.input_ids[row]})[0],
                 subject.golden.logits_of(static_cast<std::int64_t>(row)));
}

Outcome exact_precision(const GoldenSubject& subject) {
  Outcome outcome;
  const auto& golden = subject.golden;
  const auto model = subject.build({.threads = 1, .precision = Precision::exact});
  for (std::size_t b = 0; b < golden.input_ids.size(); ++b) {
    const auto diff = agreement_of(subject, model, b).max_abs_diff;
    outcome.expect(diff <= kMaxAbsDiff, fmt::format("row {}: logits differ by {}, more than {}", b, diff, kMaxAbsDiff));
  }
  for (std::size_t b = 0; b < golden.greedy.size(); ++b) {
    const auto got = model.greedy(golden.input_ids[b], golden.greedy[b].size());
    const auto equal = std::ranges::mismatch(got, golden.greedy[b]).in1 - got.begin();
    outcome.expect(got == golden.greedy[b], fmt::format("row {}: greedy token {} of {} differs", b, equal, got.size()));
  }
  return outcome;
}

Outcome standard_precision(const GoldenSubject& subject) {
  Outcome outcome;
  const auto model = subject.build({.threads = 1});
  for (std::size_t b = 0; b < subject.golden.input_ids.size(); ++b) {
    const auto pcc = agreement_of(subject, model, b).pcc;
    outcome.expect(pcc >= kMinPcc, fmt::format("row {}: logits correlate with {}, less than {}", b, pcc, kMinPcc));
  }
  return outcome;
}

Outcome same_bits(const GoldenSubject& subject) {
  Outcome outcome;
  const auto& rows = subject.golden.input_ids;
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto run = [&](int threads) {
      return subject.build({.threads = threads, .precision = precision}).logits(rows);
    };
    const auto want = run(1);
    outcome.expect(run(1) == want, fmt::format("{}: a second run gives other bits", name(precision)));
    for (const int threads : {2, 4})
      outcome.expect(run(threads) == want,
                     fmt::format("{}: {} threads give other bits than one", name(precision), threads));
  }
  return outcome;
}

/// Prompts of different lengths, cut from the golden's rows.
std::vector<TokenRow> ragged_prompts(const Golden& golden) {
  std::vector<TokenRow> prompts;
  for (const auto& row : golden.input_ids)
    for (const auto length : {row.size(), row.size() / 2 + 1, std::size_t{1}})
      prompts.emplace_back(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(length));
  return prompts;
}

Outcome batch_invariance(const GoldenSubject& subject) {
  Outcome outcome;
  const auto& golden = subject.golden;
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto model = subject.build({.threads = 1, .precision = precision, .batch_invariance = BatchInvariance::on});
    const auto expect = [&](const Logits& got, const Logits& want, std::string_view what) {
      outcome.expect(got == want, fmt::format("{}: {} gives other bits", name(precision), what));
    };
    Logits want;
    for (const auto& row : golden.input_ids) want.push_back(model.logits({row})[0]);
    expect(model.logits(golden.input_ids), want, "a batch of all rows");
    expect(model.logits(std::vector<TokenRow>(8, golden.input_ids[0])), Logits(8, want[0]), "a batch of 8");
    expect(model.logits(golden.input_ids, 5), want, "a prompt in chunks of 5");
    expect(model.logits(golden.input_ids, 1), want, "a prompt token by token");
    const auto ragged = ragged_prompts(golden);
    Logits one_by_one;
    for (const auto& row : ragged) one_by_one.push_back(model.logits({row})[0]);
    expect(model.logits(ragged), one_by_one, "a ragged batch");
    expect(model.logits(ragged, 3), one_by_one, "a ragged batch in chunks of 3");
  }
  return outcome;
}

Outcome cache(const GoldenSubject& subject) {
  Outcome outcome;
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto model = subject.build({.threads = 1, .precision = precision, .batch_invariance = BatchInvariance::on});
    // Within a page no key slides out of a window, so that truncating is always possible.
    const auto page = static_cast<std::size_t>(model.device().config().optimal_params<AttentionParams>().page_size);
    auto row = subject.golden.input_ids[0];
    row.resize(std::min(row.size(), page));
    const auto want = model.logits({row})[0];
    const std::size_t half = row.size() / 2;
    const auto first = std::span(row).first(half), second = std::span(row).subspan(half);
    const std::span<const float> want_second =
        std::span(want).subspan(half * static_cast<std::size_t>(model.model().vocab_size()));

    KvCache kv = model.make_cache(static_cast<std::int64_t>(4 * row.size()), 2);
    Step step(kv, model.device());
    const auto continues = [&](KvCache::Sequence sequence, std::span<const std::int32_t> tokens) {
      std::vector<float> got;
      append_logits(model.model(), step, sequence, tokens, row.size(), got);
      return std::ranges::equal(got, want_second);
    };
    std::vector<float> unused;
    const auto original = kv.create();
    append_logits(model.model(), step, original, first, row.size(), unused);
    const auto fork = kv.fork(original);
    // The fork goes another way first; the original must not see it.
    append_logits(model.model(), step, fork, TokenRow(second.rbegin(), second.rend()), row.size(), unused);
    outcome.expect(continues(original, second),
                   fmt::format("{}: a fork changes the sequence it was made from", name(precision)));
    kv.truncate(fork, static_cast<std::int32_t>(half));
    outcome.expect(kv.length(fork) == static_cast<std::int32_t>(half), "truncate leaves another length");
    outcome.expect(continues(fork, second),
                   fmt::format("{}: a truncated fork continues with other bits", name(precision)));
    kv.drop(original);
    kv.truncate(fork, 0);
    append_logits(model.model(), step, fork, first, row.size(), unused);
    outcome.expect(continues(fork, second),
                   fmt::format("{}: a sequence begun again gives other bits", name(precision)));
  }
  return outcome;
}

Outcome memory_plan(const GoldenSubject& subject) {
  Outcome outcome;
  const auto checkpoint = Checkpoint::open(subject.folder.checkpoint());
  const auto model = subject.build({.threads = 1});
  const auto plan = checkpoint.weights.plan();
  const auto planned = subject.factory(checkpoint.config, plan, model.device(), checkpoint.kind);
  outcome.expect(
      planned.weight_bytes() >= model.model().weight_bytes() && planned.weight_bytes() > 0,
      fmt::format("{} bytes of weights were planned, {} taken", planned.weight_bytes(), model.model().weight_bytes()));
  outcome.expect(planned.cache_layers() == model.model().cache_layers(), "the planned cache is not the model's");

  const auto& rows = subject.golden.input_ids;
  KvCache kv = model.make_cache(subject.golden.batch * subject.golden.tokens, static_cast<int>(rows.size()));
  Step step(kv, model.device());
  for (const auto& row : rows) step.add(kv.create(), row, LogitRows::all);
  model.model().forward(step);
  const auto bound = planned.workspace_bytes(step.num_rows(), step.num_rows());
  outcome.expect(step.workspace().bytes() <= bound,
                 fmt::format("{} bytes of workspace were planned, {} taken", bound, step.workspace().bytes()));
  return outcome;
}

constexpr std::array kAccuracyCases{GoldenCase{"exact_precision", exact_precision},
                                    GoldenCase{"standard_precision", standard_precision},
                                    GoldenCase{"same_bits", same_bits},
                                    GoldenCase{"batch_invariance", batch_invariance},
                                    GoldenCase{"cache", cache},
                                    GoldenCase{"memory_plan", memory_plan}};

}  // namespace

std::span<const GoldenCase> accuracy_cases() { return kAccuracyCases; }

}  // namespace ttt::inline v2::testing
