//! `system.run.prepare`: what would be run, whether a person is to be asked first, and to what their word would be bound
//! (N-10.16). Nothing is started.

use exec_policy::{Ask, Verdict};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::asked::Params;
use super::run::refused;
use super::{Command, Cx, Refusal, read};

pub(super) struct Prepare;

impl Command for Prepare {
    fn name(&self) -> &'static str {
        "system.run.prepare"
    }

    fn cap(&self) -> &'static str {
        "system"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: Params = read(params)?;
            prepare(&cx, &params)
        })
    }
}

/// What no approval could let through is refused here already, so that nobody is asked in vain.
fn prepare(cx: &Cx, params: &Params) -> Result<Value, Refusal> {
    let looked = params.look(cx)?.map_err(|denied| refused(cx, &denied))?;
    let why = match looked.judge(params).verdict {
        Verdict::Denied(denied) => return Err(refused(cx, &denied)),
        Verdict::Ask { why, .. } => Some(why.to_string()),
        Verdict::Allowed(_) => None,
    };
    let (plan, coverage, level) = (looked.plan(params)?, looked.coverage(params), looked.rules.level);
    let patterns: Vec<&str> = coverage.entries.iter().map(|entry| entry.pattern.as_str()).collect();
    // An entry never silences `always`.
    let is_complete = coverage.complete && level.ask != Ask::Always;
    let mut answer = json!({
        "plan": plan,
        "execPolicy": {"security": level.security, "ask": level.ask},
        "allowAlwaysCoverage": {"complete": is_complete, "patterns": patterns},
        "approvalRequired": why.is_some(),
    });
    // Members that are there without a value are part of the answer (N-10.16).
    answer["plan"]["commandPreview"] = json!(plan.command_preview);
    if let Some(why) = why {
        answer["approvalReason"] = json!(why);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::cx;

    /// N-10.16
    #[tokio::test]
    async fn what_would_be_run_is_told_whole_and_nothing_is_started() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().canonicalize().unwrap();
        std::fs::write(place.join("x.sh"), "echo hello > made").unwrap();
        let prepare = async |asked: Value| Prepare.handle(cx(&place), asked).await;
        let script = json!({"command": ["/bin/sh", "-lc", "sh x.sh"], "rawCommand": "sh x.sh", "agentId": "main",
            "sessionKey": "agent:main:main"});
        let told = prepare(script).await.unwrap();
        assert_eq!(told["execPolicy"], json!({"security": "allowlist", "ask": "on-miss"}));
        assert_eq!(told["allowAlwaysCoverage"], json!({"complete": false, "patterns": []}), "a script may change");
        assert_eq!(told["approvalRequired"], true);
        let plan = &told["plan"];
        assert_eq!(plan["argv"], json!(["/bin/sh", "-lc", "sh x.sh"]));
        assert_eq!(
            (&plan["commandText"], &plan["commandPreview"]),
            (&json!("/bin/sh -lc 'sh x.sh'"), &json!("sh x.sh"))
        );
        assert_eq!((&plan["cwd"], &plan["agentId"]), (&json!(place.display().to_string()), &json!("main")));
        let operand = &plan["mutableFileOperand"];
        let sha256 = base::sha256_hex(&b"echo hello > made"[..]).unwrap();
        assert_eq!((&operand["argvIndex"], &operand["sha256"]), (&json!(2), &json!(sha256)), "{operand}");
        assert!(operand["path"].as_str().unwrap().ends_with("/x.sh") && !place.join("made").exists());

        let plain = prepare(json!({"command": ["id", "-u"], "ask": "always"})).await.unwrap();
        assert_eq!(plain["execPolicy"]["ask"], "always", "a caller may be stricter");
        assert_eq!((&plain["plan"]["mutableFileOperand"], &plain["plan"]["sessionKey"]), (&Value::Null, &Value::Null));
        let covered = prepare(json!({"command": ["id", "-u"]})).await.unwrap();
        assert_eq!(covered["allowAlwaysCoverage"]["complete"], true, "{covered}");
        let patterns = covered["allowAlwaysCoverage"]["patterns"].as_array().unwrap();
        assert!(patterns.len() == 1 && patterns[0].as_str().unwrap().ends_with("/id"), "{covered}");
    }

    /// N-10.16, N-11.10: nobody is asked about what cannot be.
    #[tokio::test]
    async fn what_cannot_be_allowed_or_says_something_else_is_refused_at_once() {
        let home = tempfile::tempdir().unwrap();
        let refused = async |asked: Value| Prepare.handle(cx(home.path()), asked).await.unwrap_err();
        for (asked, code) in [
            (json!({"command": ["id"], "security": "deny"}), "SYSTEM_RUN_DISABLED"),
            (json!({"command": ["id"], "ask": "sometimes"}), "INVALID_REQUEST"),
            (json!({"command": ["rm", "-rf", "x"], "rawCommand": "ls"}), "INVALID_REQUEST"),
            (json!({"command": ["sh", "-c", "rm -rf x"], "rawCommand": "ls"}), "INVALID_REQUEST"),
            (json!({"command": []}), "INVALID_REQUEST"),
        ] {
            assert_eq!(refused(asked.clone()).await.code, code, "{asked}");
        }
        let file = home.path().join("exec-approvals.json");
        base::write_atomic(&file, br#"{"version": 1, "defaults": {"ask": "off"}}"#).unwrap();
        let missed = refused(json!({"command": ["id"]})).await;
        assert!(missed.code == "SYSTEM_RUN_DENIED" && missed.message.starts_with("allowlist miss: "), "{missed:?}");
    }
}
