#include "ttt/text/pre_tokenizer.h"

#include <algorithm>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

/// GPT-2's words: contractions, letters, digits, the rest, each with the space before it.
const std::string kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

const std::string kContractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const std::string kDigit = R"(\p{N})";
const std::string kUpToThreeDigits = R"(\p{N}{1,3})";
const std::string kNewLines = R"(\s*[\r\n]+)";
const std::string kSpaces = R"(\s+(?!\S)|\s+)";

/// Llama 3's words, with that expression for digits and that one for the ends of lines.
std::string words(const std::string& digits, const std::string& new_lines = kNewLines) {
  return kContractions + R"(|[^\r\n\p{L}\p{N}]?\p{L}+|)" + digits + R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|)" + new_lines + "|" +
         kSpaces;
}

/// Runs of upper and of lower case apart, as in o200k; `suffix` follows each word.
std::string cased_words(const std::string& suffix, const std::string& digits) {
  const std::string start = R"([^\r\n\p{L}\p{N}]?)", upper = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])",
                    lower = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";
  return start + upper + "*" + lower + "+" + suffix + "|" + start + upper + "+" + lower + "*" + suffix + "|" + digits +
         R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" + kNewLines + "|" + kSpaces;
}

/// Letters of scripts that have cases, as one tokenizer lists them.
const std::string kCasedLetters =
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-"
    "\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBE"
    "ῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-"
    "ﬗＡ-Ｚａ-ｚ"
    "\U00010400-\U0001044F\U000104B0-\U000104D3\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-"
    "\U00010CF2"
    "\U000118A0-\U000118DF\U0001E900-\U0001E943";

const std::string kIdeographsAndKana = "[一-龥぀-ゟ゠-ヿ]+";
const std::string kIdeographsAndHangul = "[一-龥ࠀ-一가-\uD7FF]+";
const std::string kWidePunctuation = "\\s?[!-/:-~！-／：-～‘-‟　-。]+";
const std::string kPunctuatedWords =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" +
    kNewLines + "|" + kSpaces;
const std::string kWordsWithMarks = kContractions +
                                    R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" +
                                    kNewLines + "|" + kSpaces;
const std::string kWordsBeforeNewLines =
    kContractions + R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|)" + kNewLines + "|" + kSpaces;
const std::string kStops = " ?[^(\\s|.,!?…。，、।۔،)]+";

struct Entry {
  std::vector<std::string_view> names;
  PreTokenizer pre_tokenizer;
};

/// By name. Names and expressions are facts of the file format, as its reference reader and the models'
/// tokenizer.json have them.
const std::vector<Entry>& table() {
  static const std::vector<Entry> entries{
      {{"default"}, {.splits = {R"([\p{P}$+<=>^~|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}}},
      {{"gpt-2", "phi-2", "exaone4",                  // format name
        "roberta-bpe", "jais", "trillion",            // format name
        "gigachat", "a.x-4.0", "mellum",              // format name
        "granite-docling", "modern-bert",             // format name
        "jina-es", "jina-de", "jina-v1-en",           // format name
        "jina-v2-es", "jina-v2-de", "jina-v2-code"},  // format name
       {.splits = {kGpt2}}},
      {{"olmo", "mpt"}, {.normalize_nfc = true, .splits = {kGpt2}}},  // format name
      {{"smollm", "starcoder", "refact", "codeshell",                 // format name
        "exaone", "minerva-7b", "mellum2"},                           // format name
       {.splits = {kDigit, kGpt2}}},
      {{"command-r"}, {.normalize_nfc = true, .splits = {kDigit, kGpt2}}},  // format name
      {{"llama-bpe", "llama3", "llama-v3", "pixtral",                       // format name
        "falcon3", "falcon-h1", "lfm2",                                     // format name
        "midm-2.0", "jina-v5-nano"},                                        // format name
       {.ignore_merges = true, .add_bos = true, .splits = {words(kUpToThreeDigits)}}},
      {{"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}, {.splits = {words(kUpToThreeDigits)}}},
      {{"qwen2", "deepseek-r1-qwen", "megrez", "kormo", "f2llmv2"},  // format name
       {.normalize_nfc = true, .splits = {words(kDigit)}}},
      {{"stablelm2", "hunyuan", "solar-open", "grok-2"}, {.splits = {words(kDigit)}}},  // format name
      {{"qwen35"}, {.normalize_nfc = true, .splits = {kWordsWithMarks}}},               // format name
      {{"bailingmoe", "bailingmoe2", "llada-moe"}, {.splits = {words(kDigit, R"(\s*[\r\n])")}}},
      {{"seed-coder"}, {.splits = {kWordsBeforeNewLines}}},
      {{"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"},  // format name
       {.splits = {cased_words(kContractions + "?", kUpToThreeDigits)}}},
      {{"tekken"}, {.ignore_merges = true, .add_bos = true, .splits = {cased_words("", kDigit)}}},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm"},  // format name
       {.splits = {kUpToThreeDigits, kIdeographsAndKana, kPunctuatedWords}}},
      {{"deepseek-llm"},  // format name
       {.splits = {"[\r\n]", R"(\s?[)" + kCasedLetters + "]+", kWidePunctuation, R"(\s+$)", kIdeographsAndHangul,
                   R"(\p{N}+)"}}},
      {{"deepseek-coder"},  // format name
       {.splits = {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kIdeographsAndHangul, kDigit}}},
      {{"falcon"},  // format name
       {.splits = {R"([\p{P}$+<=>^~|`]+)", kGpt2}, .byte_splits = {R"(\p{N}+)", "[0-9][0-9][0-9]"}}},
      {{"bloom", "poro-chat", "gpt3-finnish"}, {.splits = {kStops}}},  // format name
      {{"viking"}, {.splits = {kStops, kDigit}}},
  };
  return entries;
}

}  // namespace

PreTokenizer pre_tokenizer(std::string_view name, const std::string& where) {
  if (name.empty()) name = "default";
  std::string known;
  for (const auto& entry : table()) {
    if (std::ranges::find(entry.names, name) != entry.names.end()) return entry.pre_tokenizer;
    for (const auto other : entry.names) known += (known.empty() ? "" : ", ") + std::string(other);
  }
  throw FormatError(where, "tokenizer.ggml.pre: unknown pre-tokenizer '" + std::string(name) + "'; known: " + known);
}

}  // namespace ttt::inline v2
