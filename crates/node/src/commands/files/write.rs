//! `file.write`: a file with new content, whole or not at all. Over what is there only by who says what that is
//! (`baseSha256`), or does not care (`overwrite`): of two writers the second is told, and nothing is lost.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::{CAP, at, content, put};
use crate::commands::{Command, Cx, Refusal, read};
use crate::files::{Over, Wish};

pub(in crate::commands) struct Write;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    path: String,
    #[serde(alias = "base64")]
    content_base64: String,
    /// The digest of what is sent.
    expected_sha256: Option<String>,
    /// The digest of what the writer has read.
    base_sha256: Option<String>,
    #[serde(default)]
    overwrite: bool,
}

impl Command for Write {
    fn name(&self) -> &'static str {
        "file.write"
    }

    fn cap(&self) -> &'static str {
        CAP
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: Params = read(params)?;
            let bytes = content(&params.content_base64, params.expected_sha256.as_deref())?;
            let over = match params.base_sha256 {
                Some(seen) => Over::This(seen),
                None if params.overwrite => Over::Anything,
                None => Over::Nothing,
            };
            at(&cx, &params.path, Wish::Write, move |spot| put(&spot, &bytes, &over)).await
        })
    }
}
