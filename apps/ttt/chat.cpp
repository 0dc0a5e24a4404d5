#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "answer.h"
#include "cli.h"
#include "interrupt.h"
#include "line_reader.h"
#include "ttt/core/error.h"
#include "verbs.h"

namespace ttt::app {
namespace {

/// One conversation. Each turn is rendered whole; what the cache already holds of it is not computed again.
class Chat {
 public:
  Chat(const LoadedModel& loaded, Text& text, GenerationConfig config, const CommonOptions& options)
      : loaded_(loaded),
        text_(text),
        config_(std::move(config)),
        options_(options),
        cache_(loaded.make_cache()),
        sequence_(cache_.create()) {}

  void reset() {
    messages_.clear();
    forget_cache();
  }

  /// Answers on stdout and remembers both. A question without an answer (stopped before its first token, too
  /// long, or no text) is forgotten.
  void ask(const std::string& question) {
    messages_.push_back({"user", question});
    std::vector<std::int32_t> prompt;
    try {
      prompt = text_.encode(text_.render(messages_), false);
    } catch (const Error& e) {
      return refuse(e.what());
    }
    try {
      keep_common(prompt);
      held_ = prompt;
      const auto answer = app::answer(loaded_, cache_, sequence_, &text_, prompt, config_, [&](std::string_view part) {
        if (!options_.json) print_result(part);
      });
      if (!options_.json) print_result("\n");
      held_.insert(held_.end(), answer.result.tokens.begin(), answer.result.tokens.end());
      if (answer.result.tokens.empty() && answer.result.finish == FinishReason::cancelled)
        messages_.pop_back();
      else
        messages_.push_back({"assistant", answer.text});
      report(loaded_, cache_, answer.result);
    } catch (const RequestError& e) {
      refuse(fmt::format("{}; /reset starts anew, --ctx makes room for more", e.what()));
    }
  }

  const std::vector<Message>& messages() const { return messages_; }
  /// Whether a question got an error for an answer.
  bool refused() const { return refused_; }

 private:
  void refuse(std::string_view why) {
    messages_.pop_back();
    refused_ = true;
    fmt::print(stderr, "ttt: error: {}\n", why);
  }

  void forget_cache() {
    held_.clear();
    cache_.drop(sequence_);
    sequence_ = cache_.create();
  }

  // Cuts the cache to what it shares with the prompt, of which at least one token is left to compute. A
  // window may have let go of keys that a cut would need: then all is computed anew.
  void keep_common(const std::vector<std::int32_t>& prompt) {
    const auto common = std::ranges::mismatch(held_, prompt).in1 - held_.begin();
    const auto keep = std::min({static_cast<std::int32_t>(common), cache_.length(sequence_),
                                std::max(static_cast<std::int32_t>(prompt.size()) - 1, 0)});
    try {
      cache_.truncate(sequence_, keep);
    } catch (const RequestError&) {
      forget_cache();
    }
  }

  const LoadedModel& loaded_;
  Text& text_;
  GenerationConfig config_;
  const CommonOptions& options_;
  KvCache cache_;
  KvCache::Sequence sequence_;
  std::vector<Message> messages_;
  std::vector<std::int32_t> held_;
  bool refused_ = false;
};

// Questions until the input ends. Ctrl-C drops the line being typed.
void converse(Chat& chat) {
  const bool prompting = isatty(STDIN_FILENO) != 0;
  const auto prompt = [&](std::string_view text) {
    if (prompting) fmt::print(stderr, "{}", text);
  };
  const InterruptScope interrupts;
  LineReader lines;
  std::string line;
  prompt("/reset forgets the conversation, Ctrl-C stops an answer, Ctrl-D leaves\n");
  while (true) {
    prompt("> ");
    const auto outcome = lines.next(line);
    if (outcome == LineReader::Outcome::end) break;
    InterruptScope::clear();
    if (outcome == LineReader::Outcome::interrupted)
      prompt("\n");
    else if (line == "/reset")
      chat.reset();
    else if (!line.empty())
      chat.ask(line);
  }
  prompt("\n");
}

}  // namespace

void run_chat(const ChatOptions& o) {
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto text = open_text(checkpoint);
  if (!text->has_template()) throw Error(o.common.model, "has no chat template; use ttt generate --raw");
  auto config = o.config;
  config.stop_ids = stop_ids(checkpoint);
  const auto loaded = load_model(checkpoint, o.common, {});
  Chat chat(loaded, *text, config, o.common);
  converse(chat);
  if (o.common.json) {
    auto messages = nlohmann::ordered_json::array();
    for (const auto& [role, content] : chat.messages()) messages.push_back({{"role", role}, {"content", content}});
    print_result(to_text({{"messages", messages}}));
  }
  // Who typed the question has seen the error; a script sees the exit code.
  if (chat.refused() && isatty(STDIN_FILENO) == 0) throw ReportedError();
}

}  // namespace ttt::app
