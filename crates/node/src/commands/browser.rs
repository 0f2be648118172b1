//! `browser.proxy`: a question to this machine's browser, as its local service would be asked (N-10.20).

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{Command, Cx, Host, Refusal, read};
use crate::browser::{Asked, Done, File};

/// How long an answer may take when nobody says, and at most.
const DEFAULT_TIMEOUT_MS: u64 = 60_000;
const MAX_TIMEOUT_MS: u64 = 180_000;

pub(super) struct Proxy;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    method: Option<String>,
    path: String,
    query: Option<Map<String, Value>>,
    body: Option<Map<String, Value>>,
    timeout_ms: Option<u64>,
    profile: Option<String>,
}

impl Command for Proxy {
    fn name(&self) -> &'static str {
        "browser.proxy"
    }

    fn cap(&self) -> &'static str {
        "browser"
    }

    fn is_offered(&self, host: &Host) -> bool {
        host.browsers.is_some()
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: Params = read(params)?;
            let ms = params.timeout_ms.filter(|ms| *ms > 0).unwrap_or(DEFAULT_TIMEOUT_MS).min(MAX_TIMEOUT_MS);
            let asked = asked(params)?;
            let browsers = cx.host.browsers.as_ref();
            let browsers = browsers.ok_or_else(|| Refusal::unavailable("this node has no browser"))?;
            let done = timeout(Duration::from_millis(ms), browsers.serve(asked)).await;
            let Done { result, files } = done.map_err(|_| Refusal {
                code: "TIMEOUT",
                message: format!("the browser did not answer within {ms} ms"),
            })??;
            let file = |file: &File| json!({"path": file.path, "base64": file.base64, "mimeType": file.mime});
            Ok(match files.as_slice() {
                [] => json!({"result": result}),
                files => json!({"result": result, "files": files.iter().map(file).collect::<Vec<_>>()}),
            })
        })
    }
}

/// One question, whichever way its values came.
fn asked(params: Params) -> Result<Asked, Refusal> {
    let method = params.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    if !matches!(method.as_str(), "GET" | "POST" | "DELETE") {
        return Err(Refusal::invalid(format!("method: `{method}` is none of GET, POST, DELETE")));
    }
    let (path, behind) = params.path.trim().split_once('?').unwrap_or((params.path.trim(), ""));
    if !path.starts_with('/') {
        return Err(Refusal::invalid(format!("path: `{path}` does not begin with a slash")));
    }
    let mut values = Map::new();
    let named = url::form_urlencoded::parse(behind.as_bytes());
    values.extend(named.map(|(name, value)| (name.into_owned(), plain(&value))));
    values.extend(params.query.unwrap_or_default().into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, plain(&text)),
        other => (name, other),
    }));
    values.extend(params.body.unwrap_or_default());
    let named = values.remove("profile").map(|profile| match profile {
        Value::String(name) => name,
        // A name that looks like a number.
        other => other.to_string(),
    });
    let profile = params.profile.or(named).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    Ok(Asked { method, path: path.to_owned(), profile, values })
}

/// A value of a query, which knows only text.
fn plain(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::Machine;

    /// N-10.20
    #[tokio::test]
    async fn a_question_is_read_and_where_there_is_no_browser_none_is_offered() {
        let read = |params: Value| asked(serde_json::from_value(params).unwrap());
        let same = read(json!({"path": "/snapshot?limit=5&format=aria&interactive=true", "profile": " "})).unwrap();
        let other = json!({"method": "get", "path": "/snapshot", "query": {"limit": "5", "interactive": "true", "format": "aria"}});
        assert_eq!(same, read(other).unwrap());
        assert_eq!((&same.values["limit"], &same.profile), (&json!(5), &None));
        assert_eq!(read(json!({"path": "/tabs?profile=work"})).unwrap().profile.as_deref(), Some("work"));
        assert!(read(json!({"path": "tabs"})).is_err() && read(json!({"path": "/", "method": "PUT"})).is_err());
        let machine = Machine::new();
        assert!(!Proxy.is_offered(&machine.cx(&[]).host));
        assert_eq!(Proxy.handle(machine.cx(&[]), json!({"path": "/"})).await.unwrap_err().code, "UNAVAILABLE");
    }
}
