//! Tables of tools and model vendors: every entry has a name of its own and is documented.

use std::collections::BTreeSet;

use crate::house::{Source, read, root, sources};

#[test]
fn every_tool_is_in_the_table_and_in_the_docs() {
    let tools: Vec<Source> = sources("crates/agent/src/tools")
        .into_iter()
        .filter(|file| file.path.matches('/').count() == 4 && file.text.contains("impl Tool for"))
        .collect();
    let names: Vec<String> = tools.iter().map(|file| quoted_after(file, "name: \"")).collect();
    assert!(!names.is_empty());
    unique(&names);
    documented(&names);
    let table = read("crates/agent/src/tools/toolbox.rs");
    assert_eq!(table.matches("| Arc::new(").count(), names.len(), "each tool has one line in TABLE");
}

#[test]
fn every_dialect_of_a_vendor_has_a_name_of_its_own_and_is_documented() {
    let names: Vec<String> = sources("crates/agent/src/providers")
        .iter()
        .filter(|file| file.text.contains("const API: &str = "))
        .map(|file| quoted_after(file, "const API: &str = \""))
        .collect();
    assert!(!names.is_empty());
    unique(&names);
    documented(&names);
}

/// `config` may not know `wire`, so it spells the scopes once more.
#[test]
fn config_knows_the_scopes_of_the_protocol() {
    let text = read("crates/config/src/schema/gateway_auth.rs");
    let list = text.split_once("const OPERATOR_SCOPES").unwrap().1.split_once("];").unwrap().0;
    let spelt: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let known: Vec<&str> = wire::Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    assert_eq!(spelt, known);
}

fn quoted_after(file: &Source, start: &str) -> String {
    let rest = file.text.split_once(start).unwrap_or_else(|| panic!("{} has no `{start}`", file.path)).1;
    rest.split('"').next().unwrap().to_owned()
}

fn unique(names: &[String]) {
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "two entries share a name: {names:?}");
}

/// Some page of `docs/` explains each name.
fn documented(names: &[String]) {
    let pages = ["docs/agent.md", "docs/models.md", "docs/configuration.md", "README.md"];
    let text: String = pages.iter().filter_map(|page| std::fs::read_to_string(root().join(page)).ok()).collect();
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "`{name}` is explained in none of {pages:?}");
    }
}
