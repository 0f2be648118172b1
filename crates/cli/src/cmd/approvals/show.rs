//! `approvals get`: a machine's document, and what it comes to.

use exec_policy::{Document, Entry};
use serde_json::{Value, json};
use wire::methods::{Method as _, config};

use super::cell;
use super::document::Place;
use crate::app::App;
use crate::exit::Failure;
use crate::out::table::{age, pairs, table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let (stored, config) = args.place.at(app, async |desk| {
        let stored = desk.read().await?;
        // The document is what was asked for; the config only helps to read it.
        let config = match desk.connection().filter(|_| args.place.is_gateways() && !app.out.json) {
            Some(connection) => connection.call(config::Get::NAME, Some(json!({}))).await.ok(),
            None => None,
        };
        Ok((stored, config))
    })?;
    app.out.either(&stored, || text(&args.place, &stored, config.as_ref()));
    Ok(())
}

fn text(place: &Place, stored: &Value, config: Option<&Value>) -> String {
    let file = cell(stored, "path");
    let there = if stored["exists"] == true { file } else { format!("{file} (not there; the defaults count)") };
    let level = &stored["resolvedDefaults"];
    let mut head = vec![
        ("Machine", place.name()),
        ("Document", there),
        ("Security", cell(level, "security")),
        ("Ask", cell(level, "ask")),
        ("Unanswered", cell(level, "askFallback")),
    ];
    if let Some(exec) = config.map(|config| &config["parsed"]["tools"]["exec"]) {
        let said = ["mode", "security", "ask"].into_iter().filter(|key| exec[*key].is_string());
        let said = said.map(|key| format!("{key} {}", cell(exec, key))).collect::<Vec<_>>().join(", ");
        let said = if said.is_empty() { "security allowlist, ask on-miss (by default)".to_owned() } else { said };
        head.push(("tools.exec", format!("{said}; the stricter of both counts")));
    }
    let head = pairs(head);
    let Ok(document) = Document::from_value(stored["file"].clone()) else { return head };
    let (rows, own) = (entries(&document, base::now_ms()), rules(stored));
    let mut parts = vec![head];
    if !own.is_empty() {
        parts.push(table(&["AGENT", "SECURITY", "ASK", "UNANSWERED"], own));
    }
    parts.push(match rows.is_empty() {
        true => "Nothing is listed.".into(),
        false => table(&["AGENT", "PATTERN", "ARGUMENTS", "BY", "USED"], rows),
    });
    parts.join("\n\n")
}

/// The agents whose rules differ.
fn rules(stored: &Value) -> Vec<Vec<String>> {
    let agents = stored["file"]["agents"].as_object().into_iter().flatten();
    let differs = |rules: &Value| ["security", "ask", "askFallback"].iter().any(|key| rules[*key].is_string());
    let differing = agents.filter(|(_, rules)| differs(rules));
    differing
        .map(|(agent, rules)| {
            vec![agent.clone(), cell(rules, "security"), cell(rules, "ask"), cell(rules, "askFallback")]
        })
        .collect()
}

fn entries(document: &Document, now: i64) -> Vec<Vec<String>> {
    let row = |agent: &str, entry: &Entry| {
        let used = entry.last_used_at.as_ref().and_then(serde_json::Number::as_i64);
        let arguments = match entry.arg_pattern.as_deref() {
            None => "any".to_owned(),
            Some(bound) if bound.starts_with("sha256:") => "just these, in one folder".to_owned(),
            Some(expression) => expression.to_owned(),
        };
        let by = entry.source.as_deref().map_or("the owner", |_| "a decision");
        let agent = if agent.is_empty() { "(defaults)" } else { agent };
        let used = used.map_or_else(|| "-".to_owned(), |at| age(at, now));
        vec![agent.to_owned(), entry.pattern.clone(), arguments, by.to_owned(), used]
    };
    document.lists().flat_map(|(agent, list)| list.iter().map(move |entry| row(agent, entry))).collect()
}

#[cfg(test)]
mod tests {
    use exec_policy::Host;

    use super::*;

    /// N-12.1
    #[test]
    fn entries_say_whose_they_are_and_what_they_are_about() {
        let document = json!({"version": 1, "defaults": {"allowlist": [{"pattern": "ls"}]},
            "agents": {"work": {"ask": "always", "allowlist": [
                {"pattern": "/usr/bin/git", "argPattern": "sha256:cwd-argv:v1:00", "source": "allow-always",
                    "lastUsedAt": 0},
                {"pattern": "git", "argPattern": "log.*"}]}}});
        let document = Document::from_value(document).unwrap();
        let rows = entries(&document, 60_000);
        assert_eq!(rows[0], ["(defaults)", "ls", "any", "the owner", "-"]);
        assert_eq!(rows[1], ["work", "/usr/bin/git", "just these, in one folder", "a decision", "1m"]);
        assert_eq!(rows[2][2], "log.*");
        let stored = json!({"file": document.shown(), "resolvedDefaults": document.defaults(Host::Node)});
        assert_eq!(rules(&stored), [["work", "-", "always", "-"]]);
    }
}
