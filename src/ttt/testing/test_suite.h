#pragma once
#include <gtest/gtest.h>

#include "ttt/testing/model_cases.h"

namespace ttt::inline v2::testing {

/// The standard GoogleTest cases of a model: those of model_cases.h, under their suites and names.
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
  /// The model's factory, its types and where its goldens are.
  using Config = ModelUnderTest;

  /// Takes GoogleTest's own flags out of the arguments.
  TestSuite(int& argc, char** argv, Config config) : config_(std::move(config)) {
    ::testing::InitGoogleTest(&argc, argv);
  }

  /// Adds those of all three groups.
  void add_all_cases() {
    add_accuracy_cases();
    add_generation_cases();
    add_performance_cases();
  }
  void add_accuracy_cases() { add(accuracy_cases_of(config_)); }        ///< those of accuracy_cases_of()
  void add_generation_cases() { add(generation_cases_of(config_)); }    ///< those of generation_cases_of()
  void add_performance_cases() { add(performance_cases_of(config_)); }  ///< those of performance_cases_of()

  int run() { return RUN_ALL_TESTS(); }  ///< runs what was added and other TESTs; what main returns

 private:
  class Case : public ::testing::Test {
   public:
    explicit Case(const ModelCase& model_case) : run_(model_case.run) {}
    void TestBody() override {
      const Outcome outcome = run_();
      for (const auto& failure : outcome.failures) ADD_FAILURE() << failure;
      if (!outcome.skipped.empty()) GTEST_SKIP() << outcome.skipped;
    }

   private:
    std::function<Outcome()> run_;
  };

  static void add(const std::vector<ModelCase>& cases) {
    for (const auto& c : cases)
      ::testing::RegisterTest(c.suite.c_str(), c.name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [c]() -> ::testing::Test* { return new Case(c); });
  }

  Config config_;
};

}  // namespace ttt::inline v2::testing
