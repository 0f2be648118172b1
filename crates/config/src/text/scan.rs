//! The JSON5 scanner (<https://spec.json5.org>): text in, [`Node`]s with their spans out.

use std::ops::Range;

use serde_json::Number;

use super::{Kind, Member, Node, SourceId};

/// Nesting beyond this is refused, so that a hostile file cannot overflow the stack. No real config passes 20.
const MAX_DEPTH: usize = 128;

/// Text that is not JSON5, and where. The message never quotes the text, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) offset: usize,
}

/// Reads one document.
pub(crate) fn scan(text: &str, source: SourceId) -> Result<Node, SyntaxError> {
    let mut scanner = Scanner { text, at: 0, source, depth: 0 };
    scanner.skip_blank()?;
    if scanner.peek().is_none() {
        return Err(scanner.error("the file is empty; an empty config is written `{}`"));
    }
    let node = scanner.value()?;
    scanner.skip_blank()?;
    match scanner.peek() {
        None => Ok(node),
        Some(_) => Err(scanner.error("something follows the end of the config")),
    }
}

/// The first byte at or after `at` that is neither blank nor in a comment.
pub(crate) fn skip_blank(text: &str, at: usize) -> Result<usize, SyntaxError> {
    let mut scanner = Scanner { text, at, source: SourceId::default(), depth: 0 };
    scanner.skip_blank()?;
    Ok(scanner.at)
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    source: SourceId,
    depth: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { message: message.into(), offset: self.at }
    }

    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with("//") {
                self.at += rest.find(is_line_end).unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let end = comment.find("*/").ok_or_else(|| self.error("this comment is never closed with `*/`"))?;
                self.at += 2 + end + 2;
            } else if rest.starts_with(is_blank) {
                self.bump();
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self) -> Result<Node, SyntaxError> {
        let start = self.at;
        let kind = match self.peek() {
            None => return Err(self.error("the text ends where a value was expected")),
            Some('{') => self.nested(Self::object)?,
            Some('[') => self.nested(Self::array)?,
            Some('"' | '\'') => Kind::String(self.string()?),
            Some(c) if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => Kind::Number(self.number()?),
            Some(c) if is_name_start(c) => self.word()?,
            Some(c) => return Err(self.error(format!("`{}` cannot begin a value", c.escape_default()))),
        };
        Ok(Node { kind, span: start..self.at, source: self.source })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Kind, SyntaxError>) -> Result<Kind, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        self.bump();
        let kind = read(self);
        self.depth -= 1;
        kind
    }

    fn object(&mut self) -> Result<Kind, SyntaxError> {
        let mut members = Vec::new();
        loop {
            self.skip_blank()?;
            if self.eat('}') {
                return Ok(Kind::Object(members));
            }
            let (key, key_span) = self.key()?;
            self.skip_blank()?;
            if !self.eat(':') {
                return Err(self.error("expected `:` after the key"));
            }
            self.skip_blank()?;
            members.push(Member { key, key_span, value: self.value()? });
            self.separator('}')?;
        }
    }

    fn array(&mut self) -> Result<Kind, SyntaxError> {
        let mut items = Vec::new();
        loop {
            self.skip_blank()?;
            if self.eat(']') {
                return Ok(Kind::Array(items));
            }
            items.push(self.value()?);
            self.separator(']')?;
        }
    }

    /// A comma, or nothing before the closing bracket.
    fn separator(&mut self, close: char) -> Result<(), SyntaxError> {
        self.skip_blank()?;
        if self.eat(',') || self.peek() == Some(close) {
            return Ok(());
        }
        Err(match self.peek() {
            None => self.error(format!("the text ends before `{close}`")),
            Some(_) => self.error(format!("expected `,` or `{close}`")),
        })
    }

    fn key(&mut self) -> Result<(String, Range<usize>), SyntaxError> {
        let start = self.at;
        let key = match self.peek() {
            Some('"' | '\'') => self.string()?,
            Some(c) if is_name_start(c) || c == '\\' => self.name()?,
            None => return Err(self.error("the text ends before `}`")),
            Some(_) => return Err(self.error("expected a key")),
        };
        Ok((key, start..self.at))
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            let c = if c == '\\' {
                self.bump();
                if !self.eat('u') {
                    return Err(self.error("only `\\u` escapes are allowed in a key without quotes"));
                }
                self.unicode_escape()?
            } else if is_name_part(c) {
                self.bump();
                c
            } else {
                break;
            };
            let fits = if name.is_empty() { is_name_start(c) } else { is_name_part(c) };
            if !fits {
                return Err(self.error("this character needs a key in quotes"));
            }
            name.push(c);
        }
        Ok(name)
    }

    fn word(&mut self) -> Result<Kind, SyntaxError> {
        let start = self.at;
        match self.name()?.as_str() {
            "null" => Ok(Kind::Null),
            "true" => Ok(Kind::Bool(true)),
            "false" => Ok(Kind::Bool(false)),
            "Infinity" | "NaN" => Err(SyntaxError { message: NOT_FINITE.into(), offset: start }),
            _ => Err(SyntaxError { message: "text needs quotes".into(), offset: start }),
        }
    }

    fn number(&mut self) -> Result<Number, SyntaxError> {
        let start = self.at;
        let negative = self.peek() == Some('-');
        if matches!(self.peek(), Some('+' | '-')) {
            self.bump();
        }
        let from = self.at;
        while self.peek().is_some_and(|c| is_name_part(c) || c == '.' || self.is_exponent_sign(from, c)) {
            self.bump();
        }
        let digits = &self.text[from..self.at];
        let bad = |message: &str| SyntaxError { message: message.into(), offset: start };
        if matches!(digits, "Infinity" | "NaN") {
            return Err(bad(NOT_FINITE));
        }
        let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => hex_number(hex, negative),
            None => decimal_number(digits, negative),
        };
        number.ok_or_else(|| bad("this is not a number; text needs quotes"))
    }

    fn is_exponent_sign(&self, from: usize, c: char) -> bool {
        let so_far = &self.text[from..self.at];
        matches!(c, '+' | '-') && so_far.ends_with(['e', 'E']) && !so_far.starts_with("0x") && !so_far.starts_with("0X")
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let opened = self.at;
        let quote = self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None | Some('\n' | '\r') => {
                    return Err(SyntaxError {
                        message: "this text is never closed with its quote".into(),
                        offset: opened,
                    });
                }
                c if c == quote => return Ok(text),
                Some('\\') => self.escape(&mut text)?,
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), SyntaxError> {
        let Some(c) = self.bump() else { return Err(self.error("the text ends inside a quote")) };
        match c {
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\u{b}'),
            '0' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => text.push('\0'),
            '0'..='9' => return Err(self.error("octal escapes are not JSON5")),
            'x' => text.push(char::from(u8::try_from(self.hex(2)?).unwrap_or_default())),
            'u' => text.push(self.unicode_escape()?),
            '\r' => {
                self.eat('\n');
            }
            '\n' | '\u{2028}' | '\u{2029}' => {}
            other => text.push(other),
        }
        Ok(())
    }

    /// The four digits after `\u`, and the second half when the first is a surrogate.
    fn unicode_escape(&mut self) -> Result<char, SyntaxError> {
        let first = self.hex(4)?;
        let code = if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let second = self.hex(4)?;
            0x1_0000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.error("this escape is half of a character"))
    }

    fn hex(&mut self, digits: usize) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.peek().and_then(|c| c.to_digit(16));
            let digit = digit.ok_or_else(|| self.error(format!("this escape needs {digits} hexadecimal digits")))?;
            code = code * 16 + digit;
            self.bump();
        }
        Ok(code)
    }
}

