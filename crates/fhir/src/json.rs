//! Reading JSON that strangers send: strict, bounded and lossless.
//!
//! `serde_json` keeps the last of two equal keys and treats a few private key names as instructions, so the text is
//! read here. Numbers keep every digit that was sent (FHIR decimals carry precision).

use std::str::FromStr;

use cloister_kernel::{Failure, FailureKind, FieldError};
use serde_json::{Map, Number, Value};

/// The most bytes a request body may have: 16 MiB.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How deeply arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;

/// What was wrong with the text. Messages never quote the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonProblem {
    /// More than [`MAX_BYTES`].
    TooLarge,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// One object holds the same name twice.
    DuplicateName,
    /// A name that no FHIR document has and that the JSON library would act upon.
    ReservedName,
    /// The text ends before the document does.
    Unfinished,
    /// Something stands after the document.
    Trailing,
    /// Not a number as JSON writes it.
    BadNumber,
    /// A control character or an escape sequence that JSON does not know.
    BadString,
    /// A character that cannot stand here.
    Unexpected,
}

impl JsonProblem {
    const fn words(self) -> &'static str {
        match self {
            Self::TooLarge => "the document is larger than 16 MiB",
            Self::TooDeep => "arrays and objects are nested deeper than 64 levels",
            Self::NotUtf8 => "the document is not UTF-8 text",
            Self::DuplicateName => "the same name stands twice in one object",
            Self::ReservedName => "an object has a name that is reserved",
            Self::Unfinished => "the document ends too early",
            Self::Trailing => "something follows the end of the document",
            Self::BadNumber => "a number is not written as JSON writes numbers",
            Self::BadString => "a string holds a control character or an unknown escape sequence",
            Self::Unexpected => "a character stands where JSON does not allow it",
        }
    }
}

/// A document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} (at {path}, byte {offset})", .problem.words())]
pub struct JsonError {
    /// What was wrong.
    pub problem: JsonProblem,
    /// Where, as `$.entry[3].resource`. Names that are not plain words appear as `?`.
    pub path: String,
    /// How many bytes in.
    pub offset: usize,
}

impl JsonError {
    /// The reason in plain words, without the place.
    pub const fn reason(&self) -> &'static str {
        self.problem.words()
    }
}

impl Failure for JsonError {
    fn code(&self) -> &'static str {
        match self.problem {
            JsonProblem::TooLarge => "json.too_large",
            JsonProblem::TooDeep => "json.too_deep",
            JsonProblem::DuplicateName => "json.duplicate_name",
            _ => "json.malformed",
        }
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Invalid(vec![FieldError::new(self.path.clone(), self.code(), self.reason())])
    }
}

/// Reads one JSON document.
///
/// # Errors
/// [`JsonError`] naming the first problem and its place.
pub fn read_json(bytes: &[u8]) -> Result<Value, JsonError> {
    let fail = |problem, offset| Stop { problem, offset, steps: Vec::new() }.into_error();
    if bytes.len() > MAX_BYTES {
        return Err(fail(JsonProblem::TooLarge, MAX_BYTES));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| fail(JsonProblem::NotUtf8, e.valid_up_to()))?;
    let mut reader = Reader { text, bytes, at: 0 };
    reader.space();
    let value = reader.value(MAX_DEPTH).map_err(Stop::into_error)?;
    reader.space();
    if reader.at < bytes.len() {
        return Err(fail(JsonProblem::Trailing, reader.at));
    }
    Ok(value)
}

enum Step {
    Name(String),
    Index(usize),
}

struct Stop {
    problem: JsonProblem,
    offset: usize,
    steps: Vec<Step>,
}

impl Stop {
    fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn into_error(self) -> JsonError {
        let mut path = String::from("$");
        for step in self.steps.iter().rev() {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Name(name) => {
                    path.push('.');
                    path.push_str(plain_name(name));
                }
            }
        }
        JsonError { problem: self.problem, path, offset: self.offset }
    }
}

/// The name if it could be a FHIR element's, else `?`: a path must not carry content.
pub(crate) fn plain_name(name: &str) -> &str {
    let plain = name.len() <= 48
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name } else { "?" }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn stop<T>(&self, problem: JsonProblem) -> Result<T, Stop> {
        Err(Stop { problem, offset: self.at, steps: Vec::new() })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self) -> Result<T, Stop> {
        self.stop(if self.peek().is_some() { JsonProblem::Unexpected } else { JsonProblem::Unfinished })
    }

    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.unexpected(),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Stop> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            self.stop(JsonProblem::Unexpected)
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Stop> {
        let Some(inner) = depth.checked_sub(1) else { return self.stop(JsonProblem::TooDeep) };
        self.at += 1;
        let mut map = Map::new();
        self.space();
        if self.take(b'}') {
            return Ok(Value::Object(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.unexpected();
            }
            let start = self.at;
            let name = self.string()?;
            if name.starts_with("$serde_json::") {
                return Err(Stop { problem: JsonProblem::ReservedName, offset: start, steps: Vec::new() });
            }
            if map.contains_key(&name) {
                let stop = Stop { problem: JsonProblem::DuplicateName, offset: start, steps: Vec::new() };
                return Err(stop.within(Step::Name(name)));
            }
            self.space();
            if !self.take(b':') {
                return self.unexpected();
            }
            self.space();
            match self.value(inner) {
                Ok(value) => map.insert(name, value),
                Err(stop) => return Err(stop.within(Step::Name(name))),
            };
            self.space();
            if self.take(b'}') {
                return Ok(Value::Object(map));
            }
            if !self.take(b',') {
                return self.unexpected();
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Stop> {
        let Some(inner) = depth.checked_sub(1) else { return self.stop(JsonProblem::TooDeep) };
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            let item = self.value(inner).map_err(|stop| stop.within(Step::Index(items.len())))?;
            items.push(item);
            self.space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return self.unexpected();
            }
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && !self.digits() {
            return self.stop(JsonProblem::BadNumber);
        }
        if self.take(b'.') && !self.digits() {
            return self.stop(JsonProblem::BadNumber);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.digits() {
                return self.stop(JsonProblem::BadNumber);
            }
        }
        if matches!(self.peek(), Some(b'0'..=b'9' | b'.')) {
            return self.stop(JsonProblem::BadNumber);
        }
        match Number::from_str(&self.text[start..self.at]) {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => self.stop(JsonProblem::BadNumber),
        }
    }

    fn string(&mut self) -> Result<String, Stop> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
                self.at += 1;
            }
            text.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.stop(JsonProblem::BadString),
                None => return self.stop(JsonProblem::Unfinished),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            Some(_) => return self.stop(JsonProblem::BadString),
            None => return self.stop(JsonProblem::Unfinished),
        };
        self.at += 1;
        Ok(plain)
    }

    fn code_point(&mut self) -> Result<char, Stop> {
        let first = self.four_digits()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            if !(self.take(b'\\') && self.take(b'u')) {
                return self.stop(JsonProblem::BadString);
            }
            let second = self.four_digits()?;
            if !(0xDC00..0xE000).contains(&second) {
                return self.stop(JsonProblem::BadString);
            }
            0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).map_or_else(|| self.stop(JsonProblem::BadString), Ok)
    }

    fn four_digits(&mut self) -> Result<u32, Stop> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.stop(JsonProblem::BadString);
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}
