//! What holds for any text: reading never panics and agrees with the reference reader; an edit touches only its place.

use config::edit::{Change, prepare};
use config::{Path, load_text};
use proptest::prelude::*;
use serde_json::Value;

use crate::Home;

/// Any JSON value of moderate size, integers and short texts at the leaves.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z \"'\\\\\\n/é]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z][a-z.]{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Some layout between two tokens: spaces, line ends, comments.
fn gap() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", " ", "\n", "\n  ", " /* c, } */ ", " // l: {\n", "\n\n\t", "\r\n  "])
}

/// A config with three open sections, written with any layout, and with the raw text of each.
fn document() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
    let member = (prop::sample::select(vec!["plugins", "skills", "talk", "ui"]), value(), gap(), gap(), gap());
    (prop::collection::vec(member, 0..4), gap(), any::<bool>()).prop_map(|(members, lead, trailing)| {
        let mut seen = Vec::new();
        let mut text = format!("{lead}{{");
        for (name, value, before, between, after) in members {
            if seen.iter().any(|(known, _)| known == name) {
                continue;
            }
            let raw = value.to_string();
            let comma = if seen.is_empty() { "" } else { "," };
            text.push_str(&format!("{comma}{before}{name}:{between}{raw}{after}"));
            seen.push((name.to_owned(), raw));
        }
        let comma = if trailing && !seen.is_empty() { ", " } else { "" };
        text.push_str(&format!("{comma}}} // end\n"));
        (text, seen)
    })
}

fn comments(text: &str) -> usize {
    text.matches("c, }").count() + text.matches("// l: {").count() + text.matches("// end").count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// CFGC-4
    #[test]
    fn setting_a_key_keeps_every_other_byte((text, members) in document(), new in value(), key in "[a-z][a-z.]{0,3}") {
        let home = Home::with(&text);
        let path = Path::root().key("browser").key(&key);
        let change = Change::Set { path: path.clone(), value: new.clone() };
        let edited = prepare(&home.file(), &home.env, None, change).unwrap().text;
        let loaded = load_text(&edited, &home.file(), &home.env).unwrap_or_else(|error| panic!("{error}\n{text}\n---\n{edited}"));
        prop_assert_eq!(path.find(&loaded.source), Some(&new), "{}\n---\n{}", text, edited);
        prop_assert_eq!(comments(&edited), comments(&text));
        for (name, raw) in &members {
            prop_assert!(edited.contains(raw), "{} changed:\n{}\n---\n{}", name, text, edited);
            prop_assert_eq!(loaded.source[name].to_string(), raw.clone());
        }
        // Taking it out again leaves the old values, and the old text but for an emptied `browser`.
        std::fs::write(home.file(), &edited).unwrap();
        let change = Change::Unset { path: Path::root().key("browser") };
        let back = prepare(&home.file(), &home.env, None, change).unwrap().text;
        let again = load_text(&back, &home.file(), &home.env).unwrap_or_else(|error| panic!("{error}\n{edited}\n---\n{back}"));
        prop_assert_eq!(again.source, load_text(&text, &home.file(), &home.env).unwrap().source);
    }

    /// CFGC-4
    #[test]
    fn replacing_and_removing_touch_one_member((text, members) in document(), new in value()) {
        for (name, _) in &members {
            let home = Home::with(&text);
            let path = Path::root().key(name);
            let set = Change::Set { path: path.clone(), value: new.clone() };
            let edited = prepare(&home.file(), &home.env, None, set).unwrap().text;
            let loaded = load_text(&edited, &home.file(), &home.env).unwrap();
            prop_assert_eq!(&loaded.source[name], &new, "{}\n---\n{}", text, edited);
            let edited = prepare(&home.file(), &home.env, None, Change::Unset { path }).unwrap().text;
            let loaded = load_text(&edited, &home.file(), &home.env).unwrap_or_else(|error| panic!("{error}\n{text}\n---\n{edited}"));
            prop_assert!(loaded.source.get(name).is_none(), "{}\n---\n{}", text, edited);
            for (other, raw) in members.iter().filter(|(other, _)| other != name) {
                prop_assert!(edited.contains(raw));
                prop_assert_eq!(loaded.source[other].to_string(), raw.clone());
            }
        }
    }

    /// What the reference reader accepts we read alike, as far as JSON can say it.
    #[test]
    fn reading_agrees_with_the_reference(text in r#"(\{|\[|\}|\]|,|:|'a'|"b\\n"|-?[0-9]{1,3}(\.[0-9]{1,2})?(e[0-9])?|0x[0-9a-f]{1,3}|[$_a-zé]{1,3}|true|null| |//x\n|/\*y\*/|\\u0041|\.5|\+1){0,12}"#) {
        let home = Home::new();
        let whole = format!("{{ ui: {text} }}");
        let ours = load_text(&whole, &home.file(), &home.env);
        match json5::from_str::<Value>(&whole) {
            Ok(theirs) if theirs["ui"].is_null() || !theirs.as_object().unwrap().keys().eq(["ui"]) => {}
            Ok(theirs) => {
                let ours = ours.unwrap_or_else(|error| panic!("{error}\n{whole}")).source;
                prop_assert_eq!(flat(&ours), flat(&theirs), "{}", whole);
            }
            Err(_) => prop_assert!(ours.is_err(), "we accept {whole}"),
        }
    }

    #[test]
    fn redacting_text_keeps_it_readable((text, _) in document()) {
        let shown = config::redact_text(&text);
        let home = Home::new();
        let source = load_text(&text, &home.file(), &home.env).unwrap().source;
        prop_assert_eq!(load_text(&shown, &home.file(), &home.env).unwrap().source, config::redact(&source));
    }
}

/// Numbers as floats, so that `1.0` and `1` are one.
fn flat(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().unwrap().to_string()),
        Value::Array(items) => items.iter().map(flat).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), flat(value))).collect())
        }
        other => other.clone(),
    }
}

/// Any bytes: reading, showing and editing answer, and never panic.
#[test]
fn fuzz_config_load() {
    let home = Home::new();
    bolero::check!().with_iterations(2_000).for_each(|input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        for text in [text.to_string(), format!("{{ gateway: {text} }}"), format!("{{ ui: [{text}], ")] {
            let loaded = load_text(&text, &home.file(), &home.env);
            let shown = config::redact_text(&text);
            assert!(loaded.is_err() || !shown.is_empty());
            if let Ok(path) = text.parse::<Path>() {
                assert_eq!(path.to_string().parse::<Path>().as_ref(), Ok(&path), "{text:?}");
            }
        }
    });
}
