#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "infer.h"
#include "ttt/core/error.h"
#include "ttt/formats/checkpoint.h"
#include "verbs.h"
#include "write.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;

void check_name(const std::string& name) {
  const auto ok = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || !std::ranges::all_of(name, ok) || name[0] < 'a' || name[0] > 'z')
    throw RequestError("new-model",
                       fmt::format("expected a name of small letters, digits and underscores, got \"{}\"", name));
}

}  // namespace

void run_new_model(const NewModelOptions& o) {
  check_name(o.name);
  const fs::path folder = o.to.empty() ? fs::path(o.name) : fs::path(o.to);
  if (fs::exists(folder)) throw RequestError(folder.string(), "is there already; nothing is overwritten");
  const auto checkpoint = Checkpoint::open(o.from);
  if (checkpoint.kind != Checkpoint::Kind::hugging_face)
    throw FormatError(o.from,
                      "expected a Hugging Face folder (config.json, safetensors); GGUF files keep too little "
                      "of the config");
  const auto model = infer_model(checkpoint.config, *checkpoint.source);
  for (const auto& [path, text] : write_model(o.name, model)) {
    fs::create_directories((folder / path).parent_path());
    std::ofstream out(folder / path);
    if (!(out << text)) throw Error((folder / path).string(), "cannot be written");
  }
  std::string text = fmt::format("{}: a model for model_type \"{}\"; its README.md says how to build and check it\n",
                                 folder.string(), model.model_type);
  for (const auto& question : model.questions) text += fmt::format("TODO: {}\n", question);
  print_result(text);
}

}  // namespace ttt::app
