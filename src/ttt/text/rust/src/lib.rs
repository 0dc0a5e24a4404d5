//! Hugging Face `tokenizers` and `minijinja` behind the C ABI of ../ttt_text_abi.h. No panic crosses it: every entry runs
//! under `guard`, which turns panics and errors into a message.

mod chat_template;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;
use tokenizers::models::bpe::BPE;
use tokenizers::{AddedToken, ModelWrapper, Tokenizer};

/// Bytes that the caller gives back with `ttt_text_free_bytes`.
#[repr(C)]
pub struct Bytes {
    data: *mut u8,
    len: usize,
}

/// Ids that the caller gives back with `ttt_text_free_ids`.
#[repr(C)]
pub struct Ids {
    data: *mut u32,
    len: usize,
}

/// Bytes of the caller's.
#[repr(C)]
pub struct TextView {
    data: *const u8,
    len: usize,
}

impl Bytes {
    fn from(text: String) -> Self {
        let boxed = text.into_bytes().into_boxed_slice();
        let len = boxed.len();
        Bytes { data: Box::into_raw(boxed) as *mut u8, len }
    }
}

/// Runs `f`; on success stores its value, else the message. A caught panic would print through the default hook.
unsafe fn guard<T>(out: *mut T, error: *mut Bytes, f: impl FnOnce() -> Result<T, String>) -> bool {
    static SILENCE: Once = Once::new();
    SILENCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let result = catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|cause| {
        let text = cause
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| cause.downcast_ref::<&str>().map(|s| s.to_string()));
        Err(format!("internal error: {}", text.unwrap_or_default()))
    });
    match result {
        Ok(value) => {
            out.write(value);
            true
        }
        Err(message) => {
            error.write(Bytes::from(message.replace('\n', " ")));
            false
        }
    }
}

unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if len == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(data, len)
    }
}

unsafe fn text<'a>(data: *const u8, len: usize) -> Result<&'a str, String> {
    std::str::from_utf8(slice(data, len)).map_err(|e| format!("invalid UTF-8 at byte {}", e.valid_up_to()))
}

#[no_mangle]
pub unsafe extern "C" fn ttt_text_free_bytes(bytes: Bytes) {
    if !bytes.data.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes.data, bytes.len)));
    }
}

#[no_mangle]
pub unsafe extern "C" fn ttt_text_free_ids(ids: Ids) {
    if !ids.data.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(ids.data, ids.len)));
    }
}

#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_from_json(json: *const u8, len: usize, out: *mut *mut Tokenizer, error: *mut Bytes) -> bool {
    guard(out, error, || {
        let mut tokenizer = Tokenizer::from_bytes(slice(json, len)).map_err(|e| e.to_string())?;
        // A file may ask for padding to a fixed length, or for cutting: settings of somebody's training, not of the vocabulary.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        Ok(Box::into_raw(Box::new(tokenizer)))
    })
}

/// A tokenizer whose vocabulary does not go through JSON, which would take seconds for the largest.
#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_from_bpe(
    json: *const u8, len: usize, tokens: *const TextView, num_tokens: usize, merges: *const [u32; 2], num_merges: usize,
    out: *mut *mut Tokenizer, error: *mut Bytes,
) -> bool {
    guard(out, error, || {
        let tokens: Vec<&str> = slice(tokens, num_tokens)
            .iter()
            .map(|token| text(token.data, token.len))
            .collect::<Result<_, _>>()?;
        bpe_tokenizer(slice(json, len), &tokens, slice(merges, num_merges)).map(|t| Box::into_raw(Box::new(t)))
    })
}

