//! Keys, by the names browsers give them: `Enter`, `a`, `Control+Shift+K`.

use serde_json::{Value, json};

use super::keyboard::Key;
use super::tab::Tab;
use crate::commands::Refusal;

/// Keys that are held, with their bits.
const MODIFIERS: &[(&str, u8)] = &[("Alt", 1), ("Control", 2), ("Meta", 4), ("Shift", SHIFT)];
const SHIFT: u8 = 8;

/// A key and the ones held meanwhile.
#[derive(Debug, PartialEq, Eq)]
struct Chord<'a> {
    held: Vec<(&'static str, u8)>,
    key: &'a str,
}

/// The bits of keys that are held.
///
/// # Errors
/// That one is none of them.
pub(super) fn bits(names: &[String]) -> Result<u8, Refusal> {
    names.iter().try_fold(0, |bits, name| Ok(bits | modifier(name)?.1))
}

fn modifier(name: &str) -> Result<(&'static str, u8), Refusal> {
    let plain = match name {
        "Ctrl" => "Control",
        "Cmd" | "Command" => "Meta",
        "Option" => "Alt",
        "ControlOrMeta" if cfg!(target_os = "macos") => "Meta",
        "ControlOrMeta" => "Control",
        other => other,
    };
    let found = MODIFIERS.iter().find(|(known, _)| *known == plain).copied();
    found.ok_or_else(|| Refusal::invalid(format!("`{name}` is none of Alt, Control, Meta, Shift")))
}

impl<'a> Chord<'a> {
    fn parse(text: &'a str) -> Result<Self, Refusal> {
        // A plus may itself be the key.
        let (held, key) = match text.char_indices().rev().skip(1).find(|(_, c)| *c == '+') {
            Some((at, _)) => (&text[..at], &text[at + 1..]),
            None => ("", text),
        };
        let held = held.split('+').filter(|name| !name.is_empty()).map(modifier).collect::<Result<_, _>>()?;
        Ok(Self { held, key })
    }
}

/// Presses and lets go.
///
/// # Errors
/// That there is no such key.
pub(super) async fn press(tab: &Tab, text: &str) -> Result<(), Refusal> {
    let chord = Chord::parse(text)?;
    let shifted = chord.held.iter().any(|(_, bit)| *bit == SHIFT);
    let find = |name: &str, shifted| {
        let unknown = || Refusal::invalid(format!("key: `{text}` is no key; write it as in `Enter` or `Control+A`"));
        Key::find(name, shifted).ok_or_else(unknown)
    };
    let key = find(chord.key, shifted)?;
    let mut bits = 0;
    for (name, bit) in &chord.held {
        bits |= bit;
        send(tab, "rawKeyDown", &find(name, false)?, bits, None).await?;
    }
    // With another key held a letter is a command and no text; Shift makes another letter.
    let text = key.text.as_deref().filter(|_| bits & !SHIFT == 0);
    send(tab, if text.is_some() { "keyDown" } else { "rawKeyDown" }, &key, bits, text).await?;
    send(tab, "keyUp", &key, bits, None).await?;
    for (name, bit) in chord.held.iter().rev() {
        bits &= !bit;
        send(tab, "keyUp", &find(name, false)?, bits, None).await?;
    }
    Ok(())
}

/// Types one character; by its key if it has one.
///
/// # Errors
/// What the browser says against it.
pub(super) async fn strike(tab: &Tab, c: char) -> Result<(), Refusal> {
    let name = if c == '\n' { "Enter".to_owned() } else { c.to_string() };
    match Key::find(&name, false) {
        Some(key) => {
            send(tab, "keyDown", &key, 0, key.text.as_deref()).await?;
            send(tab, "keyUp", &key, 0, None).await
        }
        None => tab.call("Input.insertText", json!({"text": c})).await.map(drop),
    }
}

async fn send(tab: &Tab, kind: &str, key: &Key, bits: u8, text: Option<&str>) -> Result<(), Refusal> {
    let mut params = json!({
        "type": kind, "key": key.name, "code": key.code, "windowsVirtualKeyCode": key.number, "modifiers": bits,
    });
    if let Some(text) = text {
        params["text"] = Value::from(text);
    }
    tab.call("Input.dispatchKeyEvent", params).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_what_is_held() {
        let chord =
            |text| Chord::parse(text).map(|chord| (chord.held.iter().map(|(_, bit)| bit).sum::<u8>(), chord.key));
        assert_eq!(chord("Enter").unwrap(), (0, "Enter"));
        assert_eq!(chord("Control+Shift+K").unwrap(), (10, "K"));
        assert_eq!(chord("Cmd++").unwrap(), (4, "+"));
        assert_eq!(chord("+").unwrap(), (0, "+"));
        assert!(chord("Hyper+a").is_err());
        assert_eq!(bits(&["Alt".into(), "Ctrl".into()]).unwrap(), 3);
    }
}
