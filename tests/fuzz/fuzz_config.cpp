#include "fuzz_support.h"
#include "ttt/formats/config_reader.h"

namespace {

template <class Action>
void attempt(Action&& action) {
  try {
    action();
  } catch (const ttt::Error&) {
  }
}

/// Every getter on every kind of value, then one level down.
void use(const ttt::ConfigReader& config, int depth) {
  for (const auto& key : config.unread()) {
    attempt([&] { config.integer(key); });
    attempt([&] { config.number(key); });
    attempt([&] { config.boolean(key); });
    attempt([&] { config.string(key); });
    attempt([&] { config.numbers(key); });
    attempt([&] { config.strings(key); });
    attempt([&] { config.integers_or_one(key); });
    attempt([&] { config.dimension(key, 1); });
    attempt([&] { config.require(key, "\"silu\""); });
    attempt([&] {
      const auto inner = config.object(key);
      if (inner && depth > 0) use(*inner, depth - 1);
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attempt([&] {
    const auto config = ttt::ConfigReader::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
    use(config, 1);
    config.json();
  });
  return 0;
}
