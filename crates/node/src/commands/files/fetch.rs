//! `file.fetch`: a file as it is, with its digest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CAP, at};
use crate::commands::{Command, Cx, Refusal, read};
use crate::files::{MAX_BYTES, Wish, digest, whole};

pub(in crate::commands) struct Fetch;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    path: String,
    /// The caller's own limit.
    max_bytes: Option<usize>,
}

impl Command for Fetch {
    fn name(&self) -> &'static str {
        "file.fetch"
    }

    fn cap(&self) -> &'static str {
        CAP
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let Params { path, max_bytes } = read(params)?;
            let most = max_bytes.unwrap_or(MAX_BYTES).min(MAX_BYTES);
            let fetched = at(&cx, &path, Wish::Read, move |spot| {
                let bytes = whole(&mut spot.file()?, most, &spot)?;
                Ok(json!({
                    "ok": true, "path": spot.path(), "size": bytes.len(), "mimeType": mime(&bytes),
                    "sha256": digest(&bytes), "base64": STANDARD.encode(&bytes),
                }))
            });
            fetched.await
        })
    }
}

/// What the bytes look like.
fn mime(bytes: &[u8]) -> &'static str {
    match image::guess_format(bytes) {
        Ok(format) => format.to_mime_type(),
        Err(_) if bytes.starts_with(b"%PDF-") => "application/pdf",
        Err(_) if std::str::from_utf8(bytes).is_ok() => "text/plain",
        Err(_) => "application/octet-stream",
    }
}
