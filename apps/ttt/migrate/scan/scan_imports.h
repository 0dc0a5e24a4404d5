#pragma once
#include "source.h"

namespace ttt::app {

/// Whether token `i` begins an import of Python or an #include of C++ that takes another model's code: from a folder
/// below models/ (models/common apart), or a model's folder beside the file's own. What lies in the file's own model is
/// its own.
bool is_cross_model_import(const Source& source, std::size_t i);

}  // namespace ttt::app
