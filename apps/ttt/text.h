#pragma once
#include <memory>
#include <string>
#include <vector>

#include "ttt/formats/checkpoint.h"

namespace ttt::app {

struct Message {
  std::string role, content;
};

/// A model's tokenizer and chat template, as the verbs use them: the one place that knows the text component.
class Text {
 public:
  virtual ~Text() = default;
  /// Special tokens in the text are recognised; `add_special` puts those around it that the tokenizer asks
  /// for.
  virtual std::vector<std::int32_t> encode(const std::string& text, bool add_special) const = 0;
  virtual std::string piece(std::int32_t id) const = 0;
  virtual bool has_template() const = 0;
  /// The conversation as a prompt that asks for an answer.
  virtual std::string render(const std::vector<Message>& messages) const = 0;
  /// Streaming: text that the token completes, never half a character.
  virtual void restart() = 0;
  virtual std::string push(std::int32_t id) = 0;
  virtual std::string flush() = 0;
};

/// Whether the verb has --ids, which need no tokenizer.
enum class TakesIds { no, yes };

/// Throws Error when this build has no text component, or the checkpoint no tokenizer; it says what to do instead.
std::unique_ptr<Text> open_text(const Checkpoint& checkpoint, TakesIds takes_ids = TakesIds::no);

}  // namespace ttt::app
