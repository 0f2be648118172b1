//! `config.*`: the file, redacted on the way out, guarded by its hash on the way in.

use ::config::edit::{self, Change, EditError};
use ::config::{Loaded, Restart};
use base::Explain as _;
use serde_json::{Value, json};
use wire::methods::config::{LookupParams, WriteParams};
use wire::{ErrorShape, events};

use crate::reload;
use crate::rpc::Cx;

/// The file as it is on disk now, secrets redacted; what is wrong with it is told instead of refused.
pub(super) async fn get(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    snapshot(&cx).await
}

/// Replaces the whole text.
pub(super) async fn set(cx: Cx, params: WriteParams) -> Result<Value, ErrorShape> {
    let change = Change::Replace(params.raw.clone());
    write(&cx, params, change).await
}

/// Merges a patch.
pub(super) async fn patch(cx: Cx, params: WriteParams) -> Result<Value, ErrorShape> {
    let patch: Value = json5_value(&params.raw)?;
    write(&cx, params, Change::MergePatch(patch)).await
}

/// Replaces the whole text and restarts when that needs it.
pub(super) async fn apply(cx: Cx, params: WriteParams) -> Result<Value, ErrorShape> {
    let change = Change::Replace(params.raw.clone());
    let applied = write(&cx, params, change).await?;
    if applied["restart"] == "required" {
        let services = cx.services.clone();
        cx.after.answer(move || services.reload.want_restart());
    }
    Ok(applied)
}

/// The JSON Schema of the file.
pub(super) async fn schema(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    Ok(json!({
        "schema": ::config::schema(), "uiHints": {}, "version": cx.run.version,
        "generatedAt": base::iso(base::now_ms()),
    }))
}

/// The schema of one place.
pub(super) async fn schema_lookup(_cx: Cx, params: LookupParams) -> Result<Value, ErrorShape> {
    let text = params.path.trim().trim_matches('.');
    let path: ::config::Path = if text.is_empty() {
        ::config::Path::root()
    } else {
        text.parse().map_err(|_| ErrorShape::invalid(format!("Unknown config path: {text}")))?
    };
    let schema = ::config::lookup(&path).ok_or_else(|| ErrorShape::invalid(format!("Unknown config path: {text}")))?;
    let children = schema["properties"].as_object().into_iter().flatten().map(|(key, child)| {
        let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == key));
        json!({
            "key": key, "path": path.key(key).to_string(), "type": child["type"], "required": required,
            "hasChildren": child["properties"].is_object(),
        })
    });
    let children: Vec<Value> = children.collect();
    Ok(json!({"path": if text.is_empty() { "." } else { text }, "schema": schema, "children": children}))
}

async fn snapshot(cx: &Cx) -> Result<Value, ErrorShape> {
    let (file, env) = (cx.config.paths().config_file.clone(), cx.config.env().clone());
    let path = file.clone();
    let loaded = blocking(move || ::config::load(&path, &env)).await?;
    Ok(match loaded {
        Ok(loaded) => valid(&file, &loaded, cx.config.hash()),
        Err(problems) => {
            let raw = std::fs::read_to_string(&file).ok();
            let issues: Vec<Value> =
                problems.0.iter().map(|problem| json!({"path": problem.path, "message": problem.message})).collect();
            json!({
                "path": file, "exists": raw.is_some(), "hash": raw.as_deref().map(::config::hash),
                "raw": raw.as_deref().map(::config::redact_text), "parsed": {}, "config": {}, "sourceConfig": {},
                "valid": false, "issues": issues, "warnings": [], "legacyIssues": [],
                "appliedConfigHash": cx.config.hash(),
            })
        }
    })
}

/// `applied` is the hash of the config in force, which differs from the file's while a change waits for a restart.
fn valid(file: &std::path::Path, loaded: &Loaded, applied: Option<String>) -> Value {
    let source = ::config::redact(&loaded.source);
    json!({
        "path": file, "includedPaths": loaded.included, "includeProvenance": [], "agentRosterIncludeOwned": false,
        "bindingsIncludeOwned": false, "configRevisionHash": loaded.hash, "appliedConfigHash": applied, "exists": loaded.exists,
        "raw": loaded.raw.as_deref().map(::config::redact_text), "hash": loaded.hash,
        "parsed": ::config::redact(&loaded.parsed), "sourceConfig": source, "resolved": source, "config": source,
        "runtimeConfig": source, "valid": true, "issues": [], "legacyIssues": [],
        "warnings": loaded.warnings.iter().map(|problem| json!({"path": problem.path, "message": problem.message}))
            .collect::<Vec<_>>(),
    })
}

/// Writes a change and takes over what can apply live.
async fn write(cx: &Cx, params: WriteParams, change: Change) -> Result<Value, ErrorShape> {
    let (file, env) = (cx.config.paths().config_file.clone(), cx.config.env().clone());
    if file.exists() && params.base_hash.is_none() {
        return Err(ErrorShape::invalid(
            "config base hash required; re-run config.get and retry with the hash it returns as baseHash",
        ));
    }
    let applied = blocking(move || edit::apply(&file, &env, params.base_hash.as_deref(), change)).await?;
    let applied = applied.map_err(refused)?;
    let changed: Vec<String> = applied.changed.iter().map(|(path, _)| path.to_string()).collect();
    let redacted = applied.loaded.as_ref().map(|loaded| ::config::redact(&loaded.source));
    if applied.restart != Restart::None
        && let Some(loaded) = applied.loaded
    {
        reload::apply(cx, &cx.after, loaded).map_err(|missing| ErrorShape::invalid(missing.to_string()))?;
    }
    if !changed.is_empty() {
        let event = json!({"path": cx.config.paths().config_file, "hash": applied.hash, "changedPaths": changed});
        cx.hub.broadcast(&events::CONFIG_CHANGED, &event);
    }
    let restart = match applied.restart {
        Restart::None => "none",
        Restart::Live => "live",
        Restart::Required => "required",
    };
    Ok(json!({
        "ok": true, "path": cx.config.paths().config_file, "hash": applied.hash, "config": redacted,
        "changedPaths": changed, "restart": restart, "noop": changed.is_empty(),
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn refused(error: EditError) -> ErrorShape {
    let next: Vec<String> = error.next().iter().map(|step| step.text().to_owned()).collect();
    let mut details = json!({"code": error.code().to_string(), "next": next});
    if let EditError::Invalid(problems) = &error {
        details["issues"] = problems.0.iter().map(|p| json!({"path": p.path, "message": p.message})).collect();
    }
    ErrorShape::invalid(error.to_string()).with(details)
}

fn json5_value(raw: &str) -> Result<Value, ErrorShape> {
    let value: Value = serde_json::from_str(raw)
        .map_err(|error| ErrorShape::invalid(format!("invalid config.patch params: at /raw: {error}")))?;
    if value.is_object() { Ok(value) } else { Err(ErrorShape::invalid("config.patch raw must be an object")) }
}

/// Reading and writing files waits for a disk; that belongs on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ErrorShape> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ErrorShape::unavailable("the config could not be worked on"))
}
