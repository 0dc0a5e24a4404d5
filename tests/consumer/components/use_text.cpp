#include <ttt/core/error.h>
#include <ttt/text/chat_template.h>
#include <ttt/text/tokenizer.h>

#include <iostream>

int main() try {
  const auto tokenizer = ttt::Tokenizer::from_json(
      R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
          "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
          "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "hello": 1, "world": 2}, "unk_token": "[UNK]"}})",
      "inline");
  if (tokenizer.encode("hello world", ttt::AddSpecial::no) != std::vector<std::int32_t>{1, 2}) {
    std::cerr << "other token ids than the vocabulary's\n";
    return 1;
  }
  const ttt::ChatTemplate chat("{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}",
                               "<s>", "</s>");
  const ttt::ChatMessage message{"user", "hi"};
  const auto text = chat.render({&message, 1}, ttt::AddGenerationPrompt::no);
  if (text != "<s>[user] hi") {
    std::cerr << "rendered: " << text << '\n';
    return 1;
  }
  try {
    ttt::Tokenizer::from_json("{", "inline");
  } catch (const ttt::FormatError&) {
    return 0;
  }
  std::cerr << "half a document passed for a tokenizer\n";
  return 1;
} catch (const ttt::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