fn bpe_tokenizer(json: &[u8], tokens: &[&str], merges: &[[u32; 2]]) -> Result<Tokenizer, String> {
    let mut settings: serde_json::Value = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let added: Vec<AddedToken> = serde_json::from_value(settings["added_tokens"].take()).map_err(|e| e.to_string())?;
    settings["added_tokens"] = serde_json::json!([]);
    let mut tokenizer: Tokenizer = serde_json::from_value(settings).map_err(|e| e.to_string())?;
    let ModelWrapper::BPE(model) = tokenizer.get_model() else { return Err("expected a BPE model".into()) };
    let token = |id: u32| tokens.get(id as usize).map(|t| t.to_string()).ok_or_else(|| format!("merge: no token has id {id}"));
    let vocabulary: Vec<(String, u32)> = tokens.iter().zip(0..).map(|(token, id)| (token.to_string(), id)).collect();
    let merges = merges.iter().map(|&[a, b]| Ok((token(a)?, token(b)?))).collect::<Result<Vec<_>, String>>()?;
    let mut builder = BPE::builder()
        .vocab_and_merges(vocabulary.into_iter().collect::<ahash::AHashMap<_, _>>(), merges)
        .fuse_unk(model.fuse_unk)
        .byte_fallback(model.byte_fallback)
        .ignore_merges(model.ignore_merges);
    if let Some(unknown) = &model.unk_token {
        builder = builder.unk_token(unknown.clone());
    }
    let model = builder.build().map_err(|e| e.to_string())?;
    tokenizer.with_model(model);
    let (special, user_defined): (Vec<_>, Vec<_>) = added.into_iter().partition(|token| token.special);
    tokenizer.add_special_tokens(special).map_err(|e| e.to_string())?;
    tokenizer.add_tokens(user_defined).map_err(|e| e.to_string())?;
    Ok(tokenizer)
}

#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_free(tokenizer: *mut Tokenizer) {
    if !tokenizer.is_null() {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(tokenizer))));
    }
}

#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_encode(
    tokenizer: *const Tokenizer, input: *const u8, len: usize, add_special: bool, out: *mut Ids, error: *mut Bytes,
) -> bool {
    guard(out, error, || {
        let encoding = (*tokenizer).encode_fast(text(input, len)?, add_special).map_err(|e| e.to_string())?;
        let boxed = encoding.get_ids().to_vec().into_boxed_slice();
        let len = boxed.len();
        Ok(Ids { data: Box::into_raw(boxed) as *mut u32, len })
    })
}

#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_decode(
    tokenizer: *const Tokenizer, ids: *const u32, len: usize, skip_special: bool, out: *mut Bytes, error: *mut Bytes,
) -> bool {
    guard(out, error, || {
        (*tokenizer).decode(slice(ids, len), skip_special).map(Bytes::from).map_err(|e| e.to_string())
    })
}

#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_piece(tokenizer: *const Tokenizer, id: u32, out: *mut Bytes, error: *mut Bytes) -> bool {
    guard(out, error, || {
        (*tokenizer).id_to_token(id).map(Bytes::from).ok_or_else(|| format!("no token has id {id}"))
    })
}

/// The id of a token, or -1.
#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_token_id(
    tokenizer: *const Tokenizer, token: *const u8, len: usize, out: *mut i64, error: *mut Bytes,
) -> bool {
    guard(out, error, || Ok((*tokenizer).token_to_id(text(token, len)?).map_or(-1, i64::from)))
}

#[no_mangle]
pub unsafe extern "C" fn ttt_tokenizer_vocab_size(tokenizer: *const Tokenizer, out: *mut usize, error: *mut Bytes) -> bool {
    guard(out, error, || Ok((*tokenizer).get_vocab_size(true)))
}

/// Renders a chat template with the variables of a JSON object.
#[no_mangle]
pub unsafe extern "C" fn ttt_chat_template_render(
    source: *const u8, source_len: usize, variables: *const u8, variables_len: usize, out: *mut Bytes, error: *mut Bytes,
) -> bool {
    guard(out, error, || {
        chat_template::render(text(source, source_len)?, text(variables, variables_len)?).map(Bytes::from)
    })
}
