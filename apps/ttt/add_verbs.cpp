#include <fmt/format.h>

#include "command_line.h"
#include "flags.h"
#include "verbs.h"

namespace ttt::app {
namespace {

/// The word that stands for stdin; a prompt without its flag is no such word.
std::string only_dash(const std::string& word) {
  if (word != "-")
    throw CLI::ValidationError(
        fmt::format("unexpected word \"{}\"; give the prompt as --prompt TEXT, --file F or -", word));
  return word;
}

void add_generate(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "generate",
      {.summary = "Answers a prompt",
       .about = "Continues a prompt with a model and prints the answer as it comes. A model with a chat template sees "
                "the prompt as a user's message, unless --raw is given. Ctrl-C ends the answer. Speeds go to stderr.",
       .examples = {"ttt generate --model model.gguf --prompt 'Why is the sky blue?' --max-tokens 100",
                    "ttt generate --model folder --file letter.txt --temperature 0.7 --seed 1",
                    "echo 'Once upon a time' | ttt generate --model model.gguf --raw -"}},
      run_generate);
  verb.add_flag("--raw", o.raw, "the prompt as it is, without the chat template");
  add_common(verb, o.common);
  add_sampling(verb, o.config);
  auto* source = verb.add_option_group("Prompt");
  source->add_option("--prompt", o.prompt, "the prompt, as it is: for stdin give a bare - or --file -");
  source->add_option("--file", o.file, "a file with the prompt; - for stdin")->check(file_name())->type_name("FILE");
  source->add_option_function<std::string>(
      "stdin", [&o = o](const std::string& word) { o.file = only_dash(word); }, "the prompt from stdin");
  add_ids(*source, o.ids, "the prompt as token ids: 1,2,3; prints ids");
  source->require_option(1);
}

void add_chat(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "chat",
      {.summary = "A conversation in the terminal",
       .about = "Reads questions from stdin, a line each, and answers them as one conversation; what the model has "
                "already read is not computed again. /reset forgets the conversation, Ctrl-C stops an answer, Ctrl-D "
                "leaves. The model needs a chat template. With --json the conversation is printed at its end.",
       .examples = {"ttt chat --model model.gguf --temperature 0.7 --ctx 8192"},
       .failure = "an error, told in one line on stderr; with questions from a pipe, also when one had no answer"},
      run_chat);
  add_common(verb, o.common);
  add_sampling(verb, o.config);
}

void add_logits(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "logits",
      {.summary = "Writes the logits of every token to a safetensors file",
       .about = "Runs the tokens through the model and writes what it says after each of them, as the tensor `logits`, "
                "f32 [tokens, vocabulary].",
       .examples = {"ttt logits --model folder --ids 1,2,3 --precision exact -o logits.safetensors"}},
      run_logits);
  add_ids(verb, o.ids, "token ids: 1,2,3")->required();
  verb.add_option("-o,--output", o.output, "file to write: logits, f32 [T, V]")
      ->required()
      ->check(file_name())
      ->type_name("FILE");
  add_common(verb, o.common);
}

void add_compare(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "compare",
      {.summary = "Compares a model with what a reference computed",
       .about =
           "Runs the inputs in a golden, a safetensors file that another implementation's answers were written to, "
           "and prints how well logits, hidden states and greedy tokens agree: correlation (pcc), largest "
           "difference, and how often the best token is the same. tools/goldens/make_golden.py makes such a file.",
       .examples = {"ttt compare --model folder --golden folder/golden.safetensors --precision exact"},
       .failure = "a correlation is below --min-pcc, a greedy token differs, or another error; one line on stderr"},
      run_compare);
  verb.add_option("--golden", o.golden, "safetensors with input_ids, logits and perhaps greedy and hidden states")
      ->required()
      ->check(file_name())
      ->type_name("FILE");
  verb.add_option("--min-pcc", o.min_pcc, "least correlation that passes")->check(in_range(-1.0, 1.0, "from -1 to 1"));
  add_common(verb, o.common);
}

