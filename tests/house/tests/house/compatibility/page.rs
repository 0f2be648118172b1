//! The page and the file of rules as text.
//!
//! A row that is still true stays as it stands, so the page changes where a rule gains its first test or loses one it
//! names, and not with every test somebody adds; two people rarely change the same line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

use super::citations::Citations;
use super::{Rule, Section};

/// Most tests named for one rule; more would only make the page longer.
const NAMED_TESTS: usize = 3;

/// What was tried with the original itself, and with which version of it.
#[derive(Deserialize)]
pub(super) struct Tried {
    what: String,
    with: String,
}

/// The section about [`Tried`].
pub(super) fn tried(tried: &[Tried]) -> String {
    let mut section =
        "\n## With the original itself\n\nThe last results of `tests/interop/test/original.test.mjs`, which \
         runs the published package against this one:\n\n"
            .to_owned();
    for Tried { what, with } in tried {
        let _ = writeln!(section, "- {what} (version {with})");
    }
    section
}

/// The whole page, given how it stood before.
pub(super) fn write(sections: &[Section], cited: &Citations, before: &str) -> String {
    let known: BTreeSet<&str> =
        sections.iter().flat_map(|section| &section.rules).map(|rule| rule.id.as_str()).collect();
    let mut page = "# What is compatible, and what proves it\n\n\
         Every rule of the original's behaviour that this product undertakes to keep, and tests that hold it. The ids \
         are those that\ntests cite. This page is made from `docs/rules.json` and the tests themselves: \
         `UPDATE_DOCS=1 cargo test -p openclaw-house`.\nA rule that no test holds says why not yet.\n"
        .to_owned();
    let named_before = rows(before);
    for section in sections {
        let _ = write!(
            page,
            "\n## {} ({})\n\n| rule | what | held by |\n| --- | --- | --- |\n",
            section.title, section.section
        );
        for rule in &section.rules {
            let held_by = holders(rule, cited, named_before.get(rule.id.as_str()).copied());
            let _ = writeln!(page, "| {} | {} | {held_by} |", rule.id, cell(&rule.summary));
        }
    }
    let others: Vec<&String> = cited.keys().filter(|id| !known.contains(id.as_str())).collect();
    if !others.is_empty() {
        page.push_str("\n## Held besides\n\nRules of sections that are not listed yet, which tests hold already:\n\n");
        for id in others {
            let _ = writeln!(page, "- {id}");
        }
    }
    page
}

/// Rule id → its last cell, of every row of a page.
fn rows(page: &str) -> BTreeMap<&str, &str> {
    page.lines().filter_map(row_of).collect()
}

fn row_of(line: &str) -> Option<(&str, &str)> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some((inner.split_once(" | ")?.0, inner.rsplit_once(" | ")?.1))
}

fn holders(rule: &Rule, cited: &Citations, before: Option<&str>) -> String {
    let Some(tests) = cited.get(&rule.id) else {
        return format!("*not yet: {}*", cell(rule.not_yet.as_deref().unwrap_or("no test holds it")));
    };
    if let Some(before) = before.filter(|cell| is_still_true(cell, tests)) {
        return before.to_owned();
    }
    let named: Vec<String> = tests.iter().take(NAMED_TESTS).map(|test| format!("`{test}`")).collect();
    named.join("<br>")
}

/// Whether every test a cell names still cites the rule, and it names one.
fn is_still_true(cell: &str, tests: &BTreeSet<String>) -> bool {
    let mut names = cell.split("<br>").map(|name| name.strip_prefix('`').and_then(|name| name.strip_suffix('`')));
    names.all(|name| name.is_some_and(|name| tests.contains(name)))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The rules as they stand in their file: one line each, so that a change is one line too.
pub(super) fn rules_file(sections: &[Section]) -> String {
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let section = |section: &Section| {
        let rules: Vec<String> = section.rules.iter().map(|rule| format!("    {}", rule_line(rule))).collect();
        format!(
            "  {{\"section\": {}, \"title\": {}, \"rules\": [\n{}\n  ]}}",
            json(&section.section),
            json(&section.title),
            rules.join(",\n")
        )
    };
    format!("[\n{}\n]\n", sections.iter().map(section).collect::<Vec<_>>().join(",\n"))
}

fn rule_line(rule: &Rule) -> String {
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let reason = rule.not_yet.as_deref().map_or(String::new(), |reason| format!(", \"notYet\": {}", json(reason)));
    format!("{{\"id\": {}, \"summary\": {}{reason}}}", json(&rule.id), json(&rule.summary))
}

#[test]
fn a_row_changes_only_when_it_is_no_longer_true() {
    let rule = Rule { id: "PAIR-6".into(), summary: "who waits".into(), not_yet: None };
    let sections = [Section { section: "PAIR".into(), title: "Pairing".into(), rules: vec![rule] }];
    let cited = |tests: &[&str]| -> Citations {
        [("PAIR-6".to_owned(), tests.iter().map(|test| (*test).to_owned()).collect())].into()
    };
    let first = write(&sections, &cited(&["b::one"]), "");
    assert!(first.contains("| PAIR-6 | who waits | `b::one` |"), "{first}");
    assert_eq!(write(&sections, &cited(&["a::new", "b::one"]), &first), first);
    let other = write(&sections, &cited(&["a::new", "b::renamed"]), &first);
    assert!(other.contains("| `a::new`<br>`b::renamed` |"), "{other}");
}
