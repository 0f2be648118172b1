//! A keyboard of the US layout: what each key is called, where it lies, and what it types.

/// A key as a page hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// What it means, `Enter` or `a`.
    pub(super) name: String,
    /// Where it lies, `KeyA`.
    pub(super) code: String,
    /// The number old pages ask for.
    pub(super) number: u32,
    /// What it puts into a field.
    pub(super) text: Option<String>,
}

/// Keys beside the letters that type: where they lie, their number, what they type alone and with Shift.
const TYPING: &[(&str, u32, char, char)] = &[
    ("Space", 32, ' ', ' '),
    ("Digit0", 48, '0', ')'),
    ("Digit1", 49, '1', '!'),
    ("Digit2", 50, '2', '@'),
    ("Digit3", 51, '3', '#'),
    ("Digit4", 52, '4', '$'),
    ("Digit5", 53, '5', '%'),
    ("Digit6", 54, '6', '^'),
    ("Digit7", 55, '7', '&'),
    ("Digit8", 56, '8', '*'),
    ("Digit9", 57, '9', '('),
    ("Semicolon", 186, ';', ':'),
    ("Equal", 187, '=', '+'),
    ("Comma", 188, ',', '<'),
    ("Minus", 189, '-', '_'),
    ("Period", 190, '.', '>'),
    ("Slash", 191, '/', '?'),
    ("Backquote", 192, '`', '~'),
    ("BracketLeft", 219, '[', '{'),
    ("Backslash", 220, '\\', '|'),
    ("BracketRight", 221, ']', '}'),
    ("Quote", 222, '\'', '"'),
];
/// Keys that do something: what they mean, where they lie when that is called otherwise, their number.
const DOING: &[(&str, &str, u32)] = &[
    ("Cancel", "Abort", 3),
    ("Backspace", "", 8),
    ("Tab", "", 9),
    ("Clear", "NumpadClear", 12),
    ("Enter", "", 13),
    ("Shift", "ShiftLeft", 16),
    ("Control", "ControlLeft", 17),
    ("Alt", "AltLeft", 18),
    ("Pause", "", 19),
    ("CapsLock", "", 20),
    ("Escape", "", 27),
    ("Convert", "", 28),
    ("NonConvert", "", 29),
    ("PageUp", "", 33),
    ("PageDown", "", 34),
    ("End", "", 35),
    ("Home", "", 36),
    ("ArrowLeft", "", 37),
    ("ArrowUp", "", 38),
    ("ArrowRight", "", 39),
    ("ArrowDown", "", 40),
    ("Select", "", 41),
    ("PrintScreen", "", 44),
    ("Insert", "", 45),
    ("Delete", "", 46),
    ("Help", "", 47),
    ("Meta", "MetaLeft", 91),
    ("ContextMenu", "", 93),
    ("NumLock", "", 144),
    ("ScrollLock", "", 145),
    ("AudioVolumeMute", "", 173),
    ("AudioVolumeDown", "", 174),
    ("AudioVolumeUp", "", 175),
    ("MediaTrackNext", "", 176),
    ("MediaTrackPrevious", "", 177),
    ("MediaStop", "", 178),
    ("MediaPlayPause", "", 179),
    ("AltGraph", "AltRight", 225),
];
/// The number before that of F1, and how many of them there are.
const BEFORE_F1: u32 = 111;
const LAST_F: u32 = 24;

impl Key {
    /// The key of this name: a character of the layout, or `Enter`, `F5`, `Space`. With Shift held, a key that types
    /// gives its other character.
    pub(super) fn find(name: &str, shifted: bool) -> Option<Self> {
        let mut chars = name.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Self::typing(c, shifted),
            _ if name == "Space" => Self::typing(' ', shifted),
            _ => Self::doing(name),
        }
    }

    fn typing(c: char, shifted: bool) -> Option<Self> {
        let (code, number, plain, other) = if c.is_ascii_alphabetic() {
            let upper = c.to_ascii_uppercase();
            (format!("Key{upper}"), u32::from(upper), c.to_ascii_lowercase(), upper)
        } else {
            let (code, number, plain, other) =
                TYPING.iter().find(|(.., plain, other)| [*plain, *other].contains(&c))?;
            ((*code).to_owned(), *number, *plain, *other)
        };
        let text = String::from(if shifted || c != plain { other } else { plain });
        Some(Self { name: text.clone(), code, number, text: Some(text) })
    }

    fn doing(name: &str) -> Option<Self> {
        let key = |code: &str, number| Self { name: name.to_owned(), code: code.to_owned(), number, text: None };
        if let Some(f) = name.strip_prefix('F').and_then(|f| f.parse().ok()).filter(|f| (1..=LAST_F).contains(f)) {
            return Some(key(&format!("F{f}"), BEFORE_F1 + f)).filter(|key| key.code == name);
        }
        let (_, code, number) = DOING.iter().find(|(known, ..)| *known == name)?;
        let text = (name == "Enter").then(|| "\r".to_owned());
        Some(Self { text, ..key(if code.is_empty() { name } else { code }, *number) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, shifted: bool) -> Option<(String, String, u32, Option<String>)> {
        Key::find(name, shifted).map(|key| (key.name, key.code, key.number, key.text))
    }

    #[test]
    fn a_key_is_told_as_a_keyboard_tells_it() {
        let some =
            |name: &str, code: &str, number, text: &str| Some((name.into(), code.into(), number, Some(text.into())));
        assert_eq!(told("a", false), some("a", "KeyA", 65, "a"));
        assert_eq!(told("a", true), some("A", "KeyA", 65, "A"));
        assert_eq!(told("Z", false), some("Z", "KeyZ", 90, "Z"));
        assert_eq!(told("1", true), some("!", "Digit1", 49, "!"));
        assert_eq!(told("?", false), some("?", "Slash", 191, "?"));
        assert_eq!(told("Space", true), some(" ", "Space", 32, " "));
        assert_eq!(told("Enter", false), some("Enter", "Enter", 13, "\r"));
        assert_eq!(told("Alt", false), Some(("Alt".into(), "AltLeft".into(), 18, None)));
        assert_eq!(told("F24", false), Some(("F24".into(), "F24".into(), 135, None)));
        for none in ["", "é", "F0", "F25", "F05", "F+1", "enter", "Hyper"] {
            assert_eq!(told(none, false), None, "{none}");
        }
    }

    #[test]
    fn every_key_is_there_once() {
        let typed: Vec<char> = (' '..='~').collect();
        assert!(typed.iter().all(|c| Key::find(&c.to_string(), false).is_some()), "all of ASCII can be typed");
        let mut names: Vec<_> = DOING.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DOING.len());
    }
}
