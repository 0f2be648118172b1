//! `docs/compatibility.md`: every rule of the behaviour we keep, and the tests that hold it.
//!
//! The rules stand in `docs/rules.json`, in our words. A test cites a rule in the doc comment above it (`/// PAIR-6`,
//! `/// protocol.md 3.4`) or, for all tests of a file, in the file's `//!`. A rule has at least one test or a reason why
//! not yet, never both. `UPDATE_DOCS=1 cargo test -p openclaw-house` brings the page up to date and drops reasons that
//! have become untrue.

mod citations;
mod page;

use serde::{Deserialize, Serialize};

use crate::house::{read, root};

const RULES: &str = "docs/rules.json";
const PAGE: &str = "docs/compatibility.md";
/// Written by the tests that run the original itself.
const TRIED: &str = "tests/interop/original/last.json";

/// One section of the rules.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    section: String,
    title: String,
    rules: Vec<Rule>,
}

/// One rule.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    id: String,
    summary: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_yet: Option<String>,
}

fn rules() -> Vec<Section> {
    serde_json::from_str(&read(RULES)).unwrap()
}

#[test]
fn every_rule_has_a_test_or_a_reason_and_the_page_says_which() {
    let (mut sections, cited) = (rules(), citations::all());
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut problems = Vec::new();
    for rule in sections.iter_mut().flat_map(|section| &mut section.rules) {
        match (cited.contains_key(&rule.id), &rule.not_yet) {
            (false, None) => problems.push(format!("{} has neither a test nor a `notYet`", rule.id)),
            (false, Some(reason)) if reason.starts_with("no test") => {
                problems.push(format!("{}: `notYet` says what the product lacks, not that a test is missing", rule.id));
            }
            (true, Some(_)) if update => rule.not_yet = None,
            (true, Some(reason)) => problems.push(format!("{} is tested, but `notYet` says: {reason}", rule.id)),
            _ => {}
        }
    }
    let before = std::fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    let tried: Vec<page::Tried> = serde_json::from_str(&read(TRIED)).unwrap();
    let page = page::write(&sections, &cited, &before) + &page::tried(&tried);
    if update {
        std::fs::write(root().join(RULES), page::rules_file(&sections)).unwrap();
        std::fs::write(root().join(PAGE), &page).unwrap();
    } else if before != page {
        problems.push(format!("{PAGE} is out of date: run UPDATE_DOCS=1 cargo test -p openclaw-house"));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn rules_have_ids_of_their_own() {
    let mut ids: Vec<String> = rules().into_iter().flat_map(|section| section.rules).map(|rule| rule.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
