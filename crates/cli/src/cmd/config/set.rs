//! `config set`: one value, a reference to a secret, or several changes of which all are made or none (CFGC-2).

use std::path::PathBuf;

use clap::ValueEnum;
use config::edit::Change;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{change, literal, path, read};
use crate::app::App;
use crate::exit::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Such as gateway.port or agents.list[0].name
    #[arg(required_unless_present_any = ["batch_json", "batch_file"])]
    path: Option<String>,
    /// JSON5 if it reads as such, else text
    #[arg(allow_hyphen_values = true, required_unless_present_any = ["batch_json", "batch_file", "ref_source"])]
    value: Option<String>,
    /// Insist on JSON
    #[arg(long)]
    strict_json: bool,
    /// Merge an object into what is there
    #[arg(long, conflicts_with = "replace")]
    merge: bool,
    /// Replace what is there (the default)
    #[arg(long)]
    replace: bool,
    /// Check and show, do not write
    #[arg(long)]
    dry_run: bool,
    /// Several changes at once, all or none: a list of {path, value}, {path, ref} or {path, unset: true}
    #[arg(long, value_name = "JSON", conflicts_with_all = ["path", "value", "batch_file"])]
    batch_json: Option<String>,
    /// As --batch-json, from this file; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "value"])]
    batch_file: Option<PathBuf>,
    /// Fail unless this is the value now
    #[arg(long, value_name = "JSON", conflicts_with_all = ["expect_current_absent", "batch_json", "batch_file"])]
    expect_current_value: Option<String>,
    /// Fail unless there is no value now
    #[arg(long, conflicts_with_all = ["batch_json", "batch_file"])]
    expect_current_absent: bool,
    /// Set a reference to a secret that is kept there
    #[arg(long, value_enum, value_name = "SOURCE", requires = "ref_id", conflicts_with_all = ["value", "batch_json", "batch_file"])]
    ref_source: Option<RefSource>,
    /// Which secret: a variable, a file or a pointer into the provider's file
    #[arg(long, value_name = "ID", requires = "ref_source")]
    ref_id: Option<String>,
    /// Which of `secrets.providers`
    #[arg(long, value_name = "NAME", requires = "ref_source")]
    ref_provider: Option<String>,
    /// Let a reference name a program (source `exec`)
    #[arg(long)]
    allow_exec: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RefSource {
    Env,
    File,
    Exec,
}

/// One change of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    value: Option<Value>,
    r#ref: Option<Value>,
    #[serde(default)]
    unset: bool,
}

/// Sets one value, for commands that change the config in passing.
pub(in crate::cmd) fn set(app: &App, at: &str, value: Value, done: &str) -> Result<(), Failure> {
    change::make(app, Change::Set { path: path(at)?, value }, false, done)
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let batch = match (&args.batch_json, &args.batch_file) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(file)) => Some(read(Some(file))?),
        (None, None) => None,
    };
    let (changes, done) = match batch {
        Some(text) => {
            let changes = entries(&text)?;
            let done = format!("Updated {} values.", changes.len());
            (changes, done)
        }
        None => {
            let at = args.path.as_deref().unwrap_or_default();
            (vec![one(app, args, at)?], format!("Updated {at}."))
        }
    };
    if !args.allow_exec && changes.iter().any(|change| matches!(change, Change::Set { value, .. } if runs(value))) {
        return Err(Failure::usage("a reference with source `exec` runs a program; say --allow-exec"));
    }
    change::make(app, Change::Batch(changes), args.dry_run, &done)
}

fn one(app: &App, args: &Args, at: &str) -> Result<Change, Failure> {
    let at = path(at)?;
    let source = &app.config()?.source;
    let now = at.find(source);
    let expected = args.expect_current_value.as_deref().map(|text| literal(text, true)).transpose()?;
    let unexpected = expected.as_ref().is_some_and(|expected| now != Some(expected));
    if unexpected || (args.expect_current_absent && now.is_some()) {
        return Err(Failure::new("CONFIG_UNEXPECTED_VALUE", format!("`{at}` is not what --expect-current says")));
    }
    let value = match (args.ref_source, &args.ref_id) {
        (Some(source), Some(id)) => reference(source, id, args.ref_provider.as_deref()),
        _ => literal(args.value.as_deref().unwrap_or_default(), args.strict_json)?,
    };
    let value = match (args.merge, now) {
        (true, Some(Value::Object(old))) => merged(old, value),
        _ => value,
    };
    Ok(Change::Set { path: at, value })
}

fn entries(text: &str) -> Result<Vec<Change>, Failure> {
    let entries: Vec<Entry> = json5::from_str(text).map_err(|error| Failure::usage(format!("the batch: {error}")))?;
    if entries.is_empty() {
        return Err(Failure::usage("the batch is empty"));
    }
    entries.into_iter().map(Entry::change).collect()
}

impl Entry {
    fn change(self) -> Result<Change, Failure> {
        let path = path(&self.path)?;
        match (self.value.or(self.r#ref), self.unset) {
            (Some(value), false) => Ok(Change::Set { path, value }),
            (None, true) => Ok(Change::Unset { path }),
            _ => Err(Failure::usage(format!("the batch: `{path}` needs one of value, ref and unset"))),
        }
    }
}

fn reference(source: RefSource, id: &str, provider: Option<&str>) -> Value {
    let source = match source {
        RefSource::Env => "env",
        RefSource::File => "file",
        RefSource::Exec => "exec",
    };
    let mut value = json!({"source": source, "id": id});
    if let Some(provider) = provider {
        value["provider"] = json!(provider);
    }
    value
}

/// Whether a value is or holds a reference that runs a program.
fn runs(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            (members.contains_key("id") && members.get("source").is_some_and(|source| source == "exec"))
                || members.values().any(runs)
        }
        Value::Array(items) => items.iter().any(runs),
        _ => false,
    }
}

fn merged(old: &serde_json::Map<String, Value>, new: Value) -> Value {
    let Value::Object(new) = new else { return new };
    let mut all = old.clone();
    all.extend(new);
    Value::Object(all)
}
