#include "text.h"

#include "ttt/core/error.h"

#ifdef TTT_HAS_TEXT
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "read_gguf_vocabulary.h"
#include "ttt/text/chat_template.h"
#include "ttt/text/streaming_decoder.h"
#endif

namespace ttt::app {
namespace {

[[noreturn]] void fail(const Checkpoint& checkpoint, std::string what, TakesIds takes_ids) {
  if (takes_ids == TakesIds::yes) what += ", or give token ids with --ids";
  throw Error(checkpoint.path.string(), what);
}

}  // namespace

#ifdef TTT_HAS_TEXT
namespace {

using Json = nlohmann::json;

struct Template {
  std::string source, bos_token, eos_token;
};

class OpenText final : public Text {
 public:
  OpenText(Tokenizer tokenizer, Template chat)
      : tokenizer_(tokenizer),
        has_template_(!chat.source.empty()),
        template_(std::move(chat.source), std::move(chat.bos_token), std::move(chat.eos_token)),
        decoder_(tokenizer, SkipSpecial::yes) {}

  std::vector<std::int32_t> encode(const std::string& text, bool add_special) const override {
    return tokenizer_.encode(text, add_special ? AddSpecial::yes : AddSpecial::no);
  }
  std::string piece(std::int32_t id) const override { return tokenizer_.piece(id); }
  bool has_template() const override { return has_template_; }
  std::string render(const std::vector<Message>& messages) const override {
    std::vector<ChatMessage> chat;
    for (const auto& [role, content] : messages) chat.push_back({role, content});
    return template_.render(chat, AddGenerationPrompt::yes);
  }
  void restart() override { decoder_.flush(); }
  std::string push(std::int32_t id) override { return decoder_.push(id); }
  std::string flush() override { return decoder_.flush(); }

 private:
  Tokenizer tokenizer_;
  bool has_template_;
  ChatTemplate template_;
  StreamingDecoder decoder_;
};

std::unique_ptr<Text> open_gguf(const Checkpoint& checkpoint, TakesIds takes_ids) {
  const GgufFile& file = *checkpoint.gguf;
  if (file.find_metadata("tokenizer.ggml.model") == nullptr)
    fail(checkpoint, "has no tokenizer; use a file with tokenizer.ggml.* metadata", takes_ids);
  const auto vocabulary = read_gguf_vocabulary(file);
  const auto tokenizer = Tokenizer::from_gguf(vocabulary, file.where());
  const auto spelled = [&](std::optional<std::int64_t> id) {
    return id ? tokenizer.piece(static_cast<std::int32_t>(*id)) : std::string();
  };
  const auto* source = file.find_metadata("tokenizer.chat_template");
  const auto* text = source == nullptr ? nullptr : std::get_if<std::string>(source);
  return std::make_unique<OpenText>(
      tokenizer, Template{text == nullptr ? std::string() : *text, spelled(vocabulary.bos), spelled(vocabulary.eos)});
}

std::optional<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

/// A special token in tokenizer_config.json is its text, or an object that holds it.
std::string token_text(const Json& config, const char* key) {
  if (!config.contains(key)) return {};
  const auto& token = config[key];
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string())
    return token["content"].get<std::string>();
  return {};
}

/// A template is its text, or one of a list of named ones: then the one named "default".
std::string template_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array())
    for (const auto& entry : value)
      if (entry.is_object() && entry.value("name", Json()) == "default" && entry.value("template", Json()).is_string())
        return entry["template"].get<std::string>();
  return {};
}

std::unique_ptr<Text> open_folder(const Checkpoint& checkpoint, TakesIds takes_ids) {
  const auto& folder = checkpoint.path;
  if (!std::filesystem::exists(folder / "tokenizer.json"))
    fail(checkpoint, "has no tokenizer.json; put the model's own there", takes_ids);
  auto config = Json::parse(read_file(folder / "tokenizer_config.json").value_or("{}"), nullptr, false);
  if (!config.is_object()) throw FormatError((folder / "tokenizer_config.json").string(), "expected a JSON object");
  std::string source = read_file(folder / "chat_template.jinja").value_or("");
  if (source.empty() && config.contains("chat_template")) source = template_text(config["chat_template"]);
  return std::make_unique<OpenText>(
      Tokenizer::from_file(folder / "tokenizer.json"),
      Template{std::move(source), token_text(config, "bos_token"), token_text(config, "eos_token")});
}

}  // namespace

std::unique_ptr<Text> open_text(const Checkpoint& checkpoint, TakesIds takes_ids) {
  return checkpoint.gguf ? open_gguf(checkpoint, takes_ids) : open_folder(checkpoint, takes_ids);
}
#else
std::unique_ptr<Text> open_text(const Checkpoint& checkpoint, TakesIds takes_ids) {
  fail(checkpoint, "this ttt was built without the text component; build it with -DTTT_TEXT=ON", takes_ids);
}
#endif

}  // namespace ttt::app
