//! Names of keys as the bytes or signals they stand for.
//!
//! Children have pipes, not terminals, so what a terminal would make of `C-c` is done here: a signal.

use rustix::process::Signal;

/// What pressing a key means for a child without a terminal.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tools) enum Key {
    /// Bytes for its input.
    Bytes(Vec<u8>),
    /// A signal to its group.
    Signal(Signal),
    /// The end of its input.
    EndOfInput,
}

/// Keys with names, and their bytes.
const NAMED: &[(&str, &[u8])] = &[
    ("enter", b"\n"),
    ("return", b"\n"),
    ("tab", b"\t"),
    ("space", b" "),
    ("escape", b"\x1b"),
    ("esc", b"\x1b"),
    ("backspace", b"\x7f"),
    ("bspace", b"\x7f"),
    ("delete", b"\x1b[3~"),
    ("up", b"\x1b[A"),
    ("down", b"\x1b[B"),
    ("right", b"\x1b[C"),
    ("left", b"\x1b[D"),
    ("home", b"\x1b[H"),
    ("end", b"\x1b[F"),
    ("pageup", b"\x1b[5~"),
    ("pagedown", b"\x1b[6~"),
];

impl Key {
    /// The key called `name`: a named key, `C-x` (or `ctrl-x`, `^X`), `M-x`, or one character.
    pub(in crate::tools) fn named(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        if let Some((_, bytes)) = NAMED.iter().find(|(known, _)| *known == lower) {
            return Some(Self::Bytes(bytes.to_vec()));
        }
        if let Some(with) = ["c-", "ctrl-", "ctrl+", "^"].iter().find_map(|start| lower.strip_prefix(start)) {
            return Self::control(with);
        }
        if let Some(with) = name.strip_prefix("M-").filter(|rest| rest.chars().count() == 1) {
            return Some(Self::Bytes(format!("\x1b{with}").into_bytes()));
        }
        (name.chars().count() == 1).then(|| Self::Bytes(name.as_bytes().to_vec()))
    }

    fn control(with: &str) -> Option<Self> {
        let [letter] = with.as_bytes() else { return None };
        match letter {
            b'c' => Some(Self::Signal(Signal::INT)),
            b'\\' => Some(Self::Signal(Signal::QUIT)),
            b'z' => Some(Self::Signal(Signal::TSTP)),
            b'd' => Some(Self::EndOfInput),
            b'a'..=b'y' => Some(Self::Bytes(vec![letter - b'a' + 1])),
            _ => None,
        }
    }

    /// The byte of two hexadecimal digits, `1b` or `0x1b`.
    pub(in crate::tools) fn hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        u8::from_str_radix(digits, 16).ok().filter(|_| digits.len() <= 2).map(|byte| Self::Bytes(vec![byte]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn keys_have_the_meaning_a_terminal_gives_them() {
        for (name, key) in [
            ("Enter", Key::Bytes(b"\n".to_vec())),
            ("Up", Key::Bytes(b"\x1b[A".to_vec())),
            ("C-c", Key::Signal(Signal::INT)),
            ("^D", Key::EndOfInput),
            ("ctrl-a", Key::Bytes(vec![1])),
            ("M-x", Key::Bytes(b"\x1bx".to_vec())),
            ("é", Key::Bytes("é".into())),
        ] {
            assert_eq!(Key::named(name), Some(key), "{name}");
        }
        assert_eq!(Key::named("Hyper"), None);
        assert_eq!(Key::hex("0x1b"), Some(Key::Bytes(vec![0x1b])));
        assert_eq!(Key::hex("zz"), None);
    }
}
