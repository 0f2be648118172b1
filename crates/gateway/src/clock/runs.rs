//! A promised run, from its promise to its end.

use agent::run::RunOutcome;
use serde_json::json;
use store::{Answer, Input, NewSession};
use tokio_util::sync::CancellationToken;
use wire::SessionKey;
use wire::message::Usage;
use wire::methods::cron::{Job, Payload, WakeMode};

use super::kept::{Kept, Promised};
use super::{heartbeat, settle};
use crate::intake::{self, RunOptions, Said, Taken};
use crate::services::Services;

/// The channel a run of the clock is told it runs for.
const CHANNEL: &str = "cron";

/// How a promise was kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended {
    /// `ok`, `error` or `skipped`.
    pub(super) status: &'static str,
    /// Why not.
    pub(super) error: Option<String>,
    /// What the agent said.
    pub(super) summary: Option<String>,
    /// The input behind it, when there was one.
    pub(super) input: Option<Box<Input>>,
    /// The model that answered, with its provider.
    pub(super) model: Option<(String, String)>,
    /// What that cost.
    pub(super) usage: Option<Usage>,
}

impl Ended {
    /// Nothing was done, and why.
    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self { status: "skipped", error: Some(why.into()), ..Self::default() }
    }

    /// It could not be done.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self { status: "error", error: Some(why.into()), ..Self::default() }
    }
}

/// Keeps the promise of a job. When the Gateway goes down meanwhile, the next start goes on with it.
pub(super) async fn carry_out(services: &Services, stop: &CancellationToken, id: &str) {
    let clock = &services.clock;
    let Ok(kept) = clock.job(id).await else { return };
    let Some(run) = kept.run.clone() else { return };
    clock.tell(&json!({"jobId": id, "action": "started", "runId": run.run_id, "runAtMs": run.at}));
    let ended = match &kept.job.payload {
        Payload::AgentTurn { .. } => turn(services, stop, &kept, &run).await,
        Payload::SystemEvent { text } => event(services, stop, &kept, &run, text).await,
        Payload::Heartbeat {} => heartbeat::beat(services, stop, &kept, &run).await,
    };
    if let Some(ended) = ended {
        settle::settle(services, &kept, &run, ended).await;
    }
}

/// A task for the agent, in a session of its own or in one that was named.
async fn turn(services: &Services, stop: &CancellationToken, kept: &Kept, run: &Promised) -> Option<Ended> {
    let Payload::AgentTurn { message, model, thinking, timeout_seconds, light_context, tools_allow, .. } =
        &kept.job.payload
    else {
        return Some(Ended::failed("this job has no task"));
    };
    let session = match session_of(services, &kept.job) {
        Ok(session) => session,
        Err(why) => return Some(Ended::failed(why)),
    };
    let isolated = kept.job.session_target == "isolated";
    if isolated && let Err(why) = begin_anew(services, &session, &run.run_id).await {
        return Some(Ended::failed(why));
    }
    let options = RunOptions {
        model: model.clone(),
        thinking: thinking.clone(),
        timeout_ms: timeout_seconds.map(|seconds| (seconds * 1000.0) as u64),
        rights: kept.rights,
        channel: Some(CHANNEL.into()),
        may_be_silent: true,
        light_context: light_context.unwrap_or(false),
        tools: tools_allow.iter().map(|allow| json!({"allow": allow})).collect(),
        extra_system_prompt: Some(task_of(&kept.job)),
    };
    let new_session = NewSession { display_name: Some(kept.job.name.clone()), ..NewSession::default() };
    let text = message.clone();
    let asked = ask(services, stop, Ask { new_session, ..Ask::new(&run.run_id, session, text, options, "cron") }).await;
    asked.ended()
}

/// Something the main session is to hear.
async fn event(
    services: &Services,
    stop: &CancellationToken,
    kept: &Kept,
    run: &Promised,
    text: &str,
) -> Option<Ended> {
    let agent = match services.agents.find(kept.job.agent_id.as_deref()) {
        Ok(agent) => agent,
        Err(error) => return Some(Ended::failed(error.message)),
    };
    let session = services.agents.main_session(&agent);
    if kept.job.wake_mode == WakeMode::NextHeartbeat {
        let noted = services.store.note_event(&session, &format!("cron:{}", kept.job.id), text).await;
        return Some(match noted {
            Ok(()) => Ended { status: "ok", summary: Some(text.to_owned()), ..Ended::default() },
            Err(error) => Ended::failed(error.to_string()),
        });
    }
    let text = format!(
        "[OpenClaw heartbeat: your user planned this for now as \"{}\". Do what it says; if it is a reminder, tell them.]\n\n{text}",
        kept.job.name
    );
    let options =
        RunOptions { rights: kept.rights, channel: Some(CHANNEL.into()), may_be_silent: true, ..RunOptions::default() };
    ask(services, stop, Ask::new(&run.run_id, session, text, options, "cron")).await.ended()
}

/// What the agent is told about its task.
fn task_of(job: &Job) -> String {
    format!(
        "This is the scheduled task \"{}\"; nobody is waiting and nobody can answer questions. Do it now. Your final text \
         is handed over where the task says; if nothing needs to be said, answer NO_REPLY.",
        job.name
    )
}

