#include "ttt/testing/model_cases.h"

#include <algorithm>
#include <iostream>

#include "ttt/testing/performance.h"

namespace ttt::inline v2::testing {
namespace {

using Paths = std::vector<std::filesystem::path>;

/// Folders below `root` whose config has one of the model's types.
Paths folders_in(const std::filesystem::path& root, const ModelUnderTest& model) {
  auto folders = golden_folders_in(root);
  std::erase_if(folders, [&](const auto& path) {
    return std::ranges::find(model.model_types, model_type_of(path)) == model.model_types.end();
  });
  return folders;
}

Paths own_folders(const ModelUnderTest& model) {
  Paths all;
  for (const auto& root : model.goldens) {
    const auto some = folders_in(root, model);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

ModelCase failing(std::string suite, std::string name, std::string why) {
  return {std::move(suite), std::move(name),
          [why = std::move(why)] { return Outcome{.failures = {why}, .skipped = {}}; }};
}

void add(std::vector<ModelCase>& all, const ModelUnderTest& model, std::span<const GoldenCase> cases,
         const Paths& folders, const std::string& prefix) {
  for (const auto& path : folders) {
    std::string suite = prefix + path.filename().string();
    std::ranges::replace_if(suite, [](char c) { return c == '-' || c == '.'; }, '_');
    for (const auto& golden_case : cases)
      all.push_back({suite, std::string(golden_case.name), [path, run = golden_case.run, factory = model.factory] {
                       const GoldenFolder folder(path);
                       return run({factory, folder, Golden::load(folder.golden_file())});
                     }});
  }
}

std::vector<ModelCase> cases_of(const ModelUnderTest& model, const std::string& group,
                                std::span<const GoldenCase> cases) try {
  std::vector<ModelCase> all;
  const auto own = own_folders(model);
  if (own.empty()) all.push_back(failing(group + "/goldens", "are_there", "the model has no goldens of its own"));
  add(all, model, cases, own, group + "/");
  if (model.shared_goldens.empty()) return all;
  const auto shared = folders_in(model.shared_goldens, model);
  if (shared.empty())
    all.push_back({group + "/shared_goldens", "are_there",
                   [reason = "no shared goldens of this model in " + model.shared_goldens.string()] {
                     return Outcome{.failures = {}, .skipped = reason};
                   }});
  add(all, model, cases, shared, group + "/shared_");
  return all;
} catch (const std::exception& error) {
  return {failing(group + "/goldens", "can_be_read", error.what())};
}

}  // namespace

std::vector<ModelCase> accuracy_cases_of(const ModelUnderTest& model) {
  return cases_of(model, "accuracy", accuracy_cases());
}

std::vector<ModelCase> generation_cases_of(const ModelUnderTest& model) {
  return cases_of(model, "generation", generation_cases());
}

std::vector<ModelCase> performance_cases_of(const ModelUnderTest& model) {
  return {{"performance/largest", "speed", [model] {
             const auto checkpoint = performance_checkpoint(own_folders(model));
             const GoldenModel built(model.factory, checkpoint, {});
             std::cout << checkpoint.string() << ", " << built.device().num_threads() << " threads\n"
                       << measure_speed(built, 48, 48).str();
             return Outcome{};
           }}};
}

}  // namespace ttt::inline v2::testing
