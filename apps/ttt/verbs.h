#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "options.h"
#include "ttt/patterns/encoder.h"

namespace ttt::app {

/// What each verb was asked for, and the function that does it; cli.cpp says which flag sets what.

struct GenerateOptions {
  CommonOptions common;
  GenerationConfig config;
  std::string prompt, file;
  std::vector<std::int32_t> ids;
  bool raw = false;
};
void run_generate(const GenerateOptions& o);

struct ChatOptions {
  CommonOptions common;
  GenerationConfig config;
};
void run_chat(const ChatOptions& o);

struct LogitsOptions {
  CommonOptions common;
  std::vector<std::int32_t> ids;
  std::string output;
};
void run_logits(const LogitsOptions& o);

struct CompareOptions {
  CommonOptions common;
  std::string golden;
  double min_pcc = 0.999;
};
void run_compare(const CompareOptions& o);

struct EmbedOptions {
  CommonOptions common;
  std::string file;
  std::vector<std::string> texts;
  Pooling pooling = Pooling::mean;
};
void run_embed(const EmbedOptions& o);

struct PerplexityOptions {
  CommonOptions common;
  std::string file;
  std::string reference;  ///< a checkpoint of the same model in a better format; empty: none
};
void run_perplexity(const PerplexityOptions& o);

struct TokenizeOptions {
  std::string model;
  std::vector<std::string> words;
  bool json = false, add_special = false;
};
void run_tokenize(const TokenizeOptions& o);

struct BenchOptions {
  CommonOptions common;
  std::vector<std::int64_t> prefill{512}, depth{0};
  std::vector<int> batch{1};
  std::int64_t decode = 64;
  int repetitions = 3;
  bool profile = false;
  std::string trace;  ///< a file for the profile's events; empty: none
};
void run_bench(const BenchOptions& o);

struct TuneOptions {
  CommonOptions common;
  std::string output;
  std::int64_t prefill = 512, decode = 32, depth = 512;
  int batch = 8, repetitions = 3;
};
void run_tune(const TuneOptions& o);

struct DevicesOptions {
  bool json = false;
};
void run_devices(const DevicesOptions& o);

void run_inspect(const CommonOptions& o);

struct NewModelOptions {
  std::string name, from, to;
};
void run_new_model(const NewModelOptions& o);

}  // namespace ttt::app
