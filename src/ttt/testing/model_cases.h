#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ttt/testing/golden_case.h"

namespace ttt::inline v2::testing {

/// A model's code, and the goldens that it is held against.
struct ModelUnderTest {
  ModelFactory factory;                        ///< builds the model
  std::vector<std::string> model_types;        ///< `model_type` of the goldens' configs that the factory builds
  std::vector<std::filesystem::path> goldens;  ///< folders of golden folders; none for the model there is a failure
  std::filesystem::path shared_goldens = {};   ///< one more, skipped with a reason when it is not there
};

/// One case on one golden. `run` throws when the model cannot be built or run at all.
struct ModelCase {
  std::string suite;             ///< `<group>/<golden's folder>`
  std::string name;              ///< of the case in golden_case.h
  std::function<Outcome()> run;  ///< answers what it found
};

/// The cases of golden_case.h on each golden of the model's types. Suites are `<group>/<golden's folder>`, and
/// `<group>/shared_<folder>` for shared goldens; the groups are accuracy and generation. Where goldens are missing or
/// unreadable, a case says so: it fails, or skips for shared ones.
std::vector<ModelCase> accuracy_cases_of(const ModelUnderTest& model);
std::vector<ModelCase> generation_cases_of(const ModelUnderTest& model);  ///< the cases of generation_cases()
/// Prints tokens/s and the share of the roofline for performance_checkpoint of the model's own goldens. Time is never
/// asserted.
std::vector<ModelCase> performance_cases_of(const ModelUnderTest& model);

}  // namespace ttt::inline v2::testing
