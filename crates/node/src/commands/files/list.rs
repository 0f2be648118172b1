//! `dir.list`: what a folder holds, a page at a time.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CAP, about, at};
use crate::commands::{Command, Cx, Refusal, read};
use crate::files::{Spot, Wish};

/// Entries of a page when nobody says, and at most (N-10.22).
const DEFAULT_ENTRIES: usize = 200;
const MAX_ENTRIES: usize = 5000;

pub(in crate::commands) struct List;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    path: String,
    #[serde(alias = "maxEntries")]
    limit: Option<usize>,
    /// Of the page before: its last name. What comes and goes between two pages neither repeats nor hides others.
    page_token: Option<String>,
}

impl Command for List {
    fn name(&self) -> &'static str {
        "dir.list"
    }

    fn cap(&self) -> &'static str {
        CAP
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let Params { path, limit, page_token } = read(params)?;
            let limit = limit.unwrap_or(DEFAULT_ENTRIES).clamp(1, MAX_ENTRIES);
            at(&cx, &path, Wish::Read, move |spot| list(&spot, limit, page_token.as_deref())).await
        })
    }
}

fn list(spot: &Spot, limit: usize, after: Option<&str>) -> Result<Value, Refusal> {
    let held = spot.folder()?;
    let (mut names, more) = spot.names()?;
    if let Some(after) = after {
        names.retain(|name| name.as_str() > after);
    }
    let truncated = more || names.len() > limit;
    names.truncate(limit);
    let mut entries = Vec::with_capacity(names.len());
    for name in &names {
        let child = spot.child(&held, name)?;
        // Gone between the two looks.
        let Some(entry) = child.look()? else { continue };
        let mut told = about(&child, &entry);
        told["name"] = json!(name);
        entries.push(told);
    }
    let next = names.last().filter(|_| truncated);
    Ok(json!({"ok": true, "path": spot.path(), "entries": entries, "truncated": truncated, "nextPageToken": next}))
}
