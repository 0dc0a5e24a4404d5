/* The C ABI of the Rust library in rust/. Internal to the text component. Functions that return bool fill
 * `error`, and not `out`, when they return false. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ttt_bytes {
  uint8_t* data;
  size_t len;
} ttt_bytes;

typedef struct ttt_ids {
  uint32_t* data;
  size_t len;
} ttt_ids;

/* Bytes of the caller's. */
typedef struct ttt_text_view {
  const uint8_t* data;
  size_t len;
} ttt_text_view;

typedef struct ttt_tokenizer ttt_tokenizer;

void ttt_text_free_bytes(ttt_bytes bytes);
void ttt_text_free_ids(ttt_ids ids);

bool ttt_tokenizer_from_json(const uint8_t* json, size_t len, ttt_tokenizer** out, ttt_bytes* error);
/* A tokenizer.json whose BPE model is empty, with the tokens by id and the merges as pairs of ids, first to
 * last. */
bool ttt_tokenizer_from_bpe(const uint8_t* json, size_t len, const ttt_text_view* tokens, size_t num_tokens,
                            const uint32_t* merges, size_t num_merges, ttt_tokenizer** out, ttt_bytes* error);
void ttt_tokenizer_free(ttt_tokenizer* tokenizer);
bool ttt_tokenizer_encode(const ttt_tokenizer* tokenizer, const uint8_t* text, size_t len, bool add_special,
                          ttt_ids* out, ttt_bytes* error);
bool ttt_tokenizer_decode(const ttt_tokenizer* tokenizer, const uint32_t* ids, size_t len, bool skip_special,
                          ttt_bytes* out, ttt_bytes* error);
bool ttt_tokenizer_piece(const ttt_tokenizer* tokenizer, uint32_t id, ttt_bytes* out, ttt_bytes* error);
bool ttt_tokenizer_token_id(const ttt_tokenizer* tokenizer, const uint8_t* token, size_t len, int64_t* out,
                            ttt_bytes* error);
bool ttt_tokenizer_vocab_size(const ttt_tokenizer* tokenizer, size_t* out, ttt_bytes* error);
bool ttt_chat_template_render(const uint8_t* source, size_t source_len, const uint8_t* variables, size_t variables_len,
                              ttt_bytes* out, ttt_bytes* error);

#ifdef __cplusplus
}
#endif
