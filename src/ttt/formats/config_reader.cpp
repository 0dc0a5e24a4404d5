#include "ttt/formats/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "ttt/core/error.h"
#include "ttt/formats/strict_json.h"

namespace ttt::inline v2 {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kMaxConfig = 64u << 20;
constexpr std::int64_t kMaxDimension = std::int64_t{1} << 24;
constexpr std::size_t kMaxShown = 80;  // bytes of a value quoted in an error

std::string shown(const Json& value) {
  auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
  return text;
}

/// `value` as an integer: 3 and 3.0, not 3.5 and nothing beyond int64.
std::optional<std::int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const auto number = value.get<double>();
  if (std::trunc(number) != number || std::abs(number) >= 0x1p63) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace

struct ConfigReader::Node {
  struct Document {
    std::string where;
    Json root;
    std::mutex mutex;
    std::set<std::string> known;   // paths read, required or ignored
    std::set<std::string> opened;  // objects, and lists of them, whose keys count one by one

    /// Adds the paths of keys of `object`, which stands at `path`, that nobody knows.
    void collect_unread(const Json& object, const std::string& path, std::vector<std::string>& out) const {
      for (const auto& [key, value] : object.items()) {
        const auto full = path + key;
        if (opened.contains(full) && value.is_array())
          for (std::size_t i = 0; i < value.size(); ++i) collect_unread(value[i], fmt::format("{}[{}].", full, i), out);
        else if (opened.contains(full))
          collect_unread(value, full + ".", out);
        else if (!known.contains(full) && !value.is_null())
          out.push_back(full);
      }
    }
  };

  std::shared_ptr<Document> document;
  const Json* json;
  std::string path;  // "", "rope_parameters." or "layers[0]."

  std::string full(std::string_view key) const { return path + std::string(key); }
  const Json* find(std::string_view key) const {
    const auto it = json->find(key);
    return it == json->end() || it->is_null() ? nullptr : &*it;
  }
  void know(std::string_view key) const {
    const std::lock_guard lock(document->mutex);
    document->known.insert(full(key));
  }
  const Json* read(std::string_view key) const {
    know(key);
    return find(key);
  }
  void open(std::string_view key) const {
    const std::lock_guard lock(document->mutex);
    document->opened.insert(full(key));
  }
};

namespace {

/// Throws the one error of all getters.
[[noreturn]] void mistyped(const ConfigReader& reader, std::string_view key, std::string_view expected,
                           const Json* found) {
  reader.fail(key, fmt::format("expected {}, {}", expected, found ? "got " + shown(*found) : "but it is absent"));
}

}  // namespace

ConfigReader ConfigReader::parse(std::string_view json, std::string where) {
  auto document = std::make_shared<Node::Document>();
  document->where = std::move(where);
  try {
    document->root = internal::parse_strict_json(json, kMaxConfig);
  } catch (const internal::JsonError& e) {
    throw ConfigError(document->where, fmt::format("at byte {}: {}", e.offset, e.what()));
  }
  if (!document->root.is_object()) throw ConfigError(document->where, "expected a JSON object");
  const auto* root = &document->root;
  return ConfigReader(std::make_shared<Node>(Node{std::move(document), root, ""}));
}

bool ConfigReader::has(std::string_view key) const { return node_->find(key) != nullptr; }
bool ConfigReader::is_null(std::string_view key) const {
  const auto it = node_->json->find(key);
  return it != node_->json->end() && it->is_null();
}

std::int64_t ConfigReader::integer(std::string_view key) const {
  const auto* found = node_->read(key);
  const auto value = found ? as_integer(*found) : std::nullopt;
  if (!value) mistyped(*this, key, "an integer", found);
  return *value;
}
double ConfigReader::number(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found || !found->is_number()) mistyped(*this, key, "a number", found);
  return found->get<double>();
}
bool ConfigReader::boolean(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found || !found->is_boolean()) mistyped(*this, key, "true or false", found);
  return found->get<bool>();
}
std::string ConfigReader::string(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found || !found->is_string()) mistyped(*this, key, "a string", found);
  return found->get<std::string>();
}
std::vector<double> ConfigReader::numbers(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found || !found->is_array()) mistyped(*this, key, "a list of numbers", found);
  std::vector<double> result;
  for (const auto& item : *found) {
    if (!item.is_number()) mistyped(*this, key, "a list of numbers", found);
    result.push_back(item.get<double>());
  }
  return result;
}
std::vector<std::string> ConfigReader::strings(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found || !found->is_array()) mistyped(*this, key, "a list of strings", found);
  std::vector<std::string> result;
  for (const auto& item : *found) {
    if (!item.is_string()) mistyped(*this, key, "a list of strings", found);
    result.push_back(item.get<std::string>());
  }
  return result;
}
std::vector<std::int64_t> ConfigReader::integers_or_one(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found) return {};
  std::vector<std::int64_t> result;
  const auto add = [&](const Json& item) {
    const auto value = as_integer(item);
    if (!value) mistyped(*this, key, "an integer or a list of integers", found);
    result.push_back(*value);
  };
  if (!found->is_array())
    add(*found);
  else
    for (const auto& item : *found) add(item);
  return result;
}
int ConfigReader::dimension(std::string_view key) const {
  const auto value = integer(key);
  if (value < 1 || value > kMaxDimension)
    fail(key, fmt::format("expected a size from 1 to {}, got {}", kMaxDimension, value));
  return static_cast<int>(value);
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t otherwise) const {
  return node_->read(key) ? integer(key) : otherwise;
}
double ConfigReader::number(std::string_view key, double otherwise) const {
  return node_->read(key) ? number(key) : otherwise;
}
bool ConfigReader::boolean(std::string_view key, bool otherwise) const {
  return node_->read(key) ? boolean(key) : otherwise;
}
std::string ConfigReader::string(std::string_view key, std::string_view otherwise) const {
  return node_->read(key) ? string(key) : std::string(otherwise);
}
int ConfigReader::dimension(std::string_view key, int otherwise) const {
  return node_->read(key) ? dimension(key) : otherwise;
}

