#pragma once
#include <string>
#include <vector>

#include "ttt/text/tokenizer.h"

namespace ttt::inline v2 {

/// Turns tokens into text one at a time. What it returns never ends within a UTF-8 character, and its pieces
/// put together are the text of all tokens decoded at once.
class StreamingDecoder {
 public:
  /// Decodes with that tokenizer; SkipSpecial::yes leaves special tokens out of the text.
  StreamingDecoder(Tokenizer tokenizer, SkipSpecial skip_special);

  std::string push(std::int32_t id);  ///< the text that this token completes; may be empty
  std::string flush();                ///< what was held back; the decoder is then new

 private:
  Tokenizer tokenizer_;
  SkipSpecial skip_special_;
  std::vector<std::int32_t> ids_;
  std::size_t shown_ids_ = 0;  ///< tokens whose text has been returned; kept, as the next one's text may depend on them
};

}  // namespace ttt::inline v2