void add_embed(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "embed",
      {.summary = "Prints a vector of length 1 for each text, by an encoder",
       .about =
           "Runs each text through an encoder (BERT and its kin) and prints one vector a line, scaled to length 1, "
           "so that the product of two is the cosine of their angle.",
       .examples = {"ttt embed --model encoder.gguf --text 'a cat' --text 'a dog'",
                    "ttt embed --model folder --file lines.txt --json"}},
      run_embed);
  auto* texts = verb.add_option("--text", o.texts, "a text (again for more)")->default_str("");
  verb.add_option("--file", o.file, "a text a line; - is stdin, as is leaving it out")
      ->excludes(texts)
      ->check(file_name())
      ->type_name("FILE");
  verb.add_option_function<std::string>(
          "--pooling",
          [&o = o](const std::string& name) { o.pooling = name == "cls" ? Pooling::first : Pooling::mean; },
          "mean of the tokens, or the first (cls)")
      ->check(CLI::IsMember({"mean", "cls"}))
      ->default_str("mean");
  add_common(verb, o.common);
}

void add_perplexity(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "perplexity",
      {.summary = "Perplexity of a text, comparable with llama.cpp's",
       .about =
           "Cuts a text into windows of --ctx tokens and scores the second half of each, as llama-perplexity does; "
           "what is left at the end is dropped. Prints one number: lower is better. With --reference, the same model "
           "in a "
           "better format, also how far the answers are from that one's: the mean Kullback-Leibler divergence, and how "
           "often both find the same token the likeliest.",
       .examples = {"ttt perplexity --model model.gguf --file wiki.test.raw --ctx 512",
                    "ttt perplexity --model model-q4_0.gguf --reference model-f32.gguf --file wiki.test.raw"}},
      run_perplexity);
  verb.add_option("--reference", o.reference, "a checkpoint to measure the divergence from, run in exact precision")
      ->check(file_name())
      ->type_name("PATH");
  verb.add_option("--file", o.file, "the text; - for stdin")->required()->check(file_name())->type_name("FILE");
  o.common.context = 512;
  add_common(verb, o.common);
  // The second half of a window is scored, but for its last token, which says what the next window begins with.
  verb.get_option("--ctx")->description("tokens in a window")->check(integer_in(3, 1 << 30))->capture_default_str();
}

void add_tokenize(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "tokenize",
      {.summary = "Prints the token ids of a text",
       .about = "Prints an id a line, or with --json the ids and the tokens' spellings. The "
                "text is taken as it is: no chat template, and no special tokens around it "
                "without --add-special.",
       .examples = {"ttt tokenize --model model.gguf -- Hello world", "ttt tokenize --model folder --json < file.txt"}},
      run_tokenize);
  add_model(verb, o.model);
  verb.add_option("text", o.words, "the text, after --; stdin when absent")->default_str("");
  verb.add_flag("--json", o.json, "one JSON document with ids and pieces");
  verb.add_flag("--add-special", o.add_special, "with the special tokens that the tokenizer adds");
}

void add_bench(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "bench",
      {.summary = "Measures prefill and decode, and how near they are to the roofline",
       .about = "Prints a row for each combination of depth, batch and prompt: the median, least and most tokens/s of "
                "the repetitions, bytes and arithmetic a second, and the share of the roofline: how fast this machine "
                "reads as many bytes as the model has, a GiB at most, measured before and after each repetition, and "
                "multiplies, measured once. The last line has the median rate of reading, and its range.",
       .examples = {"ttt bench --model model.gguf -p 512 -n 64",
                    "ttt bench --model model.gguf -p 0 -d 0,4096 -b 1,8 --json",
                    "ttt bench --model model.gguf --profile --trace trace.json"}},
      run_bench);
  add_list(verb, "-p,--prefill", o.prefill, "tokens of a prompt; 0: none")->check(integer_in(0, 1 << 24));
  verb.add_option("-n,--decode", o.decode, "tokens to decode; 0: none")->check(integer_in(0, 1 << 24));
  add_list(verb, "-d,--depth", o.depth, "tokens in the cache before")->check(integer_in(0, 1 << 24));
  add_list(verb, "-b,--batch", o.batch, "sequences at once")->check(integer_in(1, 4096));
  verb.add_option("-r,--repetitions", o.repetitions, "measured repetitions")->check(integer_in(1, 1000));
  verb.add_flag("--profile", o.profile, "where the time of a row's last repetition went, by op");
  verb.add_option("--trace", o.trace, "file for the ops' times, for Perfetto or chrome://tracing")
      ->check(file_name())
      ->default_str("")
      ->type_name("FILE");
  add_common(verb, o.common);
}

