//! `file.*` and `dir.*`: files in the folders that the owner of this machine opened (N-10.22), one file a command.

mod create;
mod fetch;
mod list;
mod pack;
mod stat;
mod write;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub(super) use self::create::Create;
pub(super) use self::fetch::Fetch;
pub(super) use self::list::List;
pub(super) use self::pack::Pack;
pub(super) use self::stat::Stat;
pub(super) use self::write::Write;
use super::{Cx, Refusal};
use crate::files::{Entry, MAX_BYTES, Over, Spot, Wish, digest};

/// The family of all of them.
const CAP: &str = "file";

/// Does `work` with the place `path` means, where it may take its time.
async fn at(
    cx: &Cx,
    path: &str,
    wish: Wish,
    work: impl FnOnce(Spot) -> Result<Value, Refusal> + Send + 'static,
) -> Result<Value, Refusal> {
    if path.trim().is_empty() {
        return Err(Refusal::invalid("path: is empty"));
    }
    let (host, path): (_, PathBuf) = (cx.host.clone(), cx.host.place(path));
    off_the_road(move || work(host.roots.reach(&path, wish)?)).await
}

/// Runs what asks a disk, which may be slow, beside everything else.
pub(super) async fn off_the_road(
    work: impl FnOnce() -> Result<Value, Refusal> + Send + 'static,
) -> Result<Value, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Refusal::unavailable(error.to_string()))?
}

/// What a caller sent as base64, and is known by its digest if that was sent too.
pub(super) fn content(base64: &str, expected: Option<&str>) -> Result<Vec<u8>, Refusal> {
    // Four characters are three bytes; what is longer is not even read.
    if base64.len() / 4 > MAX_BYTES / 3 + 1 {
        return Err(too_large());
    }
    let bytes = STANDARD.decode(base64.trim_ascii());
    let bytes = bytes.map_err(|error| Refusal::invalid(format!("contentBase64: {error}")))?;
    if bytes.len() > MAX_BYTES {
        return Err(too_large());
    }
    match expected.filter(|expected| !expected.eq_ignore_ascii_case(&digest(&bytes))) {
        None => Ok(bytes),
        Some(_) => Err(Refusal::invalid("expectedSha256: what arrived is not what was sent; send it again")),
    }
}

fn too_large() -> Refusal {
    let message = format!("a file may have {MAX_BYTES} bytes at most");
    Refusal { code: "PAYLOAD_TOO_LARGE", message }
}

/// Writes a file and tells what is there now.
fn put(spot: &Spot, bytes: &[u8], over: &Over) -> Result<Value, Refusal> {
    let overwritten = crate::files::write(spot, bytes, over)?;
    Ok(
        json!({"ok": true, "path": spot.path(), "size": bytes.len(), "sha256": digest(bytes), "overwritten": overwritten}),
    )
}

/// What is told about a place.
fn about(spot: &Spot, entry: &Entry) -> Value {
    json!({
        "path": spot.path(), "kind": entry.kind.word(), "isDir": entry.kind == crate::files::Kind::Folder,
        "size": entry.size, "mtimeMs": entry.modified_ms,
    })
}

fn is_missing(spot: &Spot) -> Refusal {
    Refusal { code: "NOT_FOUND", message: format!("`{}` does not exist", spot.shown()) }
}

#[cfg(test)]
mod tests;
