#include "ttt/text/chat_template.h"

#include <nlohmann/json.hpp>

#include "ttt/text/abi_call.h"

namespace ttt::inline v2 {

ChatTemplate::ChatTemplate(std::string source, std::string bos_token, std::string eos_token)
    : source_(std::move(source)), bos_token_(std::move(bos_token)), eos_token_(std::move(eos_token)) {}

std::string ChatTemplate::render(std::span<const ChatMessage> messages,
                                 AddGenerationPrompt add_generation_prompt) const {
  nlohmann::ordered_json variables{{"messages", nlohmann::ordered_json::array()},
                                   {"add_generation_prompt", add_generation_prompt == AddGenerationPrompt::yes}};
  for (const auto& [role, content] : messages) variables["messages"].push_back({{"role", role}, {"content", content}});
  std::string json;
  try {
    json = variables.dump();
  } catch (const nlohmann::json::type_error&) {  // JSON holds no other text
    throw Error("chat template", "a message is invalid UTF-8");
  }
  return render_json(json);
}

std::string ChatTemplate::render_json(std::string_view variables) const {
  auto all = nlohmann::ordered_json::parse(variables, nullptr, false);
  if (!all.is_object()) throw Error("chat template", "variables: expected a JSON object");
  all["bos_token"] = bos_token_;
  all["eos_token"] = eos_token_;
  const std::string json = all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return text::take(text::call<Error, ttt_bytes>("chat template", ttt_chat_template_render, text::bytes_of(source_),
                                                 source_.size(), text::bytes_of(json), json.size()));
}

}  // namespace ttt::inline v2
