#pragma once
#include "ttt/formats/gguf.h"
#include "ttt/text/gguf_vocabulary.h"

namespace ttt::app {

/// The tokenizer in a file's metadata. Throws FormatError for a value of another type; what is absent stays
/// empty.
GgufVocabulary read_gguf_vocabulary(const GgufFile& file);

}  // namespace ttt::app
