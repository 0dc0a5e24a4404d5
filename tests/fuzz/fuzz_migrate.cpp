#include <nlohmann/json.hpp>

#include "fuzz_support.h"
#include "migrate/config/v1_precision.h"
#include "migrate/read_json.h"
#include "migrate/scan/scan_rules.h"
#include "settings.h"

namespace {

/// Asks every rule about every token.
void scan(std::string_view text, ttt::app::Language language) {
  const auto source = ttt::app::Source::parse("fuzz", text, language);
  std::size_t matches = 0;
  for (std::size_t i = 0; i < source.tokens.size(); ++i)
    for (const auto& rule : ttt::app::scan_rules()) matches += rule.matches(source, i) ? 1 : 0;
  [[maybe_unused]] volatile std::size_t sink = matches;
}

}  // namespace

/// The first byte says as what the rest is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = ttt::fuzz::copy(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(bytes.get()), size - 1);
  try {
    switch (data[0] % 4) {
      case 0:
        scan(text, ttt::app::Language::python);
        break;
      case 1:
        scan(text, ttt::app::Language::cpp);
        break;
      case 2:
        ttt::app::v1::read_decoders(ttt::app::parse_json(text, "fuzz"), "fuzz");
        break;
      default:
        ttt::app::Settings::parse(text, "fuzz");
    }
  } catch (const ttt::Error&) {
  }
  return 0;
}
