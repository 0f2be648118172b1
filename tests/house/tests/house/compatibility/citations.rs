//! Which test cites which rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{Source, sources};

/// Rule id → the tests that cite it, as `path::function`, or `path` for a whole file.
pub(super) type Citations = BTreeMap<String, BTreeSet<String>>;

/// Families of rule ids; anything else that looks like one (`UTF-8`, `SHA-256`) is none.
const FAMILIES: &[&str] = &[
    "A", "AUTH", "BIND", "CFG", "CFGC", "CLI", "CON", "CRED", "DISC", "DOC", "ENV", "LOCAL", "LOCK", "LOG", "N",
    "ORIGIN", "PAIR", "PROBE", "PROF", "PROXY", "RATE", "RECON", "SEED", "SSH", "START", "SVC", "TLS", "TS", "WS",
];

/// Every citation under `crates/` and `tests/`; the house's own examples are none.
pub(super) fn all() -> Citations {
    let mut found = Citations::new();
    for folder in ["crates", "tests"] {
        for file in sources(folder).iter().filter(|file| !file.path.starts_with("tests/house/")) {
            for (rule, test) in of_file(file) {
                found.entry(rule).or_default().insert(test);
            }
        }
    }
    found
}

fn of_file(file: &Source) -> Vec<(String, String)> {
    let path = file.path.strip_prefix("crates/").unwrap_or(&file.path);
    let mut found = Vec::new();
    if file.text.contains("#[test]") || file.text.contains("::test") {
        let head: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        // Sections of the protocol are whole files of product; there the file's own tests hold what it says it is.
        let counts = |id: &String| file.is_test() || id.starts_with("protocol ");
        found.extend(ids(&head).into_iter().filter(counts).map(|id| (id, path.to_owned())));
    }
    let (mut words, mut is_test) = (String::new(), false);
    for line in file.text.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            words.push_str(text);
        } else if line.starts_with("#[") {
            is_test |= line.contains("test]") || line.contains("test(");
        } else if let Some(name) = function(line) {
            if is_test {
                found.extend(ids(&words).into_iter().map(|id| (id, format!("{path}::{name}"))));
            }
            (words, is_test) = (String::new(), false);
        } else {
            (words, is_test) = (String::new(), false);
        }
    }
    found
}

/// `x` of `async fn x(`.
fn function(line: &str) -> Option<&str> {
    let after = ["fn ", "async fn ", "pub fn ", "pub(crate) fn "].iter().find_map(|start| line.strip_prefix(start))?;
    after.split(['(', '<']).next()
}

/// The rule ids in a comment; `CFGC-1…6` is six of them.
pub(super) fn ids(text: &str) -> Vec<String> {
    let mut found = sections_of_the_protocol(text);
    for word in text.split(|c: char| c.is_whitespace() || ",;:()[]`/".contains(c)) {
        let (first, last) = word.split_once('…').unwrap_or((word, ""));
        let first = first.trim_end_matches('.');
        let Some((family, number)) = first.split_once('-').filter(|(family, number)| is_rule(family, number)) else {
            continue;
        };
        found.push(first.to_owned());
        if let (Ok(first), Ok(last)) = (number.parse::<u32>(), last.trim_end_matches('.').parse::<u32>()) {
            found.extend((first + 1..=last).map(|number| format!("{family}-{number}")));
        }
    }
    found
}

fn is_rule(family: &str, number: &str) -> bool {
    let legal = number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_digit() || c == '.' || c.is_ascii_lowercase());
    legal && FAMILIES.contains(&family) && matches!(family, "A" | "N") == number.contains('.')
}

/// `protocol.md 3.4 and 3.5`, `` `protocol.md` 4 ``.
fn sections_of_the_protocol(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for after in text.split("protocol.md").skip(1) {
        for word in after.split_whitespace() {
            let number = word.trim_matches(|c: char| "`,.;:()".contains(c));
            match number {
                "" | "and" | "section" | "sections" => {}
                _ if number.chars().all(|c| c.is_ascii_digit() || c == '.') => found.push(format!("protocol {number}")),
                _ => break,
            }
        }
    }
    found
}

#[test]
fn ids_are_found_in_the_ways_they_are_written() {
    for (text, expected) in [
        (" PAIR-6", vec!["PAIR-6"]),
        (" A-8.6, A-4.1a: and more (CFG-7).", vec!["A-8.6", "A-4.1a", "CFG-7"]),
        (" N-5.11, N-12.6a", vec!["N-5.11", "N-12.6a"]),
        (" UTF-8, SHA-256, N-7, A-7 and X-1 are none", vec![]),
        (" `protocol.md` 3.4 and 4, PAIR-1", vec!["protocol 3.4", "protocol 4", "PAIR-1"]),
        (" protocol.md section 5.", vec!["protocol 5"]),
        (" CFGC-2…4: words", vec!["CFGC-2", "CFGC-3", "CFGC-4"]),
    ] {
        assert_eq!(ids(text), expected, "{text}");
    }
}
