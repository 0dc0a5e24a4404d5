#include "cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "cli_parts.h"
#include "settings.h"
#include "verbs.h"
#include "version_text.h"

// Every verb and flag of the program but those of `migrate`.

namespace ttt::app {
namespace {

constexpr double kTiny = std::numeric_limits<double>::min(), kHuge = std::numeric_limits<double>::max();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::vector<std::int32_t> parse_ids(const std::string& text) {
  std::vector<std::int32_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int32_t id = -1;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0 || (next != end && *next != ','))
      throw CLI::ValidationError("--ids", "expected token ids such as 1,2,3, got \"" + text + "\"");
    ids.push_back(id);
    if (next == end) return ids;
    at = next + 1;
  }
}

/// The word that stands for stdin; a prompt without its flag is no such word.
std::string only_dash(const std::string& word) {
  if (word != "-")
    throw CLI::ValidationError(
        fmt::format("unexpected word \"{}\"; give the prompt as --prompt TEXT, --file F or -", word));
  return word;
}

CLI::Option* add_ids(CLI::App& verb, std::vector<std::int32_t>& ids, const std::string& help) {
  return verb.add_option_function<std::string>(
      "--ids", [&ids](const std::string& text) { ids = parse_ids(text); }, help);
}

void add_common(CLI::App& verb, CommonOptions& o) {
  verb.add_option("--model", o.model, "model folder or GGUF file")->required()->check(file_name());
  verb.add_option("--model-path", o.model_path,
                  "a folder with libttt_model_*.so of models that are not in this program (again for more; "
                  "also TTT_MODEL_PATH)")
      ->default_str("");
  verb.add_option("--device", o.device, "device to run on (see `ttt devices`)");
  verb.add_option("--device-params", o.device_params,
                  "JSON file of parameters to use instead of the device's own, as {\"attention\": {\"page_size\": 32}}")
      ->check(file_name());
  verb.add_option("--threads", o.threads, "threads; 0: all cores")->check(integer_in(0, 4096));
  verb.add_option("--precision", o.precision, "exact: float32 throughout")->check(CLI::IsMember({"exact", "default"}));
  verb.add_option(
          "--ctx", o.context,
          "tokens the context holds; without it, what is needed, for generate and chat 4096 where the model can")
      ->check(integer_in(1, 1 << 30))
      ->default_str("");
  verb.add_option("--kv-dtype", o.kv_dtype, "how keys and values are stored; without it f16, f32 under exact")
      ->check(CLI::IsMember(cache_dtype_names()));
  verb.add_flag("--batch-invariant", o.batch_invariant, "same bits whatever else is in the batch");
  auto formats = weight_format_names();
  formats.insert(formats.begin(), "none");
  verb.add_option("--quantize", o.quantize, "format for the matrices of f32, f16 and bf16 checkpoints")
      ->check(CLI::IsMember(formats));
  verb.add_option("--settings", o.settings,
                  "JSON file with weight_formats, kv_dtype, device, device_params; flags come before it")
      ->check(file_name());
  verb.add_flag("--json", o.json, "one JSON document on stdout");
}

void add_sampling(CLI::App& verb, GenerationConfig& config) {
  auto& s = config.sampling;
  verb.add_option("--temperature", s.temperature, "0: greedy")->check(in_range(0.0, kHuge, "at least 0"));
  verb.add_option("--top-k", s.top_k, "keep the k likeliest tokens; 0: all")
      ->check(in_range(std::int64_t{0}, kMost, "at least 0"));
  verb.add_option("--top-p", s.top_p, "keep the likeliest tokens of that mass; 1: all")
      ->check(in_range(kTiny, 1.0, "above 0, up to 1"));
  verb.add_option("--min-p", s.min_p, "keep tokens at least that likely relative to the likeliest, from 0 to 1")
      ->check(in_range(0.0, 1.0, "from 0 to 1"));
  verb.add_option("--repetition-penalty", s.repetition_penalty, "over 1: repeat less")
      ->check(in_range(kTiny, kHuge, "above 0"));
  verb.add_option("--presence-penalty", s.presence_penalty, "taken off once from tokens of the answer")
      ->check(in_range(-kHuge, kHuge, "that is finite"));
  verb.add_option("--frequency-penalty", s.frequency_penalty, "taken off for each time a token came")
      ->check(in_range(-kHuge, kHuge, "that is finite"));
  constexpr auto kLastSeed = std::numeric_limits<std::uint64_t>::max();
  verb.add_option("--seed", s.seed, "same seed, same answer")
      ->check(in_range(std::uint64_t{0}, kLastSeed, fmt::format("from 0 to {}", kLastSeed)));
  verb.add_option("--stop", config.stop_strings, "text that ends the answer; may be repeated")
      ->allow_extra_args(false)
      ->check(not_empty("some text"))
      ->default_str("");
  verb.add_option("--max-tokens", config.max_tokens,
                  "longest answer; without it, until the model or the context ends it")
      ->check(in_range(std::int64_t{0}, kMost, "at least 0"))
      ->default_str("");
}