void add_tune(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "tune",
      {.summary = "Measures a device's parameters with a model and writes the better ones, for --device-params",
       .about =
           "Tries each parameter of the device at a quarter, half, double and four times its value, and those that "
           "choose kernels by a step's number of tokens for prompts only, for batches too, for all or for none; keeps "
           "what makes prefill, decode and decode in batches together at least 3% faster, if that holds once more at "
           "the end. Takes some minutes with a small model, half an hour with one of a billion parameters; nothing "
           "else should run.",
       .examples = {"ttt tune --model model.gguf -o params.json",
                    "ttt generate --model model.gguf --device-params params.json --prompt Hello"}},
      run_tune);
  verb.add_option("-o,--output", o.output, "file to write: parameters, JSON")
      ->required()
      ->check(file_name())
      ->type_name("FILE");
  verb.add_option("-p,--prefill", o.prefill, "tokens of the prompt")->check(integer_in(1, 1 << 24));
  verb.add_option("-n,--decode", o.decode, "tokens to decode")->check(integer_in(1, 1 << 24));
  verb.add_option("-d,--depth", o.depth, "tokens in the cache before")->check(integer_in(0, 1 << 24));
  verb.add_option("-b,--batch", o.batch, "sequences at once that decode, too")->check(integer_in(1, 4096));
  verb.add_option("-r,--repetitions", o.repetitions, "repetitions, of which the fastest counts")
      ->check(integer_in(1, 1000));
  add_common(verb, o.common);
}

void add_devices(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "devices",
      {.summary = "Lists this machine and the devices that plans can be made for",
       .about = "Prints name, backend, instruction-set level, cores and memory of each; with --json also features, "
                "caches, bandwidth and parameters. `ttt inspect --device NAME` says whether a model fits one.",
       .examples = {"ttt devices --json"}},
      run_devices);
  verb.add_flag("--json", o.json, "one JSON document");
}

void add_inspect(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "inspect",
      {.summary = "Shows a checkpoint's config, tensors and formats, and its memory plan for a device",
       .about =
           "Reads headers only. The plan is for any device of `ttt devices`, there or not; a checkpoint of a family "
           "that is not known is shown without one.",
       .examples = {"ttt inspect --model model.gguf", "ttt inspect --model folder --device wormhole_b0 --ctx 8192"}},
      run_inspect);
  add_common(verb, o);
}

void add_new_model(CommandLine& line) {
  const auto [verb, o] = add_verb(
      line, "new-model",
      {.summary = "Writes a model's folder from a checkpoint's config and tensor names",
       .about = "Infers the blocks from config.json and the tensors' names and shapes, writes a CMake project with the "
                "model, its tests and a plug-in, and prints what it could not infer as questions. docs/add_a_model.md "
                "walks through an example.",
       .examples = {"ttt new-model my_model --from checkpoint --to my_model"}},
      run_new_model);
  verb.add_option("name", o.name, "the model's name: small letters, digits, underscores")->required();
  verb.add_option("--from", o.from, "a Hugging Face folder")->required()->check(file_name())->type_name("FOLDER");
  verb.add_option("--to", o.to, "folder to write; NAME when absent")->check(file_name())->type_name("FOLDER");
}

}  // namespace

void add_verbs(CommandLine& line) {
  for (auto* add : {add_generate, add_chat, add_logits, add_compare, add_embed, add_perplexity, add_tokenize, add_bench,
                    add_tune, add_devices, add_inspect, add_new_model})
    add(line);
}

}  // namespace ttt::app
