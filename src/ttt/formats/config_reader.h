#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ttt::inline v2 {

/// A model's configuration (a Hugging Face `config.json`, or GGUF metadata respelled as one), read through
/// typed getters that name key, expected and found in a ConfigError. Every key read is recorded, so that
/// `finish` can tell what nobody looked at. Copies and sub-objects share the record. A JSON null counts as absent.
class ConfigReader {
 public:
  /// Parses JSON text (at most 64 MiB, nesting at most 64); `where` names it in errors.
  static ConfigReader parse(std::string_view json, std::string where);

  bool has(std::string_view key) const;  ///< present and not null; does not count as reading the key
  /// Present as null, which for a few keys says "none" where an absent key says "the default"; does not count either.
  bool is_null(std::string_view key) const;

  /// Required values: throw ConfigError when absent or of another type. Integers accept 3 and 3.0, not 3.5.
  std::int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;                     ///< any JSON number
  bool boolean(std::string_view key) const;                      ///< true or false
  std::string string(std::string_view key) const;                ///< text
  std::vector<double> numbers(std::string_view key) const;       ///< a list of numbers
  std::vector<std::string> strings(std::string_view key) const;  ///< a list of texts
  /// One integer or a list of them (`eos_token_id`); empty when absent.
  std::vector<std::int64_t> integers_or_one(std::string_view key) const;
  /// A positive int32 with an upper bound that keeps sums of sizes safe (<= 2^24).
  int dimension(std::string_view key) const;

  /// Optional values: the default when absent.
  std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  double number(std::string_view key, double otherwise) const;                 ///< any JSON number
  bool boolean(std::string_view key, bool otherwise) const;                    ///< true or false
  std::string string(std::string_view key, std::string_view otherwise) const;  ///< text
  int dimension(std::string_view key, int otherwise) const;                    ///< as above

  /// The object under `key`, or nothing when absent.
  std::optional<ConfigReader> object(std::string_view key) const;
  /// The objects in the list under `key`; empty when absent.
  std::vector<ConfigReader> objects(std::string_view key) const;
  /// The key's old and new spelling: the first of `keys` that is present, else the first.
  std::string_view spelling(std::initializer_list<std::string_view> keys) const;

  /// Marks keys as known and harmless (token ids, initializer_range, use_cache, ...).
  void ignore(std::span<const std::string_view> keys) const;
  /// Throws ConfigError unless the key is absent or its JSON value equals the JSON text `supported` ("0.0",
  /// "false", "\"silu\""): for keys that change the math and are supported at one value only.
  void require(std::string_view key, std::string_view supported) const;
  /// Keys that were neither read, required nor ignored, with their paths ("rope_parameters.foo").
  std::vector<std::string> unread() const;

  /// [where] key: what. For errors that a model's own checks throw.
  [[noreturn]] void fail(std::string_view key, std::string_view what) const;
  const std::string& where() const;  ///< what errors call the config: its file's name
  std::string json() const;          ///< the document, pretty-printed

 private:
  struct Node;
  explicit ConfigReader(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

}  // namespace ttt::inline v2