/// What the settings file says where no flag does.
void apply_settings(const CLI::App& verb, CommonOptions& o) {
  if (o.settings.empty()) return;
  auto settings = Settings::read(o.settings);
  if (settings.device && verb.count("--device") == 0) o.device = *settings.device;
  if (settings.kv_dtype && verb.count("--kv-dtype") == 0) o.kv_dtype = *settings.kv_dtype;
  if (verb.count("--quantize") == 0) o.weight_formats = std::move(settings.weight_formats);
  o.settings_params = std::move(settings.device_params);
}

CommonOptions& common_of(CommonOptions& o) { return o; }
template <class O>
CommonOptions& common_of(O& o) {
  return o.common;
}

/// Adds a verb with a model: the common flags, and a callback that is `run` on the options returned.
template <class O>
std::pair<CLI::App&, O&> add_model_verb(CLI::App& app, const std::string& name, const std::string& help,
                                        void (*run)(const O&)) {
  auto o = std::make_shared<O>();
  auto& verb = *app.add_subcommand(name, help);
  add_common(verb, common_of(*o));
  verb.callback([o, run, &verb] {
    apply_settings(verb, common_of(*o));
    run(*o);
  });
  return {verb, *o};
}
void add_generate(CLI::App& app) {
  const auto [verb, o] = add_model_verb(app, "generate", "Answers a prompt", run_generate);
  add_sampling(verb, o.config);
  auto* source = verb.add_option_group("prompt");
  source->add_option("--prompt", o.prompt, "the prompt, as it is: for stdin give a bare - or --file -");
  source->add_option("--file", o.file, "a file with the prompt; - for stdin")->check(file_name());
  source->add_option_function<std::string>(
      "stdin", [&o = o](const std::string& word) { o.file = only_dash(word); }, "a bare -: the prompt from stdin");
  add_ids(*source, o.ids, "the prompt as token ids: 1,2,3; prints ids");
  source->require_option(1);
  verb.add_flag("--raw", o.raw, "the prompt as it is, without the chat template");
}

void add_chat(CLI::App& app) {
  const auto [verb, o] = add_model_verb(app, "chat", "A conversation in the terminal", run_chat);
  add_sampling(verb, o.config);
}

void add_logits(CLI::App& app) {
  const auto [verb, o] =
      add_model_verb(app, "logits", "Writes the logits of every token to a safetensors file", run_logits);
  add_ids(verb, o.ids, "token ids: 1,2,3")->required();
  verb.add_option("-o,--output", o.output, "file to write: logits, f32 [T, V]")->required()->check(file_name());
}

void add_compare(CLI::App& app) {
  const auto [verb, o] = add_model_verb(app, "compare", "Compares a model with what a reference computed", run_compare);
  verb.add_option("--golden", o.golden, "safetensors with input_ids, logits and perhaps greedy and hidden states")
      ->required()
      ->check(file_name());
  verb.add_option("--min-pcc", o.min_pcc, "least correlation that passes")->check(in_range(-1.0, 1.0, "from -1 to 1"));
}

void add_embed(CLI::App& app) {
  const auto [verb, o] =
      add_model_verb(app, "embed", "Prints a vector of length 1 for each text, by an encoder", run_embed);
  auto* texts = verb.add_option("--text", o.texts, "a text (again for more)")->default_str("");
  verb.add_option("--file", o.file, "a text a line; - is stdin, as is leaving it out")
      ->excludes(texts)
      ->check(file_name());
  verb.add_option_function<std::string>(
          "--pooling",
          [&o = o](const std::string& name) { o.pooling = name == "cls" ? Pooling::first : Pooling::mean; },
          "mean of the tokens, or the first (cls)")
      ->check(CLI::IsMember({"mean", "cls"}))
      ->default_str("mean");
}

void add_perplexity(CLI::App& app) {
  const auto [verb, o] =
      add_model_verb(app, "perplexity", "Perplexity of a text, comparable with llama.cpp's", run_perplexity);
  o.common.context = 512;
  // The second half of a window is scored, but for its last token, which says what the next window begins with.
  verb.get_option("--ctx")->description("tokens in a window")->check(integer_in(3, 1 << 30))->capture_default_str();
  verb.add_option("--file", o.file, "the text; - for stdin")->required()->check(file_name());
}

void add_tokenize(CLI::App& app) {
  const auto [verb, o] = add_verb(app, "tokenize", "Prints the token ids of a text", run_tokenize);
  verb.add_option("--model", o.model, "model folder or GGUF file")->required()->check(file_name());
  verb.add_option("text", o.words, "the text, after --; stdin when absent")->default_str("");
  verb.add_flag("--json", o.json, "one JSON document with ids and pieces");
  verb.add_flag("--add-special", o.add_special, "with the special tokens that the tokenizer adds");
}

/// An option that takes one value or several with commas between; the table has a row for each combination.
template <class T>
CLI::Option* add_list(CLI::App& verb, const std::string& flag, std::vector<T>& values, const std::string& what) {
  return verb.add_option(flag, values, what + "; several: 1,2,3")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->default_str(std::to_string(values.front()));
}

