//! `approvals allowlist`: single entries, without the whole document before one's eyes.

use clap::Subcommand;
use exec_policy::{Document, Entry};
use serde_json::Value;

use super::document::{Place, base_of};
use crate::app::App;
use crate::exit::Failure;

/// How often an entry is put into a document that others change at the same time.
const TRIES: usize = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// One line per command.
#[derive(Debug, Subcommand)]
enum Action {
    /// List a program
    Add(Change),
    /// Take it off again
    Remove(Change),
}

#[derive(Debug, clap::Args)]
struct Change {
    /// A name found on PATH, or a path: `*` within a folder, `**` across, `?` one character
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// For this agent; `*` is every agent
    #[arg(long, value_name = "AGENT", default_value = "main")]
    agent: String,
    /// Only with arguments that this expression fits, joined by spaces
    #[arg(long, value_name = "REGEX")]
    arg_pattern: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Add(change) => {
            let mut entry = Entry::new(change.pattern.trim());
            entry.arg_pattern.clone_from(&change.arg_pattern);
            if entry.pattern.is_empty() {
                return Err(Failure::usage("the pattern is empty"));
            }
            let added = change.apply(app, |document, agent| document.add(Some(agent), entry.clone()))?;
            change.tell(app, added, ["is listed now", "was listed already"]);
        }
        Action::Remove(change) => {
            let removed = change.apply(app, |document, agent| document.remove(Some(agent), &change.pattern))?;
            if removed.is_none() {
                let message = format!("`{}` is not in the list of {}", change.pattern, change.agent);
                return Err(Failure::new("NOT_FOUND", message).run("openclaw approvals get"));
            }
            change.tell(app, removed, ["is not listed any more", ""]);
        }
    }
    Ok(())
}

impl Change {
    /// What is stored then; `None` when there was nothing to change.
    fn apply(&self, app: &App, change: impl Fn(&mut Document, &str) -> bool) -> Result<Option<Value>, Failure> {
        self.place.at(app, async |desk| {
            let mut tries = 0;
            loop {
                let stored = desk.read().await?;
                let file = stored["file"].clone();
                let mut document = Document::from_value(file).map_err(|why| Failure::new("EXEC_APPROVALS", why))?;
                if !change(&mut document, &self.agent) {
                    return Ok(None);
                }
                tries += 1;
                match desk.write(document.shown(), base_of(&stored)).await {
                    Err(failure) if failure.message.contains("reload") && tries < TRIES => {}
                    outcome => return outcome.map(Some),
                }
            }
        })
    }

    fn tell(&self, app: &App, stored: Option<Value>, [done, before]: [&str; 2]) {
        let words = if stored.is_some() { done } else { before };
        let changed = stored.is_some();
        let told = serde_json::json!({"changed": changed, "pattern": self.pattern, "agent": self.agent});
        let place = self.place.name();
        app.out.either(&told, || format!("`{}` {words} for {} on {place}.", self.pattern, self.agent));
    }
}
