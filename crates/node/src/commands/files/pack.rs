//! `dir.fetch`: a folder with everything below it in one archive.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CAP, at};
use crate::commands::{Command, Cx, Refusal, read};
use crate::files::{Wish, digest, pack};

pub(in crate::commands) struct Pack;

#[derive(Deserialize)]
struct Params {
    path: String,
}

impl Command for Pack {
    fn name(&self) -> &'static str {
        "dir.fetch"
    }

    fn cap(&self) -> &'static str {
        CAP
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let Params { path } = read(params)?;
            let packed = at(&cx, &path, Wish::Read, |spot| {
                let packed = pack(&spot)?;
                Ok(json!({
                    "ok": true, "path": spot.path(), "format": "tar", "fileCount": packed.files,
                    "skipped": packed.skipped, "tarBytes": packed.bytes.len(), "sha256": digest(&packed.bytes),
                    "tarBase64": STANDARD.encode(&packed.bytes),
                }))
            });
            packed.await
        })
    }
}