std::optional<ConfigReader> ConfigReader::object(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found) return std::nullopt;
  if (!found->is_object()) mistyped(*this, key, "an object", found);
  node_->open(key);
  return ConfigReader(std::make_shared<Node>(Node{node_->document, found, node_->full(key) + "."}));
}

std::vector<ConfigReader> ConfigReader::objects(std::string_view key) const {
  const auto* found = node_->read(key);
  if (!found) return {};
  if (!found->is_array() || !std::ranges::all_of(*found, [](const Json& item) { return item.is_object(); }))
    mistyped(*this, key, "a list of objects", found);
  node_->open(key);
  std::vector<ConfigReader> result;
  for (const auto& item : *found) {
    auto path = fmt::format("{}[{}].", node_->full(key), result.size());
    result.push_back(ConfigReader(std::make_shared<Node>(Node{node_->document, &item, std::move(path)})));
  }
  return result;
}

std::string_view ConfigReader::spelling(std::initializer_list<std::string_view> keys) const {
  for (const auto key : keys)
    if (has(key)) return key;
  return keys.size() ? *keys.begin() : std::string_view{};
}

void ConfigReader::ignore(std::span<const std::string_view> keys) const {
  for (const auto key : keys) node_->know(key);
}

void ConfigReader::require(std::string_view key, std::string_view supported) const {
  const auto* found = node_->read(key);
  if (found && *found != Json::parse(supported))
    fail(key, fmt::format("only {} is supported, got {}", supported, shown(*found)));
}

std::vector<std::string> ConfigReader::unread() const {
  const std::lock_guard lock(node_->document->mutex);
  std::vector<std::string> result;
  node_->document->collect_unread(*node_->json, node_->path, result);
  return result;
}

void ConfigReader::fail(std::string_view key, std::string_view what) const {
  throw ConfigError(node_->document->where, fmt::format("{}: {}", node_->full(key), what));
}
const std::string& ConfigReader::where() const { return node_->document->where; }
std::string ConfigReader::json() const { return node_->json->dump(2); }

}  // namespace ttt::inline v2