void add_bench(CLI::App& app) {
  const auto [verb, o] =
      add_model_verb(app, "bench", "Measures prefill and decode, and how near they are to the roofline", run_bench);
  add_list(verb, "-p,--prefill", o.prefill, "tokens of a prompt; 0: none")->check(integer_in(0, 1 << 24));
  verb.add_option("-n,--decode", o.decode, "tokens to decode; 0: none")->check(integer_in(0, 1 << 24));
  add_list(verb, "-d,--depth", o.depth, "tokens in the cache before")->check(integer_in(0, 1 << 24));
  add_list(verb, "-b,--batch", o.batch, "sequences at once")->check(integer_in(1, 4096));
  verb.add_option("-r,--repetitions", o.repetitions, "measured repetitions")->check(integer_in(1, 1000));
  verb.add_flag("--profile", o.profile, "where the time of a row's last repetition went, by op");
  verb.add_option("--trace", o.trace, "file for the ops' times, for Perfetto or chrome://tracing")
      ->check(file_name())
      ->default_str("");
}

void add_tune(CLI::App& app) {
  const auto [verb, o] = add_model_verb(
      app, "tune", "Measures a device's parameters with a model and writes the better ones, for --device-params",
      run_tune);
  verb.add_option("-o,--output", o.output, "file to write: parameters, JSON")->required()->check(file_name());
  verb.add_option("-p,--prefill", o.prefill, "tokens of the prompt")->check(integer_in(1, 1 << 24));
  verb.add_option("-n,--decode", o.decode, "tokens to decode")->check(integer_in(1, 1 << 24));
  verb.add_option("-d,--depth", o.depth, "tokens in the cache before")->check(integer_in(0, 1 << 24));
  verb.add_option("-r,--repetitions", o.repetitions, "repetitions, of which the fastest counts")
      ->check(integer_in(1, 1000));
}

void add_devices(CLI::App& app) {
  const auto [verb, o] =
      add_verb(app, "devices", "Lists this machine and the devices that plans can be made for", run_devices);
  verb.add_flag("--json", o.json, "one JSON document");
}

void add_inspect(CLI::App& app) {
  add_model_verb(app, "inspect", "Shows a checkpoint's config, tensors and formats, and its memory plan for a device",
                 run_inspect);
}

void add_new_model(CLI::App& app) {
  const auto [verb, o] =
      add_verb(app, "new-model", "Writes a model's folder from a checkpoint's config and tensor names", run_new_model);
  verb.add_option("name", o.name, "the model's name: small letters, digits, underscores")->required();
  verb.add_option("--from", o.from, "a Hugging Face folder")->required()->check(file_name());
  verb.add_option("--to", o.to, "folder to write; NAME when absent")->check(file_name());
}

std::string verb_names(const CLI::App& app) {
  std::string names;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    names += (names.empty() ? "" : ", ") + verb->get_name();
  return names;
}

/// What is wrong with the command line, in the words after `verb`. A flag or word that nobody took comes first, as the
/// rest may follow from it: after a misspelt flag its value looks like a word.
std::string explain(const CLI::App& app, const std::string& verb, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  auto unused = app.remaining();
  if (const auto verbs = verb_names(app); !verbs.empty()) {
    if (chosen.empty())
      return fmt::format("{}expected a verb, got {}; there are: {}", verb.empty() ? "" : verb + ": ",
                         unused.empty() ? "none" : fmt::format("\"{}\"", unused.front()), verbs);
    const auto next = (verb.empty() ? "" : verb + " ") + chosen.front()->get_name();
    return unused.empty() ? explain(*chosen.front(), next, error)
                          : fmt::format("unexpected \"{}\" before the verb {}", unused.front(), next);
  }
  std::erase(unused, "--");
  if (unused.empty()) return error.what();
  const auto is_flag = [](const std::string& word) { return word.starts_with('-') && word != "-"; };
  const auto flag = std::ranges::find_if(unused, is_flag);
  if (flag == unused.end())
    return fmt::format("{}: unexpected word \"{}\"; `ttt {} --help` shows what it takes", verb, unused.front(), verb);
  return fmt::format("{} has no flag {}; `ttt {} --help` shows those it has", verb, flag->substr(0, flag->find('=')),
                     verb);
}

}  // namespace

void run_command_line(int argc, const char* const* argv) {
  CLI::App app{"Runs transformer models built from TTT's blocks", "ttt"};
  app.option_defaults()->always_capture_default();
  app.set_version_flag("--version", version_text);
  app.require_subcommand(1);
  for (auto* add : {add_generate, add_chat, add_logits, add_compare, add_embed, add_perplexity, add_tokenize, add_bench,
                    add_tune, add_devices, add_inspect, add_new_model, add_migrate})
    add(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) throw UsageError(explain(app, "", e));
    app.exit(e);
  }
}

}  // namespace ttt::app
