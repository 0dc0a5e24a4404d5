#pragma once
#include <map>
#include <string>

#include "infer.h"

namespace ttt::app {

/// The files of a model's folder, by path: a CMake project, the model, its plug-in, its tests, a README.
std::map<std::string, std::string> write_model(const std::string& name, const InferredModel& model);

}  // namespace ttt::app
