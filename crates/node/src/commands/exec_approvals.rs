//! `system.execApprovals.get` and `.set`: the owner's document, for the administrator of the Gateway (N-10.19). Only the
//! Gateway's own methods for it may ask (N-4.11).

use exec_policy::{Document, Host as Side, ReplaceError, Stored};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::methods::exec_approval::{NODE_GET_COMMAND, NODE_SET_COMMAND};

use super::{Command, Cx, Refusal, read};

pub(super) struct Get;
pub(super) struct Set;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetParams {
    file: Value,
    base_hash: Option<String>,
}

impl Command for Get {
    fn name(&self) -> &'static str {
        NODE_GET_COMMAND
    }

    fn cap(&self) -> &'static str {
        "system"
    }

    fn handle(&self, cx: Cx, _params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let stored = Stored::read(&cx.host.exec_approvals);
            stored.map(|stored| shown(&stored)).map_err(|error| Refusal::unavailable(error.to_string()))
        })
    }
}

impl Command for Set {
    fn name(&self) -> &'static str {
        NODE_SET_COMMAND
    }

    fn cap(&self) -> &'static str {
        "system"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let SetParams { file, base_hash } = read(params)?;
            let new = Document::from_value(file).map_err(|why| Refusal::invalid(format!("file: {why}")))?;
            let place = cx.host.exec_approvals.clone();
            let replace = move || Stored::replace(&place, new, base_hash.as_deref());
            let replaced =
                tokio::task::spawn_blocking(replace).await.map_err(|error| Refusal::unavailable(error.to_string()))?;
            let stored = replaced.map_err(|error| match error {
                ReplaceError::Stale | ReplaceError::Malformed(_) => Refusal::invalid(error.to_string()),
                ReplaceError::Old(_) | ReplaceError::Io { .. } => Refusal::unavailable(error.to_string()),
            })?;
            tracing::info!(file = %stored.path.display(), "what may be run was changed from the Gateway");
            Ok(shown(&stored))
        })
    }
}

fn shown(stored: &Stored) -> Value {
    json!({"path": stored.path, "exists": stored.exists, "hash": stored.hash, "file": stored.document.shown(),
        "resolvedDefaults": stored.document.defaults(Side::Node)})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::cx;

    /// N-10.19, N-12.1
    #[tokio::test]
    async fn the_document_is_shown_without_its_token_and_changed_by_who_has_seen_it() {
        let home = tempfile::tempdir().unwrap();
        let get = async || Get.handle(cx(home.path()), Value::Null).await.unwrap();
        let set = async |params: Value| Set.handle(cx(home.path()), params).await;
        let none = get().await;
        assert_eq!((&none["exists"], &none["file"]["version"]), (&json!(false), &json!(1)), "{none}");
        assert_eq!(
            none["resolvedDefaults"],
            json!({"security": "allowlist", "ask": "on-miss", "askFallback": "deny",
            "autoAllowSkills": false})
        );
        let first = json!({"version": 1, "socket": {"path": "/s", "token": "secret"},
            "agents": {"main": {"allowlist": [{"pattern": "git"}]}}});
        let stored = set(json!({"file": first, "baseHash": none["hash"]})).await.unwrap();
        assert!(stored["exists"] == true && !stored.to_string().contains("secret"), "{stored}");
        assert_eq!(get().await, stored);
        for params in [
            json!({"file": {"version": 1}}),
            json!({"file": {"version": 1}, "baseHash": none["hash"]}),
            json!({"file": {"version": 2}, "baseHash": stored["hash"]}),
            json!({"file": {"version": 1, "defaults": {"security": "all"}}, "baseHash": stored["hash"]}),
            json!({"file": [], "baseHash": stored["hash"]}),
            json!({"baseHash": stored["hash"]}),
        ] {
            assert_eq!(set(params.clone()).await.unwrap_err().code, "INVALID_REQUEST", "{params}");
        }
        assert_eq!(get().await, stored, "nothing of what was refused was applied");
        set(json!({"file": stored["file"], "baseHash": stored["hash"]})).await.unwrap();
        let text = std::fs::read_to_string(home.path().join("exec-approvals.json")).unwrap();
        assert!(text.contains("secret"), "a token that was not shown is kept: {text}");
    }
}
