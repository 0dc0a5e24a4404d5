#include "ttt/text/streaming_decoder.h"

#include <string_view>

namespace ttt::inline v2 {
namespace {
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
}

StreamingDecoder::StreamingDecoder(Tokenizer tokenizer, SkipSpecial skip_special)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

std::string StreamingDecoder::push(std::int32_t id) {
  ids_.push_back(id);
  const std::string shown = tokenizer_.decode(std::span(ids_).first(shown_ids_), skip_special_);
  const std::string all = tokenizer_.decode(ids_, skip_special_);
  // A character that is not whole yet decodes to U+FFFD at the end.
  if (all.size() <= shown.size() || all.ends_with(kReplacement)) return {};
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(shown_ids_));
  shown_ids_ = ids_.size();
  return all.substr(shown.size());
}

std::string StreamingDecoder::flush() {
  const std::string shown = tokenizer_.decode(std::span(ids_).first(shown_ids_), skip_special_);
  const std::string all = tokenizer_.decode(ids_, skip_special_);
  ids_.clear();
  shown_ids_ = 0;
  return all.size() > shown.size() ? all.substr(shown.size()) : std::string();
}

}  // namespace ttt::inline v2
