//! Leave to run a line: the policy's, or that of the people who are asked (N-12.4, N-12.15). What they allowed is what
//! runs: when a script or a program changed meanwhile, nothing does (N-12.16).

use std::collections::BTreeMap;
use std::path::PathBuf;

use exec_policy::{Ask, Coverage, Denied, Effective, Entry, Ground, Line, Miss, Places, Stored, Used, Verdict};
use wire::methods::exec_approval::{Decision, RequestParams, TerminalReason};

use super::policy::{self, ExecSettings};
use crate::ports::Approvals;
use crate::tools::{ToolCx, ToolOutput};

/// Where these questions are about.
const HOST: &str = "gateway";

/// A line that is to be run here.
pub(super) struct Wanted<'a> {
    pub(super) line: &'a str,
    /// What the model adds to the environment, for people to see.
    pub(super) env: BTreeMap<String, String>,
    pub(super) settings: &'a ExecSettings,
    pub(super) rules: Effective,
    pub(super) places: Places,
}

impl Wanted<'_> {
    /// Waits for the people where the policy wants it.
    ///
    /// # Errors
    /// What the model is told when the line is not run.
    pub(super) async fn permitted(self, people: &dyn Approvals, cx: &ToolCx) -> Result<(), ToolOutput> {
        let judged = exec_policy::judge(&self.rules, &self.settings.wish(self.line, &self.places));
        match judged.verdict {
            Verdict::Allowed(_) => {
                self.note_use(judged.used).await;
                Ok(())
            }
            Verdict::Denied(denied) => Err(self.refused(&denied, "")),
            Verdict::Ask { why, otherwise } => self.asked(people, cx, &why, otherwise.err()).await,
        }
    }

    async fn asked(
        &self,
        people: &dyn Approvals,
        cx: &ToolCx,
        why: &Miss,
        otherwise: Option<Denied>,
    ) -> Result<(), ToolOutput> {
        let not_run = |why: &str| ToolOutput::error(format!("the command was not run: {why}"));
        let coverage = exec_policy::coverage(&self.rules, &self.settings.wish(self.line, &self.places));
        let before = self.ground().map_err(|why| not_run(&why))?;
        let (request, asker, wait) = (self.request(cx, why, &coverage), cx.asker(), cx.waits.begin());
        let answer = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return Err(not_run("the turn was aborted while a person was asked")),
            answer = people.ask(request, &asker) => answer,
        };
        drop(wait);
        match (answer.decision, otherwise) {
            (Some(Decision::Deny), _) => {
                return Err(not_run("a person was asked and refused it. Do not try to get around that"));
            }
            (Some(Decision::AllowOnce | Decision::AllowAlways), _) | (None, None) => {}
            (None, Some(denied)) => return Err(self.refused(&denied, &without(answer.reason))),
        }
        if self.ground().map_err(|why| not_run(&why))? != before {
            return Err(not_run("a program or script it uses changed while a person was asked; ask again"));
        }
        if answer.decision == Some(Decision::AllowAlways) && coverage.complete {
            self.remember(cx.agent.as_str(), coverage.entries).await;
        }
        Ok(())
    }

    fn request(&self, cx: &ToolCx, why: &Miss, coverage: &Coverage) -> RequestParams {
        let level = self.rules.level;
        let program = self.line.split_whitespace().next().and_then(|program| self.places.find(program));
        let lasts = coverage.complete && level.ask != Ask::Always && self.settings.approvals.is_some();
        RequestParams {
            command: Some(self.line.to_owned()),
            env: Some(self.env.clone()).filter(|env| !env.is_empty()),
            cwd: Some(self.places.cwd.display().to_string()),
            host: Some(HOST.into()),
            security: Some(level.security.as_str().into()),
            ask: Some(level.ask.as_str().into()),
            warning_text: matches!(why, Miss::Obscure(_)).then(|| format!("not understood: {why}")),
            unavailable_decisions: (!lasts).then(|| vec![Decision::AllowAlways.as_str().into()]),
            agent_id: Some(cx.agent.as_str().into()),
            resolved_path: program.map(|found| found.real.display().to_string()),
            session_key: Some(cx.session.to_string()),
            run_id: Some(cx.run_id.clone()),
            tool_call_id: Some(cx.call_id.clone()),
            ..RequestParams::default()
        }
    }

    fn ground(&self) -> Result<Ground, String> {
        exec_policy::ground(Line::Text(self.line), &self.places)
    }

    fn refused(&self, denied: &Denied, more: &str) -> ToolOutput {
        ToolOutput::error(format!("{}{more}", policy::refusal(denied, self.settings)))
    }

    /// Writes down what a person allowed for ever. When that fails the line is run all the same: it was allowed.
    async fn remember(&self, agent: &str, entries: Vec<Entry>) {
        let agent = agent.to_owned();
        let change = move |document: &mut exec_policy::Document| document.allow_always(Some(&agent), &entries);
        self.change(change, "what was allowed for ever").await;
    }

    async fn note_use(&self, used: Vec<Used>) {
        if !used.is_empty() {
            let line = self.line.to_owned();
            let change = move |document: &mut exec_policy::Document| document.note_use(&used, &line, base::now_ms());
            self.change(change, "the use of an entry").await;
        }
    }

    async fn change(&self, change: impl FnOnce(&mut exec_policy::Document) -> bool + Send + 'static, what: &str) {
        let Some(file): Option<PathBuf> = self.settings.approvals.clone() else { return };
        let done = tokio::task::spawn_blocking(move || Stored::update(&file, change)).await;
        match done {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "{what} could not be written down"),
            Err(error) => tracing::error!(%error, "{what} was not written down"),
        }
    }
}

/// Why nobody decided.
fn without(reason: TerminalReason) -> String {
    let why = match reason {
        TerminalReason::NoRoute => "nobody could be asked to allow it",
        TerminalReason::Timeout => "a person was asked and did not decide in time",
        _ => "it was asked about, and the question ended without a decision",
    };
    format!(" ({why})")
}