/// Where a job's task runs.
///
/// # Errors
/// One sentence: its agent is gone.
pub(super) fn session_of(services: &Services, job: &Job) -> Result<SessionKey, String> {
    let agents = &services.agents;
    let key = match (job.session_target.as_str(), job.session_target.strip_prefix("session:")) {
        ("main", _) => String::new(),
        (_, Some(named)) => named.to_owned(),
        _ => format!("cron:{}", job.id),
    };
    agents.key(&key, job.agent_id.as_deref()).map_err(|error| error.message)
}

/// An isolated run begins with an empty transcript, once.
pub(super) async fn begin_anew(services: &Services, session: &SessionKey, run_id: &str) -> Result<(), String> {
    let store = &services.store;
    if store.input(run_id).await.map_err(|error| error.to_string())?.is_some() {
        return Ok(());
    }
    if store.session(session).await.map_err(|error| error.to_string())?.is_some() {
        store.reset_session(session, "cron").await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What a machine asks of the agent.
pub(crate) struct Ask {
    /// The run's id.
    pub(crate) run_id: String,
    /// Where.
    pub(crate) session: SessionKey,
    /// What a session that is not there yet starts with.
    pub(crate) new_session: NewSession,
    /// What.
    pub(crate) text: String,
    /// What the run must know.
    pub(crate) options: RunOptions,
    /// `cron`, `heartbeat` or `hook`.
    pub(crate) source: &'static str,
    /// Where the answer goes, when the store hands it over by itself.
    pub(crate) answer: Option<Answer>,
}

impl Ask {
    /// In a session with nothing special about it.
    pub(crate) fn new(
        run_id: &str,
        session: SessionKey,
        text: String,
        options: RunOptions,
        source: &'static str,
    ) -> Self {
        let (run_id, new_session) = (run_id.to_owned(), NewSession::default());
        Self { run_id, session, new_session, text, options, source, answer: None }
    }

    /// Makes it durable and hands it to its lane. Whether it is new.
    ///
    /// # Errors
    /// When it could not be made durable, or is nothing to ask.
    pub(crate) async fn submit(self, services: &Services) -> Result<bool, wire::ErrorShape> {
        let Self { run_id, session, new_session, text, options, source, answer } = self;
        let said = Said {
            run_id: run_id.clone(),
            session: session.clone(),
            new_session,
            text,
            attachments: Vec::new(),
            options,
            source,
            answer,
            inbox: Vec::new(),
        };
        match intake::take(services, said).await? {
            Taken::New(input) => {
                services.lanes.submit(*input);
                services.news.changed(&session, "send", Some(&run_id)).await;
                Ok(true)
            }
            // A run that the last process left is with its lane since the start.
            Taken::Running(_) | Taken::Ended(_) => Ok(false),
        }
    }
}

/// What became of an [`Ask`].
pub(crate) enum Asked {
    /// The run is over.
    Ended(Box<Input>, Box<RunOutcome>),
    /// It could not begin.
    Refused(String),
    /// The Gateway goes down; the run goes on with the next start.
    GoingDown,
}

impl Asked {
    pub(super) fn ended(self) -> Option<Ended> {
        match self {
            Self::GoingDown => None,
            Self::Refused(why) => Some(Ended::failed(why)),
            Self::Ended(input, outcome) => Some(ended_by(input, *outcome)),
        }
    }
}

fn ended_by(input: Box<Input>, outcome: RunOutcome) -> Ended {
    let ended = Ended { input: Some(input), ..Ended::default() };
    match outcome {
        RunOutcome::Completed { text, usage, provider, model, .. } => {
            let summary = Some(text).filter(|text| !text.is_empty());
            Ended { status: "ok", summary, model: Some((provider, model)), usage: Some(usage), ..ended }
        }
        RunOutcome::Aborted { reason, .. } => {
            let why = if reason == "timeout" { "the run took too long" } else { "the run was stopped" };
            Ended { status: "error", error: Some(why.into()), ..ended }
        }
        RunOutcome::Failed { message, .. } => Ended { status: "error", error: Some(message), ..ended },
    }
}

/// Asks, and waits for the end.
pub(crate) async fn ask(services: &Services, stop: &CancellationToken, ask: Ask) -> Asked {
    let run_id = ask.run_id.clone();
    if let Err(error) = ask.submit(services).await {
        return Asked::Refused(error.message);
    }
    if let Some(run) = services.lanes.runs().get(&run_id) {
        tokio::select! {
            () = run.ended() => {}
            // What ends while the Gateway goes down is settled by the next start.
            () = stop.cancelled() => return Asked::GoingDown,
        }
    }
    match services.store.input(&run_id).await {
        Ok(Some(input)) => match input.outcome.as_ref().and_then(RunOutcome::from_value) {
            Some(outcome) => Asked::Ended(Box::new(input), Box::new(outcome)),
            None => Asked::GoingDown,
        },
        Ok(None) => Asked::Refused("the run is not known any more".into()),
        Err(error) => Asked::Refused(error.to_string()),
    }
}
