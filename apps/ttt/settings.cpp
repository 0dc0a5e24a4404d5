#include "settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "format_names.h"
#include "ttt/core/error.h"
#include "ttt/formats/config_reader.h"

namespace ttt::app {
namespace {

constexpr std::array<std::string_view, 1> kReadLater{"device_params"};

std::string read_bounded(const std::filesystem::path& file) {
  constexpr std::size_t kMostBytes = 4 << 20;
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    throw FormatError(file.string(), "expected a settings file, got a folder");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw FormatError(file.string(), fmt::format("cannot be opened: {}", std::strerror(errno)));
  std::string text(kMostBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMostBytes) throw FormatError(file.string(), fmt::format("is longer than {} bytes", kMostBytes));
  return text;
}

/// The string under `key`, which must be one of `names`.
std::string one_of(const ConfigReader& reader, std::string_view key, const std::vector<std::string>& names) {
  auto found = reader.string(key);
  if (std::ranges::find(names, found) == names.end())
    reader.fail(key, fmt::format("expected one of {}, got \"{}\"", fmt::join(names, ", "), found));
  return found;
}

void reject_unknown_keys(const ConfigReader& reader) {
  const auto unread = reader.unread();
  if (unread.empty()) return;
  const bool in_rule = unread.front().starts_with("weight_formats[");
  reader.fail(unread.front(),
              fmt::format("no such setting; there are: {}",
                          in_rule ? "tensors, format" : "weight_formats, kv_dtype, device, device_params"));
}

}  // namespace

Settings Settings::read(const std::filesystem::path& file) { return parse(read_bounded(file), file.string()); }

Settings Settings::parse(std::string_view text, const std::string& where) {
  const auto reader = ConfigReader::parse(text, where);
  Settings settings;
  std::vector<WeightFormats::Rule> rules;
  for (const auto& rule : reader.objects("weight_formats"))
    rules.push_back({rule.string("tensors"), parse_dtype(one_of(rule, "format", weight_format_names())).value()});
  for (const std::string_view key : {"weight_formats", "kv_dtype", "device", "device_params"})
    if (reader.is_null(key)) reader.fail(key, "expected a value, got null; leave the key out for the default");
  if (reader.has("kv_dtype")) settings.kv_dtype = one_of(reader, "kv_dtype", cache_dtype_names());
  if (reader.has("device")) settings.device = reader.string("device");
  reader.ignore(kReadLater);
  reject_unknown_keys(reader);
  if (const auto params = reader.object("device_params")) settings.device_params = params->json();
  settings.weight_formats = WeightFormats(std::move(rules), where + ": weight_formats");
  return settings;
}

}  // namespace ttt::app
