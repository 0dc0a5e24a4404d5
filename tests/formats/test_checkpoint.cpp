#include "gguf_writer.h"
#include "ttt/formats/checkpoint.h"
#include "ttt/formats/safetensors.h"

namespace ttt {
namespace {

using namespace ttt::test;

TEST(Checkpoint, HuggingFaceFolder) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type":"x","eos_token_id":2})");
  folder.write("generation_config.json", R"({"eos_token_id":[5,2]})");
  save_safetensors(folder / "model.safetensors", {{"w", floats({1}, {1})}});
  const auto c = Checkpoint::open(folder.path());
  EXPECT_EQ(c.kind, Checkpoint::Kind::hugging_face);
  EXPECT_EQ(c.model_type, "x");
  EXPECT_EQ(c.eos_token_ids, (std::vector<std::int64_t>{5, 2}));
  EXPECT_TRUE(c.weights.has("w"));
  EXPECT_TRUE(c.config.unread().empty());
}

TEST(Checkpoint, GgufInHuggingFaceSpelling) {
  const TempFolder folder;
  const auto path = folder.write(
      "m.gguf", gguf_file({gguf_string("general.architecture", "a"), gguf_u32("a.block_count", 3),
                           gguf_u32("a.attention.head_count", 4), gguf_f32("a.rope.freq_base", 5000),
                           gguf_string("a.rope.scaling.type", "linear"), gguf_f32("a.rope.scaling.factor", 2),
                           gguf_u32("a.odd", 1), gguf_u32("tokenizer.ggml.eos_token_id", 9),
                           gguf_key("tokenizer.ggml.tokens", 9) + raw(8u) + raw(std::uint64_t{2}) + gguf_text("x") +
                               gguf_text("y")},
                          {gguf_tensor("w", {8}, 0, 0)}, 32));
  const auto c = Checkpoint::open(path);
  EXPECT_EQ(c.kind, Checkpoint::Kind::gguf);
  EXPECT_EQ(c.model_type, "a");
  EXPECT_EQ(c.config.dimension("num_hidden_layers"), 3);
  EXPECT_EQ(c.config.dimension("num_attention_heads"), 4);
  EXPECT_EQ(c.config.dimension("vocab_size"), 2);
  EXPECT_TRUE(c.config.boolean("tie_word_embeddings"));
  const auto rope = c.config.object("rope_parameters").value();
  EXPECT_EQ(rope.number("rope_theta"), 5000);
  EXPECT_EQ(rope.string("rope_type"), "linear");
  EXPECT_EQ(rope.number("factor"), 2);
  EXPECT_EQ(c.config.unread(), std::vector<std::string>{"a.odd"});
  EXPECT_EQ(c.eos_token_ids, std::vector<std::int64_t>{9});
}

TEST(Checkpoint, NothingThere) {
  const TempFolder folder;
  expect_error<FormatError>([&] { Checkpoint::open(folder / "absent"); }, "cannot open");
  expect_error<FormatError>([&] { Checkpoint::open(folder.path()); }, "config.json");
}

/// Whether the folder's weights are a link that a copy turned into a file holding the link's target.
bool is_flattened_link(const std::filesystem::path& folder) {
  const auto file = folder / "model.safetensors";
  return std::filesystem::exists(file) && std::filesystem::file_size(file) < 100;
}

TEST(Checkpoint, OpensEverySharedGolden) {
  const std::filesystem::path goldens = TTT_SHARED_GOLDENS;
  if (!std::filesystem::exists(goldens)) GTEST_SKIP() << "no shared goldens at " << goldens;
  for (const auto& entry : std::filesystem::directory_iterator(goldens)) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    if (is_flattened_link(entry.path())) continue;
    SCOPED_TRACE(entry.path().filename().string());
    const auto c = Checkpoint::open(entry.path());
    EXPECT_FALSE(c.model_type.empty());
    const auto source = open_safetensors(entry.path());
    for (const auto& name : source->names()) {
      const auto info = source->find(name).value();
      EXPECT_TRUE(c.weights.take(name, info.shape).has_data());
    }
    c.weights.finish();
    const auto golden = open_safetensors(entry.path() / "golden.safetensors");
    EXPECT_TRUE(golden->find("input_ids")) << "every golden says what it was asked";
  }
}

}  // namespace
}  // namespace ttt
