#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <iostream>

#include "model_loader.h"
#include "text.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

std::atomic<bool> interrupted = false;

struct Options {
  CommonOptions common;
  SamplingOptions sampling;
};

/// One conversation. Each turn is rendered whole; what the cache already holds of it is not computed again.
class Chat {
 public:
  Chat(const LoadedModel& loaded, Text& text, GenerationConfig config)
      : loaded_(loaded), text_(text), config_(std::move(config)), cache_(loaded.make_cache()), sequence_(cache_.create()) {}

  void reset() {
    messages_.clear();
    held_.clear();
    cache_.drop(sequence_);
    sequence_ = cache_.create();
  }

  void answer(const std::string& question) {
    messages_.push_back({"user", question});
    const auto prompt = text_.encode(text_.render(messages_), false);
    keep_common(prompt);
    text_.restart();
    std::string answer;
    GenerationCallbacks callbacks;
    callbacks.cancelled = [] { return interrupted.load(); };
    callbacks.decode = [&](std::int32_t id) { return text_.push(id); };
    callbacks.decode_rest = [&] { return text_.flush(); };
    callbacks.on_text = [&](std::string_view part) { print_result(part), answer += part; };
    interrupted = false;
    const auto result = generate(loaded_.model, cache_, sequence_, *loaded_.device, prompt, config_, callbacks);
    print_result("\n");
    held_ = prompt;
    held_.insert(held_.end(), result.tokens.begin(), result.tokens.end());
    messages_.push_back({"assistant", answer});
  }

  void forget_question() { messages_.pop_back(); }

 private:
  // Cuts the cache to what it shares with the prompt, of which at least one token is left to compute. A window may
  // have let go of keys that a cut would need: then all is computed anew.
  void keep_common(const std::vector<std::int32_t>& prompt) {
    const auto common = std::ranges::mismatch(held_, prompt).in1 - held_.begin();
    const auto keep = std::min({static_cast<std::int32_t>(common), cache_.length(sequence_),
                                static_cast<std::int32_t>(prompt.size()) - 1});
    try {
      cache_.truncate(sequence_, keep);
    } catch (const RequestError&) {
      cache_.drop(sequence_);
      sequence_ = cache_.create();
    }
  }

  const LoadedModel& loaded_;
  Text& text_;
  GenerationConfig config_;
  KvCache cache_;
  KvCache::Sequence sequence_;
  std::vector<Message> messages_;
  std::vector<std::int32_t> held_;
};

void run(const Options& o) {
  o.sampling.config.sampling.check();
  auto loaded = load_model(o.common, {});
  const auto text = open_text(loaded.checkpoint);
  if (!text->has_template()) throw Error(o.common.model, "has no chat template; use ttt generate --raw");
  auto config = o.sampling.config;
  config.stop_ids = loaded.stop_ids();
  Chat chat(loaded, *text, config);
  std::signal(SIGINT, [](int) { interrupted = true; });
  std::cerr << "/reset forgets the conversation, end of input leaves\n> ";
  for (std::string line; std::getline(std::cin, line); std::cerr << "> ") {
    if (line == "/reset") {
      chat.reset();
      continue;
    }
    if (line.empty()) continue;
    try {
      chat.answer(line);
    } catch (const RequestError& e) {  // a full context ends the turn, not the conversation
      chat.forget_question();
      fmt::print(stderr, "ttt: error: {}\n", e.what());
    }
  }
}

}  // namespace

void add_chat(CLI::App& app) {
  auto* verb = app.add_subcommand("chat", "A conversation in the terminal");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  o->sampling.add_to(*verb);
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
