//! Chat templates rendered as Hugging Face transformers sets jinja2 up: blocks trimmed, Python's methods and JSON, and the
//! functions `raise_exception` and `strftime_now`.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

/// A template comes with a model from anywhere: one that does not end is stopped. Real ones take thousands for a message.
const MOST_INSTRUCTIONS: u64 = 20_000_000;

pub fn render(source: &str, variables: &str) -> Result<String, String> {
    let source = without_generation_blocks(source);
    let variables: serde_json::Value = serde_json::from_str(variables).map_err(|e| e.to_string())?;
    let mut env = Environment::new();
    env.set_fuel(Some(MOST_INSTRUCTIONS));
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    env.set_syntax(syntax.map_err(|e| e.to_string())?);
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    env.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    env.add_function("strftime_now", |format: String| -> Result<String, Error> {
        use std::fmt::Write;
        let mut text = String::new();
        write!(text, "{}", chrono::Local::now().format(&format))
            .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("bad time format {format:?}")))?;
        Ok(text)
    });
    env.add_filter("tojson", tojson);
    env.add_filter("indent", indent);
    // In Python None is not iterable, and text is.
    env.add_test("iterable", |value: &Value| !value.is_none() && (value.kind() == ValueKind::String || value.try_iter().is_ok()));
    env.render_str(&source, Value::from(Serde(&variables))).map_err(|e| {
        let line = e.line().map_or(String::new(), |l| format!(" (line {l})"));
        format!("{}{line}", e.detail().map_or_else(|| e.kind().to_string(), str::to_string))
    })
}

/// `{% generation %}` marks the assistant's tokens for training. It renders what is inside, in a scope of its own, as
/// `{% with %}` does. Comments, expressions and raw text stay as they are.
fn without_generation_blocks(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut rest = source;
    let mut raw = false;
    while let Some(start) = rest.find('{') {
        let close = match rest.as_bytes().get(start + 1) {
            Some(b'%') => "%}",
            Some(b'#') if !raw => "#}",
            Some(b'{') if !raw => "}}",
            _ => {
                result.push_str(&rest[..=start]);
                rest = &rest[start + 1..];
                continue;
            }
        };
        let Some(length) = rest[start + 2..].find(close) else { break };
        let end = start + 2 + length + 2;
        let tag = &rest[start..end];
        let name = tag[2..tag.len() - 2].trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
        result.push_str(&rest[..start]);
        match name {
            "raw" if close == "%}" => raw = true,
            "endraw" if close == "%}" => raw = false,
            _ => {}
        }
        match name {
            "generation" if close == "%}" && !raw => result.push_str(&tag.replace("generation", "with")),
            "endgeneration" if close == "%}" && !raw => result.push_str(&tag.replace("endgeneration", "endwith")),
            _ => result.push_str(tag),
        }
        rest = &rest[end..];
    }
    result + rest
}

/// jinja2's `indent`: unlike minijinja's it keeps the newline at the end of the text.
fn indent(text: String, width: Option<Value>, first: Option<bool>, blank: Option<bool>, kwargs: Kwargs) -> Result<String, Error> {
    let width = match width {
        Some(value) => Some(value),
        None => kwargs.get::<Option<Value>>("width")?,
    };
    let first = first.or(kwargs.get("first")?).unwrap_or(false);
    let blank = blank.or(kwargs.get("blank")?).unwrap_or(false);
    kwargs.assert_all_used()?;
    let width = match width {
        None => " ".repeat(4),
        Some(value) if value.kind() == ValueKind::String => value.to_string(),
        Some(value) => usize::try_from(value)
            .ok()
            .filter(|&spaces| spaces <= 100)
            .map(|spaces| " ".repeat(spaces))
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "indent: expected a text or a number from 0 to 100"))?,
    };
    let lines: Vec<String> = text
        .split('\n')
        .enumerate()
        .map(|(i, line)| if if i == 0 { first } else { blank || !line.is_empty() } { format!("{width}{line}") } else { line.to_string() })
        .collect();
    Ok(lines.join("\n"))
}

/// `json.dumps(value, ensure_ascii=..., indent=...)`, a plain string that autoescaping leaves alone.
fn tojson(value: Value, kwargs: Kwargs) -> Result<String, Error> {
    let ascii = kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    let indent = kwargs.get::<Option<usize>>("indent")?;
    if indent.is_some_and(|spaces| spaces > 100) {
        return Err(Error::new(ErrorKind::InvalidOperation, "tojson: expected an indent of at most 100"));
    }
    let sort_keys = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let json = serde_json::to_value(&value)
        .map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))?;
    let mut writer = Writer { out: String::new(), ascii, indent, sort_keys };
    writer.value(&json, 0);
    Ok(writer.out)
}

struct Writer {
    out: String,
    ascii: bool,
    indent: Option<usize>,
    sort_keys: bool,
}

impl Writer {
    fn value(&mut self, value: &serde_json::Value, depth: usize) {
        use serde_json::Value::*;
        match value {
            Null => self.out.push_str("null"),
            Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Number(n) => self.out.push_str(&python_number(n)),
            String(s) => self.string(s),
            Array(items) => {
                self.out.push('[');
                for (i, item) in items.iter().enumerate() {
                    self.separate(i, depth + 1);
                    self.value(item, depth + 1);
                }
                self.close(items.is_empty(), ']', depth);
            }
            Object(map) => {
                self.out.push('{');
                let mut entries: Vec<_> = map.iter().collect();
                if self.sort_keys {
                    entries.sort_by_key(|(key, _)| key.as_str());
                }
                for (i, (key, item)) in entries.into_iter().enumerate() {
                    self.separate(i, depth + 1);
                    self.string(key);
                    self.out.push_str(": ");
                    self.value(item, depth + 1);
                }
                self.close(map.is_empty(), '}', depth);
            }
        }
    }

    fn separate(&mut self, index: usize, depth: usize) {
        if index > 0 {
            self.out.push_str(if self.indent.is_some() { "," } else { ", " });
        }
        self.new_line(depth);
    }

    fn close(&mut self, empty: bool, bracket: char, depth: usize) {
        if !empty {
            self.new_line(depth);
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat(' ').take(indent * depth));
        }
    }

    fn string(&mut self, s: &str) {
        self.out.push('"');
        for c in s.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if (c as u32) < 0x20 || (self.ascii && c as u32 > 0x7e) => {
                    let mut units = [0u16; 2];
                    for unit in c.encode_utf16(&mut units) {
                        self.out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

/// Python's repr of a number: 1.0 stays 1.0, and exponents have a sign and two digits.
fn python_number(n: &serde_json::Number) -> String {
    let Some(f) = n.as_f64().filter(|_| n.is_f64()) else { return n.to_string() };
    if f != 0.0 && (f.abs() >= 1e16 || f.abs() < 1e-4) {
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        return format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    format!("{f:?}")
}
