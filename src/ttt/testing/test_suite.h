#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/testing/golden_case.h"
#include "ttt/testing/performance.h"

namespace ttt::testing {

/// The standard GoogleTest cases of a model: each case of golden_case.h on each golden of its model types.
/// Cases of the model's own goldens are in a suite `<group>/<golden's folder>`, those of shared ones in
/// `<group>/shared_<folder>`; the groups are accuracy, generation and performance.
///
///   int main(int argc, char** argv) {
///     ttt::testing::TestSuite suite(argc, argv, {.factory = load_model, .model_types = {"..."}, .goldens =
///     {TTT_GOLDENS}}); suite.add_all_cases(); return suite.run();
///   }
///
/// The CMake function `ttt_add_model_tests` defines TTT_GOLDENS and TTT_SHARED_GOLDENS. Other TESTs of the
/// program run as well.
class TestSuite {
 public:
  struct Config {
    ModelFactory factory;
    std::vector<std::string> model_types;        ///< `model_type` of the goldens' configs that the factory builds
    std::vector<std::filesystem::path> goldens;  ///< folders of golden folders; none for the model there is a failure
    std::filesystem::path shared_goldens = {};   ///< one more, skipped with a printed reason when it is not there
  };

  TestSuite(int& argc, char** argv, Config config) : config_(std::move(config)) {
    ::testing::InitGoogleTest(&argc, argv);
  }

  void add_all_cases() {
    add_accuracy_cases();
    add_generation_cases();
    add_performance_cases();
  }
  void add_accuracy_cases() { add("accuracy", accuracy_cases()); }
  void add_generation_cases() { add("generation", generation_cases()); }
  /// Prints tokens/s and the share of the roofline for performance_checkpoint of the model's own goldens.
  /// Time is never asserted.
  void add_performance_cases() {
    add_test("performance/largest", "speed", [config = config_] {
      const auto checkpoint = performance_checkpoint(own_folders(config));
      const GoldenModel model(config.factory, checkpoint, {});
      std::cout << checkpoint.string() << ", " << model.device().num_threads() << " threads\n"
                << measure_speed(model, 48, 48).str();
    });
  }

  int run() { return RUN_ALL_TESTS(); }

 private:
  class Case : public ::testing::Test {
   public:
    explicit Case(std::function<void()> body) : body_(std::move(body)) {}
    void TestBody() override { body_(); }

   private:
    std::function<void()> body_;
  };

  static void add_test(const std::string& suite, const std::string& name, std::function<void()> body) {
    ::testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [body = std::move(body)]() -> ::testing::Test* { return new Case(body); });
  }

  static void run_case(const GoldenCase& golden_case, const ModelFactory& factory, const std::filesystem::path& path) {
    const GoldenFolder folder(path);
    const auto outcome = golden_case.run({factory, folder, Golden::load(folder.golden_file())});
    for (const auto& failure : outcome.failures) ADD_FAILURE() << failure;
    if (!outcome.skipped.empty()) GTEST_SKIP() << outcome.skipped;
  }

  /// Folders below `root` whose config has one of the model's types.
  static std::vector<std::filesystem::path> folders_in(const std::filesystem::path& root, const Config& config) {
    auto folders = golden_folders_in(root);
    std::erase_if(folders, [&](const auto& path) {
      return std::ranges::find(config.model_types, model_type_of(path)) == config.model_types.end();
    });
    return folders;
  }

  static std::vector<std::filesystem::path> own_folders(const Config& config) {
    std::vector<std::filesystem::path> all;
    for (const auto& root : config.goldens) {
      const auto some = folders_in(root, config);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  void add(const std::string& group, std::span<const GoldenCase> cases) try {
    const auto own = own_folders(config_);
    if (own.empty()) add_test(group + "/goldens", "are_there", [] { FAIL() << "the model has no goldens of its own"; });
    add(cases, own, group + "/");
    if (config_.shared_goldens.empty()) return;
    const auto shared = folders_in(config_.shared_goldens, config_);
    const auto reason = "no shared goldens of this model in " + config_.shared_goldens.string();
    if (shared.empty()) add_test(group + "/shared_goldens", "are_there", [reason] { GTEST_SKIP() << reason; });
    add(cases, shared, group + "/shared_");
  } catch (const std::exception& error) {
    add_test(group + "/goldens", "can_be_read", [what = std::string(error.what())] { FAIL() << what; });
  }

  void add(std::span<const GoldenCase> cases, const std::vector<std::filesystem::path>& folders,
           const std::string& prefix) {
    for (const auto& path : folders) {
      std::string suite = prefix + path.filename().string();
      std::ranges::replace_if(suite, [](char c) { return c == '-' || c == '.'; }, '_');
      for (const auto& golden_case : cases)
        add_test(suite, std::string(golden_case.name),
                 [=, factory = config_.factory] { run_case(golden_case, factory, path); });
    }
  }

  Config config_;
};

}  // namespace ttt::testing
