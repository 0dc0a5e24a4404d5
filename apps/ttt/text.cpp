#include "text.h"

#include "ttt/core/error.h"

#ifdef TTT_HAS_TEXT
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "ttt/text/chat_template.h"
#include "ttt/text/streaming_decoder.h"
#endif

namespace ttt::app {

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

/// A metadata value of that type, or the default when it is absent.
template <class T>
T metadata(const GgufFile& file, std::string_view key, T otherwise = {}) {
  const auto* value = file.find_metadata(key);
  if (value == nullptr) return otherwise;
  if (const auto* typed = std::get_if<T>(value)) return *typed;
  throw FormatError(file.where(), std::string(key) + ": is not of the type that tokenizers have there");
}

std::optional<std::int64_t> token_id(const GgufFile& file, std::string_view key) {
  const auto* value = file.find_metadata(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* id = std::get_if<std::uint64_t>(value)) return static_cast<std::int64_t>(*id);
  if (const auto* id = std::get_if<std::int64_t>(value)) return *id;
  throw FormatError(file.where(), std::string(key) + ": expected a token id");
}

GgufVocabulary read_vocabulary(const GgufFile& file) {
  const bool sentencepiece = metadata<std::string>(file, "tokenizer.ggml.model") == "llama";
  return {.model = metadata<std::string>(file, "tokenizer.ggml.model"),
          .pre = metadata<std::string>(file, "tokenizer.ggml.pre"),
          .tokens = metadata<std::vector<std::string>>(file, "tokenizer.ggml.tokens"),
          .token_types = metadata<std::vector<std::int64_t>>(file, "tokenizer.ggml.token_type"),
          .scores = metadata<std::vector<double>>(file, "tokenizer.ggml.scores"),
          .merges = metadata<std::vector<std::string>>(file, "tokenizer.ggml.merges"),
          .bos = token_id(file, "tokenizer.ggml.bos_token_id"),
          .eos = token_id(file, "tokenizer.ggml.eos_token_id"),
          .unk = token_id(file, "tokenizer.ggml.unknown_token_id"),
          .cls = token_id(file, "tokenizer.ggml.cls_token_id"),
          .sep = token_id(file, "tokenizer.ggml.seperator_token_id"),  // so spelled in the format
          .add_bos = metadata<bool>(file, "tokenizer.ggml.add_bos_token", sentencepiece),
          .add_eos = metadata<bool>(file, "tokenizer.ggml.add_eos_token", false),
          .add_space_prefix = metadata<bool>(file, "tokenizer.ggml.add_space_prefix", true)};
}

std::unique_ptr<Text> open_gguf(const GgufFile& file) {
  const auto vocabulary = read_vocabulary(file);
  const auto tokenizer = Tokenizer::from_gguf(vocabulary, file.where());
  const auto spelled = [&](std::optional<std::int64_t> id) {
    return id ? tokenizer.piece(static_cast<std::int32_t>(*id)) : std::string();
  };
  return std::make_unique<OpenText>(
      tokenizer, Template{metadata<std::string>(file, "tokenizer.chat_template"), spelled(vocabulary.bos),
                          spelled(vocabulary.eos)});
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

std::unique_ptr<Text> open_folder(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "tokenizer.json"))
    throw FormatError(folder.string(), "has no tokenizer.json; give token ids with --ids");
  auto config = Json::parse(read_file(folder / "tokenizer_config.json").value_or("{}"), nullptr, false);
  if (!config.is_object())
    throw FormatError((folder / "tokenizer_config.json").string(), "expected a JSON object");
  std::string source = read_file(folder / "chat_template.jinja").value_or("");
  if (source.empty() && config.contains("chat_template") && config["chat_template"].is_string())
    source = config["chat_template"].get<std::string>();
  return std::make_unique<OpenText>(
      Tokenizer::from_file(folder / "tokenizer.json"),
      Template{std::move(source), token_text(config, "bos_token"), token_text(config, "eos_token")});
}

}  // namespace

std::unique_ptr<Text> open_text(const Checkpoint& checkpoint) {
  return checkpoint.gguf ? open_gguf(*checkpoint.gguf) : open_folder(checkpoint.path);
}
#else
std::unique_ptr<Text> open_text(const Checkpoint& checkpoint) {
  throw Error(checkpoint.path.string(),
              "this ttt was built without the text component; give token ids with --ids");
}
#endif

}  // namespace ttt::app
