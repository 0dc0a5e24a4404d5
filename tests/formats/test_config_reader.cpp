#include "support.h"
#include "ttt/formats/config_reader.h"

namespace ttt {
namespace {

ConfigReader parse(std::string_view json) { return ConfigReader::parse(json, "config.json"); }

TEST(ConfigReader, TypedGetters) {
  const auto c = parse(R"({"i":3,"f":3.0,"n":2.5,"b":true,"s":"x","l":[1,2.5],"t":["a"],"e":null,"ids":[1,2]})");
  EXPECT_EQ(c.integer("i"), 3);
  EXPECT_EQ(c.integer("f"), 3);
  EXPECT_EQ(c.number("n"), 2.5);
  EXPECT_EQ(c.number("i"), 3.0);
  EXPECT_TRUE(c.boolean("b"));
  EXPECT_EQ(c.string("s"), "x");
  EXPECT_EQ(c.numbers("l"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(c.strings("t"), std::vector<std::string>{"a"});
  EXPECT_EQ(c.integers_or_one("i"), std::vector<std::int64_t>{3});
  EXPECT_EQ(c.integers_or_one("ids"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(c.integers_or_one("e").empty());
  EXPECT_EQ(c.integer("e", 9), 9);
  EXPECT_EQ(c.string("absent", "d"), "d");
  EXPECT_EQ(c.dimension("i", 1), 3);
  EXPECT_FALSE(c.has("e"));
  EXPECT_EQ(c.spelling({"new", "e", "i"}), "i");
  EXPECT_EQ(c.spelling({"new", "old"}), "new");
}

TEST(ConfigReader, ErrorsNameKeyExpectedAndFound) {
  const auto c = parse(R"({"n":3.5,"s":"x","big":18446744073709551615,"neg":-1,"o":{"k":[]}})");
  const auto expect = [](auto&& action, const std::string& part) { test::expect_error<ConfigError>(action, part); };
  expect([&] { c.integer("n"); }, "[config.json] n: expected an integer, got 3.5");
  expect([&] { c.integer("q"); }, "q: expected an integer, but it is absent");
  expect([&] { c.integer("big"); }, "got 18446744073709551615");
  expect([&] { c.number("s"); }, "s: expected a number, got \"x\"");
  expect([&] { c.boolean("s", true); }, "expected true or false");
  expect([&] { c.strings("s"); }, "a list of strings");
  expect([&] { c.object("s"); }, "expected an object");
  expect([&] { c.dimension("neg"); }, "expected a size from 1");
  expect([&] { c.object("o")->integer("k"); }, "o.k: expected an integer, got []");
}

TEST(ConfigReader, UnreadKeys) {
  const auto c = parse(R"({"a":1,"b":2,"c":3,"nul":null,"o":{"x":1,"y":2},"p":{"z":1}})");
  c.integer("a");
  c.ignore(std::vector<std::string_view>{"b"});
  c.require("c", "3.0");
  c.object("o")->integer("x");
  EXPECT_EQ(c.unread(), (std::vector<std::string>{"o.y", "p"}));
}

TEST(ConfigReader, ListsOfObjects) {
  const auto c = parse(R"({"l":[{"x":1,"y":2},{"x":3},{"z":4}],"n":[1],"s":{},"nul":null})");
  const auto objects = c.objects("l");
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[0].integer("x") + objects[1].integer("x"), 4);
  test::expect_error<ConfigError>([&] { objects[2].integer("x"); }, "l[2].x: expected an integer, but it is absent");
  EXPECT_EQ(c.unread(), (std::vector<std::string>{"l[0].y", "l[2].z", "n", "s"}));
  for (const auto* key : {"n", "s"})
    test::expect_error<ConfigError>([&] { c.objects(key); }, "expected a list of objects, got ");
  EXPECT_TRUE(c.objects("nul").empty());
  EXPECT_TRUE(c.objects("absent").empty());
}

TEST(ConfigReader, RequireAcceptsOneValue) {
  const auto c = parse(R"({"p":0.1,"n":null,"act":"silu"})");
  c.require("n", "0.0");
  c.require("absent", "false");
  c.require("act", "\"silu\"");
  test::expect_error<ConfigError>([&] { c.require("p", "0.0"); }, "p: only 0.0 is supported, got 0.1");
}

TEST(ConfigReader, HostileText) {
  const auto nested = std::string(1'000'000, '[');
  const std::pair<std::string, const char*> cases[] = {
      {"", "at byte"},
      {"[]", "expected a JSON object"},
      {"{\"a\":NaN}", "at byte"},
      {"{\"a\":1e999}", "at byte"},
      {R"({"a":1,"a":2})", "duplicate key \"a\""},
      {"{\"a\":" + nested, "nesting"},
      {"{\"a\":\"\xff\"}", "at byte"},
      {"{}x", "at byte"},
      {std::string((64u << 20) + 1, ' '), "JSON text of"},
  };
  for (const auto& [text, message] : cases)
    test::expect_error<ConfigError>([&, &text = text] { parse(text); }, message);
}

}  // namespace
}  // namespace ttt
