#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/core/dtype.h"

namespace ttt::inline v2 {

/// Which tensors shall be stored in which format: rules in order, of which the first that matches a tensor's name
/// decides. For Weights::quantized.
class WeightFormats {
 public:
  /// One rule of the list.
  struct Rule {
    std::string tensors;  ///< matches_glob on the full name, as the model asks for it
    DType format;         ///< one of load_formats()
  };

  WeightFormats() = default;  ///< no rules
  /// `where` names the rules in errors. Throws ConfigError for a format that weights cannot be given.
  WeightFormats(std::vector<Rule> rules, std::string where);

  bool empty() const { return rules_.empty(); }  ///< without rules
  /// The format of that tensor; nothing: as it is.
  std::optional<DType> format_of(std::string_view name) const;
  /// Throws RequestError naming the first rule that decides for none of these names.
  void check_all_used(std::span<const std::string> names) const;

 private:
  std::vector<Rule>::const_iterator find(std::string_view name) const;

  std::vector<Rule> rules_;
  std::string where_;
};

}  // namespace ttt::inline v2
