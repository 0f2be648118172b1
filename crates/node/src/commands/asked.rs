//! What `system.run` and `system.run.prepare` are asked, how the owner's document judges it, and what an approval of it
//! is bound to (N-11.7, N-11.10, N-12.16).

use std::collections::BTreeMap;
use std::path::Path;

use exec_policy::{Ask, Coverage, Effective, Extras, Ground, Judged, Line, Places, Requested, Security, Stored, Wish};
use exec_policy::{Denied, Host as Side};
use serde::Deserialize;
use serde_json::{Value, json};
use wire::methods::exec_approval::{Decision, FileOperand, SystemRunPlan};

use super::{Cx, Refusal};

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    pub(super) command: Vec<String>,
    raw_command: Option<String>,
    cwd: Option<String>,
    #[serde(default)]
    pub(super) env: Option<BTreeMap<String, String>>,
    pub(super) timeout_ms: Option<u64>,
    /// What the program reads on its standard input; an addition of ours.
    pub(super) stdin: Option<String>,
    #[serde(default)]
    pub(super) needs_screen_recording: Option<bool>,
    agent_id: Option<String>,
    session_key: Option<String>,
    pub(super) run_id: Option<String>,
    suppress_notify_on_exit: Option<bool>,
    /// What the caller wants besides; it can only narrow (N-12.3).
    security: Option<Security>,
    ask: Option<Ask>,
    approved: Option<bool>,
    approval_decision: Option<Decision>,
    system_run_plan: Option<SystemRunPlan>,
}

/// What a person decided, and about what.
pub(super) struct Approval<'a> {
    pub(super) decision: Decision,
    pub(super) plan: Option<&'a SystemRunPlan>,
}

/// A question with the place it is about and the rules that count.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) places: Places,
    pub(super) rules: Effective,
}

impl Params {
    /// Looks at the place and at the owner's document, as it is now.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for what is wrong in itself.
    pub(super) fn look(&self, cx: &Cx) -> Result<Result<Looked, Denied>, Refusal> {
        if self.command.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(Refusal::invalid("command: names no program"));
        }
        self.says_what_it_does()?;
        let host = &*cx.host;
        let planned = self.system_run_plan.as_ref().and_then(|plan| plan.cwd.as_deref());
        let cwd = self.cwd.as_deref().or(planned).map(str::trim).filter(|cwd| !cwd.is_empty());
        let cwd = cwd.map_or_else(|| host.home.clone(), |cwd| host.place(cwd));
        if !cwd.is_dir() {
            return Err(Refusal::invalid(format!("cwd: `{}` is no folder", cwd.display())));
        }
        let places = Places::new(&host.path(), cwd, host.home.clone());
        let requested = Requested { security: self.security, ask: self.ask };
        Ok(Stored::read(&host.exec_approvals).map_err(|error| Denied::Unreadable(error.to_string())).map(|stored| {
            let rules = stored.document.effective(self.agent(), Side::Node).narrowed(requested);
            Looked { places, rules }
        }))
    }

    /// What people read must be what is run.
    fn says_what_it_does(&self) -> Result<(), Refusal> {
        let Some(raw) = self.raw_command.as_deref().map(str::trim).filter(|raw| !raw.is_empty()) else { return Ok(()) };
        let told = [self.text(), self.command.join(" "), self.shell_text().unwrap_or_default().trim().to_owned()];
        match told.iter().any(|one| one == raw) {
            true => Ok(()),
            false => Err(Refusal::invalid("rawCommand: is not what `command` does")),
        }
    }

    /// The command as people read it.
    pub(super) fn text(&self) -> String {
        base::shell::quoted(self.command.iter().map(String::as_str))
    }

    /// The text of `sh -c TEXT`.
    pub(super) fn shell_text(&self) -> Option<&str> {
        match self.command.as_slice() {
            [_, flag, text] if matches!(flag.as_str(), "-c" | "-lc") => Some(text),
            _ => None,
        }
    }

    /// On whose behalf.
    pub(super) fn agent(&self) -> Option<&str> {
        self.agent_id.as_deref().or(self.system_run_plan.as_ref().and_then(|plan| plan.agent_id.as_deref()))
    }

    pub(super) fn wish<'a>(&'a self, places: &'a Places) -> Wish<'a> {
        Wish { line: Line::Argv(&self.command), places, extras: Extras::default() }
    }

    /// What a person decided; the Gateway vouches for it (N-11.11), and for no more than the owner's document leaves to
    /// people.
    pub(super) fn approval(&self) -> Option<Approval<'_>> {
        let decision = self.approval_decision.unwrap_or(Decision::AllowOnce);
        let is_approved = self.approved == Some(true) && decision.allows();
        is_approved.then_some(Approval { decision, plan: self.system_run_plan.as_ref() })
    }

    /// `exec.denied`, so that the session on whose behalf it was asked hears of it.
    pub(super) fn tell_denied(&self, cx: &Cx, reason: &str) {
        let mut payload = self.event();
        payload["reason"] = json!(reason);
        cx.voice.event("exec.denied", payload);
    }

    /// What every event about it says (N-7.6).
    pub(super) fn event(&self) -> Value {
        let mut payload = json!({"sessionKey": self.session_key, "runId": self.run_id, "host": "node",
            "command": self.shell_text().map_or_else(|| self.text(), str::to_owned)});
        if let Some(suppress) = self.suppress_notify_on_exit {
            payload["suppressNotifyOnExit"] = json!(suppress);
        }
        payload
    }
}

