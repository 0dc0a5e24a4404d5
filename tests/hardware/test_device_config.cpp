#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "ttt/core/error.h"
#include "ttt/hardware/backend.h"
#include "ttt/hardware/cpu_features.h"
#include "ttt/hardware/device.h"

namespace ttt {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

class OverrideFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  DeviceConfig load(const std::string& text) {
    std::ofstream(path_) << text;
    auto config = DeviceConfig::named("x86-generic");
    config.load_overrides(path_);
    return config;
  }
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() /
      ("ttt-overrides-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) + ".json");
};

TEST(DeviceConfig, KnownNamesAllPlan) {
  for (const auto& name : DeviceConfig::known_names()) {
    const auto config = DeviceConfig::named(name);
    EXPECT_GT(config.num_cores, 0) << name;
    EXPECT_GT(config.memory_bytes, 0u) << name;
    EXPECT_GT(config.optimal_params<AttentionParams>().page_size, 0) << name;
    EXPECT_GT(config.optimal_params<LinearParams>().rows_per_task, 0) << name;
    EXPECT_GT(config.optimal_params<PrefillParams>().chunk, 0) << name;
  }
  EXPECT_THAT(error_of([] { DeviceConfig::named("wormhole"); }), HasSubstr("wormhole_b0"));
}

TEST(DeviceConfig, PlanningTargetsHaveTheirPublishedNumbers) {
  const auto wormhole = DeviceConfig::named("wormhole_b0"), blackhole = DeviceConfig::named("blackhole"),
             grayskull = DeviceConfig::named("grayskull");
  EXPECT_EQ(wormhole.num_cores, 72);
  EXPECT_EQ(wormhole.memory_bytes, std::uint64_t{12} << 30);
  EXPECT_DOUBLE_EQ(wormhole.memory_bandwidth, 288e9);
  EXPECT_EQ(blackhole.num_cores, 140);
  EXPECT_DOUBLE_EQ(blackhole.memory_bandwidth, 512e9);
  EXPECT_EQ(grayskull.num_cores, 120);
  EXPECT_DOUBLE_EQ(grayskull.memory_bandwidth, 118.4e9);
  for (const auto& config : {wormhole, blackhole, grayskull}) {
    EXPECT_EQ(config.tile_rows, 32);
    EXPECT_EQ(config.tile_cols, 32);
    EXPECT_THROW(Device::open(config), DeviceError) << "a planning target cannot be opened";
  }
}

TEST(DeviceConfig, TheFirstRuleThatFitsDecides) {
  for (const auto* backend : backends())
    for (const auto& name : DeviceConfig::known_names()) {
      const auto config = DeviceConfig::named(name);
      if (config.backend != backend->name) continue;
      for (const auto& rule : backend->rules) {
        const auto first = std::ranges::find_if(backend->rules, [&](const ParamRule& r) {
          return r.operation == rule.operation && r.key == rule.key && (r.isa.empty() || r.isa == config.isa) &&
                 (r.feature.empty() || config.has_feature(r.feature));
        });
        if (first == backend->rules.end()) continue;
        EXPECT_EQ(config.get_optimal_params(rule.operation).at(std::string(rule.key)), first->value)
            << name << " " << rule.operation << "." << rule.key;
      }
    }
}

TEST(DeviceConfig, OnlyProcessorsWithAnInstructionHaveItsThreshold) {
  const auto without = DeviceConfig::named("x86-generic").optimal_params<LinearParams>();
  EXPECT_EQ(without.amx_min_tokens, LinearParams::never);
  EXPECT_EQ(without.bf16_min_tokens, LinearParams::never);
  DeviceConfig config = DeviceConfig::named("x86-generic");
  config.isa = "avx512";
  config.features = {"avx512_vnni", "avx512_bf16"};
  EXPECT_EQ(config.optimal_params<LinearParams>().amx_min_tokens, LinearParams::never);
  EXPECT_EQ(config.optimal_params<LinearParams>().bf16_min_tokens, 1);
  EXPECT_EQ(config.optimal_params<LinearParams>().bytes_ahead, 0);
  config.features.emplace_back("intel");
  EXPECT_EQ(config.optimal_params<LinearParams>().bf16_min_tokens, LinearParams::never) << "f32 is faster";
  EXPECT_GT(config.optimal_params<LinearParams>().bytes_ahead, 0);
  config.isa = "amx";
  config.features.insert(config.features.end(), {"amx_int8", "amx_bf16"});
  EXPECT_LT(config.optimal_params<LinearParams>().amx_min_tokens, LinearParams::never);
}

TEST(DeviceConfig, TheVendorIsWhatTheKernelSays) {
  std::ifstream file("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) GTEST_SKIP() << "/proc/cpuinfo cannot be read here";
  EXPECT_EQ(DeviceConfig::auto_detect().has_feature("intel"), text.find("GenuineIntel") != std::string::npos);
}

TEST(DeviceConfig, StringAndTypedFormsAgree) {
  const auto config = DeviceConfig::auto_detect();
  const auto params = config.get_optimal_params("attention");
  const auto typed = config.optimal_params<AttentionParams>();
  EXPECT_EQ(params.at("page_size"), typed.page_size);
  EXPECT_EQ(params.at("kv_split"), typed.kv_split);
  EXPECT_THAT(error_of([&] { (void)config.get_optimal_params("telepathy"); }), HasSubstr("telepathy"));
}

TEST_F(OverrideFile, ReplacesWhatItNames) {
  const auto config = load(R"({"attention": {"page_size": 32}, "prefill": {"chunk": 100}})");
  EXPECT_EQ(config.optimal_params<AttentionParams>().page_size, 32);
  EXPECT_EQ(config.optimal_params<PrefillParams>().chunk, 100);
  EXPECT_EQ(config.optimal_params<LinearParams>().rows_per_task,
            DeviceConfig::named("x86-generic").optimal_params<LinearParams>().rows_per_task);
}

TEST_F(OverrideFile, SaysWhatIsWrong) {
  EXPECT_THAT(error_of([&] { load("{"); }), HasSubstr("byte"));
  EXPECT_THAT(error_of([&] { load("[]"); }), HasSubstr("object"));
  EXPECT_THAT(error_of([&] { load(R"({"attention": 3})"); }), HasSubstr("attention"));
  EXPECT_THAT(error_of([&] { load(R"({"telepathy": {"range": 1}})"); }), HasSubstr("telepathy"));
  EXPECT_THAT(error_of([&] { load(R"({"attention": {"pagesize": 32}})"); }), HasSubstr("attention.pagesize"));
  EXPECT_THAT(error_of([&] { load(R"({"attention": {"page_size": "big"}})"); }), HasSubstr("integer"));
  EXPECT_THAT(error_of([&] { load(R"({"attention": {"page_size": 32, "page_size": 64}})"); }), HasSubstr("page_size"));
  EXPECT_THAT(error_of([&] { (void)load(R"({"attention": {"page_size": 7}})").optimal_params<AttentionParams>(); }),
              HasSubstr("multiple of 16"));
  EXPECT_THAT(error_of([&] { (void)load(R"({"linear": {"bytes_ahead": 100}})").optimal_params<LinearParams>(); }),
              HasSubstr("linear.bytes_ahead"));
  EXPECT_THAT(error_of([&] { (void)load(R"({"attention": {"page_size": -16}})").optimal_params<AttentionParams>(); }),
              HasSubstr("positive"));
  EXPECT_THAT(error_of([&] { DeviceConfig::named("x86-generic").load_overrides("/nowhere/params.json"); }),
              HasSubstr("/nowhere/params.json"));
  EXPECT_THAT(error_of([&] { DeviceConfig::named("x86-generic").load_overrides("/"); }), HasSubstr("cannot be opened"));
}

TEST_F(OverrideFile, ABadFileChangesNothing) {
  auto config = DeviceConfig::named("x86-generic");
  std::ofstream(path_) << R"({"attention": {"page_size": 32}, "prefill": {"chunk": "x"}})";
  EXPECT_THROW(config.load_overrides(path_), ConfigError);
  EXPECT_TRUE(config.overrides.empty());
}

TEST(ForcedIsa, IsTheOneAskedForOrAnError) {
  const char* wanted = std::getenv("TTT_CPU_ISA");
  if (wanted == nullptr) GTEST_SKIP() << "TTT_CPU_ISA is not set here; the hardware.isa_* tests set it";
  const auto levels = detect_cpu_features().levels;
  if (std::ranges::find(levels, wanted) == levels.end()) {
    EXPECT_THAT(error_of([] { DeviceConfig::auto_detect(); }), HasSubstr("TTT_CPU_ISA"));
    return;
  }
  const auto config = DeviceConfig::auto_detect();
  EXPECT_EQ(config.isa, wanted);
  if (config.isa != "avx512" && config.isa != "amx") {
    EXPECT_THAT(config.features, testing::Each("intel"));
  }
  EXPECT_NO_THROW(Device::open(config));
}

TEST(ForcedIsa, UnknownLevelsListThoseThereAre) {
  const char* before = std::getenv("TTT_CPU_ISA");
  const std::string kept = before ? before : "";
  setenv("TTT_CPU_ISA", "mmx", 1);
  EXPECT_THAT(error_of([] { DeviceConfig::auto_detect(); }), ::testing::AllOf(HasSubstr("mmx"), HasSubstr("generic")));
  if (before)
    setenv("TTT_CPU_ISA", kept.c_str(), 1);
  else
    unsetenv("TTT_CPU_ISA");
}

}  // namespace
}  // namespace ttt
