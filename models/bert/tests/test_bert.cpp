#include <gtest/gtest.h>

#include "bert.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/golden.h"
#include "ttt/testing/golden_folder.h"

namespace ttt::models {
namespace {

/// Hidden states of the golden's rows, all in one step or one by one.
enum class Batch { together, alone };

std::vector<float> hidden_states(const std::filesystem::path& folder, const testing::Golden& golden,
                                 Precision precision, int threads, Batch batch) {
  const auto checkpoint = Checkpoint::open(folder);
  const auto device =
      Device::open(DeviceConfig::auto_detect(),
                   {.threads = threads, .precision = precision, .batch_invariance = BatchInvariance::on});
  const Encoder model = load_bert(checkpoint.config, checkpoint.weights, *device, checkpoint.kind);
  checkpoint.weights.finish();
  KvCache cache({.layers = model.cache_layers(),
                 .max_tokens = 64 * golden.batch,
                 .dtype = precision == Precision::exact ? DType::f32 : DType::f16,
                 .max_sequences = static_cast<int>(golden.batch)},
                *device);
  Step step(cache, *device);
  std::vector<float> all;
  const auto run = [&] {
    const Matrix hidden = model.forward(step);
    all.insert(all.end(), hidden.row(0), hidden.row(0) + hidden.rows * hidden.cols);
    step.clear();
  };
  for (const auto& ids : golden.input_ids) {
    step.add(cache.create(), ids, LogitRows::none);
    if (batch == Batch::alone) run();
  }
  if (batch == Batch::together) run();
  return all;
}

void expect_agreement(const std::filesystem::path& path) {
  const testing::GoldenFolder folder(path);
  const auto golden = testing::Golden::load(folder.golden_file());
  const auto exact = hidden_states(folder.checkpoint(), golden, Precision::exact, 1, Batch::together);
  EXPECT_LE(testing::compare(exact, golden.logits.values<float>()).max_abs_diff, 5e-4);
  const auto standard = hidden_states(folder.checkpoint(), golden, Precision::standard, 1, Batch::together);
  EXPECT_GE(testing::compare(standard, golden.logits.values<float>()).pcc, 0.999);
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto& want = precision == Precision::exact ? exact : standard;
    EXPECT_EQ(hidden_states(folder.checkpoint(), golden, precision, 1, Batch::alone), want);
    EXPECT_EQ(hidden_states(folder.checkpoint(), golden, precision, 2, Batch::together), want);
    EXPECT_EQ(hidden_states(folder.checkpoint(), golden, precision, 4, Batch::together), want);
  }
}

int check_folders(const std::filesystem::path& root) {
  int found = 0;
  for (const auto& path : testing::golden_folders_in(root))
    if (testing::model_type_of(path) == "bert") {
      SCOPED_TRACE(path.string());
      expect_agreement(path);
      ++found;
    }
  return found;
}

TEST(Bert, FollowsTransformersWithTheSameBits) {
  int found = 0;
  for (const std::filesystem::path root : {TTT_GOLDENS})
    if (std::filesystem::is_directory(root)) found += check_folders(root);
  EXPECT_GT(found, 0) << "the model has no goldens of its own";
}

TEST(Bert, FollowsSharedGoldens) {
  if (!std::filesystem::is_directory(TTT_SHARED_GOLDENS)) GTEST_SKIP() << "no shared goldens of this model";
  EXPECT_GT(check_folders(TTT_SHARED_GOLDENS), 0);
}

}  // namespace
}  // namespace ttt::models