impl Looked {
    pub(super) fn judge(&self, params: &Params) -> Judged {
        exec_policy::judge(&self.rules, &params.wish(&self.places))
    }

    pub(super) fn coverage(&self, params: &Params) -> Coverage {
        exec_policy::coverage(&self.rules, &params.wish(&self.places))
    }

    /// What an approval of it is bound to, now.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when it cannot be bound.
    pub(super) fn plan(&self, params: &Params) -> Result<SystemRunPlan, Refusal> {
        let ground = exec_policy::ground(Line::Argv(&params.command), &self.places).map_err(Refusal::invalid)?;
        let operand = ground.scripts.first().map(|script| FileOperand {
            argv_index: script.argv_index,
            path: script.path.display().to_string(),
            sha256: script.sha256.clone(),
        });
        let level = self.rules.level;
        Ok(SystemRunPlan {
            argv: params.command.clone(),
            cwd: Some(self.places.cwd.display().to_string()),
            command_text: params.text(),
            command_preview: params.shell_text().map(str::to_owned),
            agent_id: params.agent_id.clone(),
            session_key: params.session_key.clone(),
            policy_snapshot: Some(json!({"security": level.security, "ask": level.ask, "ground": ground})),
            mutable_file_operand: operand,
        })
    }

    /// Whether what was approved is what would be run: the same words in the same folder for the same agent, by the same
    /// programs and scripts (N-12.16).
    ///
    /// # Errors
    /// What is different.
    pub(super) fn is_approved(&self, params: &Params, plan: &SystemRunPlan) -> Result<(), String> {
        let other = |one: &Option<String>, two: &Option<String>| one.is_some() && two.is_some() && one != two;
        if plan.argv != params.command {
            return Err("the command is not the approved one".into());
        }
        if plan.cwd.as_deref().is_none_or(|cwd| Path::new(cwd) != self.places.cwd) {
            return Err("the folder is not the approved one".into());
        }
        if other(&plan.agent_id, &params.agent_id) || other(&plan.session_key, &params.session_key) {
            return Err("it was approved for another agent or session".into());
        }
        let now = self.plan(params).map_err(|refusal| refusal.message)?;
        if now.mutable_file_operand != plan.mutable_file_operand {
            return Err("a script has changed since it was approved".into());
        }
        if ground_of(&now) != ground_of(plan) {
            return Err("a program or script has changed since it was approved".into());
        }
        Ok(())
    }
}

/// What a plan stands on; nothing that another node or version made is taken for it.
fn ground_of(plan: &SystemRunPlan) -> Option<Ground> {
    serde_json::from_value(plan.policy_snapshot.as_ref()?.get("ground")?.clone()).ok()
}