const NOT_FINITE: &str = "`Infinity` and `NaN` have no meaning in a config";

fn hex_number(hex: &str, negative: bool) -> Option<Number> {
    let magnitude = u64::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+'))?;
    if negative { Some(Number::from(0_i64.checked_sub_unsigned(magnitude)?)) } else { Some(Number::from(magnitude)) }
}

fn decimal_number(digits: &str, negative: bool) -> Option<Number> {
    let shaped = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if !shaped || leading_zero || digits.starts_with(['e', 'E', '+', '-']) || digits.starts_with(".e") {
        return None;
    }
    let signed = if negative { format!("-{digits}") } else { digits.to_owned() };
    if let Ok(whole) = signed.parse::<i64>() {
        return Some(Number::from(whole));
    }
    if let Ok(whole) = signed.parse::<u64>() {
        return Some(Number::from(whole));
    }
    let float = signed.parse::<f64>().ok().filter(|float| float.is_finite())?;
    Some(whole_number(float).unwrap_or(Number::from_f64(float)?))
}

/// `1.0` and `1e3` are whole numbers to a reader and to JavaScript.
fn whole_number(float: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() != 0.0 || float.abs() >= EXACT || (float == 0.0 && float.is_sign_negative()) {
        return None;
    }
    format!("{float:.0}").parse::<i64>().ok().map(Number::from)
}

const fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\u{feff}') || is_line_end(c) || (c.is_whitespace() && c != '\u{85}')
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '$' | '_')
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '$' | '_' | '\u{200c}' | '\u{200d}')
}
