#pragma once
#include <span>
#include <string>
#include <string_view>

namespace ttt::inline v2 {

/// One turn of a conversation.
struct ChatMessage {
  std::string role;     ///< "system", "user", "assistant"
  std::string content;  ///< UTF-8
};

/// Whether the prompt ends where the assistant's answer begins.
enum class AddGenerationPrompt { no, yes };

/// A model's jinja2 chat template, rendered as transformers' `apply_chat_template` renders it.
class ChatTemplate {
 public:
  /// `source` is the template's text; the tokens are what it sees under those names. Errors in it show when it is
  /// rendered.
  ChatTemplate(std::string source, std::string bos_token, std::string eos_token);

  /// The conversation as a prompt. Throws ttt::Error with the template's own message when it refuses the
  /// conversation, and on messages that are not UTF-8.
  std::string render(std::span<const ChatMessage> messages, AddGenerationPrompt add_generation_prompt) const;
  /// With variables of the caller's own: a JSON object, as {"messages": [...], "tools": [...],
  /// "add_generation_prompt": true}. bos_token and eos_token are added.
  std::string render_json(std::string_view variables) const;

 private:
  std::string source_, bos_token_, eos_token_;
};

}  // namespace ttt::inline v2
