//! The page and the file of rules as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::citations::Citations;
use super::{Rule, Section};

/// Most tests named for one rule; more would only make the page change with every commit.
const NAMED_TESTS: usize = 3;

/// The whole page.
pub(super) fn write(sections: &[Section], cited: &Citations) -> String {
    let known: BTreeSet<&str> =
        sections.iter().flat_map(|section| &section.rules).map(|rule| rule.id.as_str()).collect();
    let total = known.len();
    let held = sections.iter().flat_map(|section| &section.rules).filter(|rule| rule.not_yet.is_none()).count();
    let mut page = format!(
        "# What is compatible, and what proves it\n\n\
         Every rule of the original's behaviour that this product undertakes to keep, and the tests that hold it. The \
         ids are those\nthat tests cite. This page is made from `docs/rules.json` and the tests themselves: \
         `UPDATE_DOCS=1 cargo test -p openclaw-house`.\n\n\
         {held} of {total} rules are held by tests; the others say why not yet.\n"
    );
    for section in sections {
        let _ = write!(
            page,
            "\n## {} ({})\n\n| rule | what | held by |\n| --- | --- | --- |\n",
            section.title, section.section
        );
        for rule in &section.rules {
            let _ = writeln!(page, "| {} | {} | {} |", rule.id, cell(&rule.summary), holders(rule, cited));
        }
    }
    let others: Vec<&String> = cited.keys().filter(|id| !known.contains(id.as_str())).collect();
    if !others.is_empty() {
        page.push_str("\n## Held besides\n\nRules of sections that are not listed yet, which tests hold already: ");
        page.push_str(&others.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", "));
        page.push_str(".\n");
    }
    page
}

fn holders(rule: &Rule, cited: &Citations) -> String {
    let Some(tests) = cited.get(&rule.id) else {
        return format!("*not yet: {}*", cell(rule.not_yet.as_deref().unwrap_or("no test holds it")));
    };
    let named: Vec<String> = tests.iter().take(NAMED_TESTS).map(|test| format!("`{test}`")).collect();
    let more = if tests.len() > NAMED_TESTS { " and more" } else { "" };
    format!("{}{more}", named.join("<br>"))
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
