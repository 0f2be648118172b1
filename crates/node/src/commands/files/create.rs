//! `file.create`: a file that was not there before.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::{CAP, at, content, put};
use crate::commands::{Command, Cx, Refusal, read};
use crate::files::{Over, Wish};

pub(in crate::commands) struct Create;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    path: String,
    /// Empty when it is left out.
    #[serde(default, alias = "base64")]
    content_base64: String,
    expected_sha256: Option<String>,
}

impl Command for Create {
    fn name(&self) -> &'static str {
        "file.create"
    }

    fn cap(&self) -> &'static str {
        CAP
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let Params { path, content_base64, expected_sha256 } = read(params)?;
            let bytes = content(&content_base64, expected_sha256.as_deref())?;
            at(&cx, &path, Wish::Write, move |spot| put(&spot, &bytes, &Over::Nothing)).await
        })
    }
}
