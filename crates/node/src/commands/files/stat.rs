//! `file.stat`: what stands at a path; a link is said to be one, not followed.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CAP, about, at, is_missing};
use crate::commands::{Command, Cx, Refusal, read};
use crate::files::{Kind, MAX_BYTES, Wish, digest, whole};

pub(in crate::commands) struct Stat;

#[derive(Deserialize)]
struct Params {
    path: String,
    /// Whether the digest of a file is wanted.
    #[serde(default)]
    digest: bool,
}

impl Command for Stat {
    fn name(&self) -> &'static str {
        "file.stat"
    }

    fn cap(&self) -> &'static str {
        CAP
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: Params = read(params)?;
            let told = at(&cx, &params.path, Wish::Read, move |spot| {
                let entry = spot.look()?.ok_or_else(|| is_missing(&spot))?;
                let mut told = about(&spot, &entry);
                told["ok"] = json!(true);
                told["mode"] = json!(format!("{:04o}", entry.mode.bits()));
                if params.digest && entry.kind == Kind::File {
                    told["sha256"] = json!(digest(&whole(&mut spot.file()?, MAX_BYTES, &spot)?));
                }
                Ok(told)
            });
            told.await
        })
    }
}
