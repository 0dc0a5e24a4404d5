#include "ttt/formats/strict_json.h"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <vector>

namespace ttt::internal {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kMaxDepth = 64;

/// Looks at the events of a parse without building anything, so that depth is bounded before memory is used.
class Checker : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t value, const string_t&) override {
    return std::isfinite(value) || reject(0, "a number is not finite");
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    return keys_.back().insert(name).second || reject(0, fmt::format("duplicate key \"{}\"", name));
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    return reject(position, e.what());
  }

  std::size_t offset() const { return offset_; }
  const std::string& problem() const { return problem_; }

 private:
  bool open() {
    if (keys_.size() >= kMaxDepth) return reject(0, fmt::format("nesting deeper than {}", kMaxDepth));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  bool reject(std::size_t offset, std::string problem) {
    offset_ = offset;
    problem_ = std::move(problem);
    return false;
  }

  std::vector<std::set<std::string>> keys_;
  std::size_t offset_ = 0;
  std::string problem_ = "not JSON";
};

/// Length of the well-formed sequence at `p`, or 0.
std::size_t sequence_length(const unsigned char* p, std::size_t left) {
  const auto tail = [&](std::size_t i, unsigned lo = 0x80, unsigned hi = 0xBF) {
    return i < left && p[i] >= lo && p[i] <= hi;
  };
  const unsigned c = p[0];
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) return tail(1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF) && tail(2) ? 3 : 0;
  if (c >= 0xF0 && c <= 0xF4)
    return tail(1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF) && tail(2) && tail(3) ? 4 : 0;
  return 0;
}

}  // namespace

Json parse_strict_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    throw JsonError(0, fmt::format("JSON text of {} bytes, more than {}", text.size(), max_bytes));
  Checker checker;
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) throw JsonError(checker.offset(), checker.problem());
  return Json::parse(text.begin(), text.end());
}

bool is_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const auto length = sequence_length(p + i, text.size() - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

}  // namespace ttt::internal
