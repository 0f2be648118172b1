//! A connection that comes back (RECON-6): calls that may be asked again are, events go on without a gap or say that
//! there is one, and how it stands can be watched.
//!
//! One task ([`drive`]) dials, resumes and passes events on; [`facts`] tells it what happens outside; handles are cheap
//! to clone and only look at which connection stands now.

mod calls;
mod drive;
mod facts;
mod state;
mod telling;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use wire::frame::Response;

pub use self::state::LinkState;
use crate::client::{CallError, Client, Closed, Happened};
use crate::error::DialError;
use crate::handshake::{Connect, connect};

/// What happened that may wait for its reader; then the connection's own queue fills, and then it shows as a gap.
const HAPPENINGS: usize = 256;
/// Nudges that may wait; more say nothing new.
const NUDGES: usize = 4;
/// How long the other side has to show that it lives when a call has waited in vain.
const ALIVE_WITHIN: Duration = Duration::from_secs(2);

/// Which connection stands.
#[derive(Debug, Clone)]
enum Current {
    Down,
    Up(Client),
    Paused(Arc<DialError>),
    Ended,
}

/// What a handle asks the driver.
#[derive(Debug)]
enum Nudge {
    /// Something changed, or a person wants it: try now. With a new way to connect when there is one.
    Changed(Option<Box<Connect>>),
    /// Say goodbye and end.
    Close(oneshot::Sender<()>),
}

/// A handle to a connection that comes back; the connection ends when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Link {
    current: watch::Receiver<Current>,
    state: watch::Receiver<LinkState>,
    nudges: mpsc::Sender<Nudge>,
    patience: Duration,
}

/// What the events of a link bring, over all its connections.
#[derive(Debug)]
pub struct Happenings(mpsc::Receiver<Happened>);

impl Happenings {
    /// The next thing that happens. `Closed` comes once the link has ended, never for a connection that comes back.
    pub async fn next(&mut self) -> Happened {
        let ended = || Happened::Closed(Closed { code: wire::close::NORMAL, reason: "the link has ended".into() });
        self.0.recv().await.unwrap_or_else(ended)
    }
}

impl Link {
    /// Connects as `how` says, and from then on again whenever the connection ends. A call waits as long as `patience`
    /// for a connection to come back.
    ///
    /// # Errors
    /// The first connect fails at once, so that a wrong target is not waited for.
    pub async fn open(how: Connect, patience: Duration) -> Result<(Self, Happenings), DialError> {
        let first = connect(&drive::with_caps(&how, false)).await?;
        let (tell, happenings) = mpsc::channel(HAPPENINGS);
        let (nudges, inbox) = mpsc::channel(NUDGES);
        let (current_tx, current) = watch::channel(Current::Up(first.0.clone()));
        let (state_tx, state) = watch::channel(LinkState::Up { since: std::time::SystemTime::now(), rtt: None });
        let driver = drive::Driver::new(how, drive::Ends { tell, inbox, current: current_tx, state: state_tx });
        tokio::spawn(driver.run(first));
        Ok((Self { current, state, nudges, patience }, Happenings(happenings)))
    }

    /// How the link stands, now and whenever that changes.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }

    /// Something changed that may help (a config, a secret, a person's wish): a paused link dials again, `how` it is
    /// told from now on.
    pub fn changed(&self, how: Option<Connect>) {
        // A full queue holds the same wish already.
        drop(self.nudges.try_send(Nudge::Changed(how.map(Box::new))));
    }

    /// Calls a method by name. When the connection ends before the answer, and the call may be asked again (it carries
    /// an idempotency key, or only reads), it is, on the next connection.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Closed`] only for calls that may not be asked again.
    pub async fn request_raw(&self, method: &str, params: Option<Value>) -> Result<Value, CallError> {
        let repeatable = calls::may_repeat(method, params.as_ref());
        let ask = |client: Client| {
            let params = params.clone();
            async move { client.request_raw(method, params).await }
        };
        self.insist(method, repeatable, ask).await
    }

    /// Calls a method that answers twice and waits for its final answer, across as many connections as it takes.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Timeout`] when the run is still going on after `within`.
    pub async fn run(&self, method: &str, params: Value, within: Duration) -> Result<Response, CallError> {
        let repeatable = calls::may_repeat(method, Some(&params));
        let until = Instant::now() + within;
        let ask = |client: Client| {
            let (params, left) = (params.clone(), until.saturating_duration_since(Instant::now()));
            async move {
                let answer = client.expect_final(method, params).await?.last(left).await?;
                if calls::is_interrupted(&answer) {
                    // The Gateway is going down and takes the run up again when it is back; so does this question.
                    let Closed { code, reason } = client.closed().await;
                    return Err(CallError::Closed { method: method.into(), code, reason });
                }
                Ok(answer)
            }
        };
        self.insist(method, repeatable, ask).await
    }

    /// Asks the connection that stands for a sign of life, and has it dialled again when none comes `within` that time.
    pub async fn probe(&self, within: Duration) -> Option<Duration> {
        let current = self.current.borrow().clone();
        match current {
            Current::Up(client) => client.probe(within).await,
            Current::Down | Current::Paused(_) | Current::Ended => None,
        }
    }

    /// Says goodbye and waits until it is said.
    pub async fn close(self) {
        let (said, done) = oneshot::channel();
        if self.nudges.send(Nudge::Close(said)).await.is_ok() {
            // The driver drops the sender when it ends; whichever comes first is good.
            let _gone = done.await;
        }
    }

    async fn insist<T, F: Future<Output = Result<T, CallError>>>(
        &self,
        method: &str,
        repeatable: bool,
        ask: impl Fn(Client) -> F,
    ) -> Result<T, CallError> {
        let mut last = None;
        loop {
            let Some(client) = self.client(method).await? else {
                let reason = "no connection, and none came back in time".to_owned();
                let never = || CallError::Closed { method: method.into(), code: 1006, reason };
                return Err(last.unwrap_or_else(never));
            };
            let outcome = ask(client.clone()).await;
            let lost = match &outcome {
                Err(CallError::Closed { .. }) => true,
                // No answer may mean a dead line that nobody has noticed yet.
                Err(CallError::Timeout { .. }) if repeatable => client.probe(ALIVE_WITHIN).await.is_none(),
                _ => false,
            };
            match outcome {
                Err(error) if lost && repeatable => last = Some(error),
                outcome => return outcome,
            }
        }
    }

    /// The connection that stands, waiting for one while the link is being dialled; none when patience has run out.
    async fn client(&self, method: &str) -> Result<Option<Client>, CallError> {
        let mut current = self.current.clone();
        let settled = |now: &Current| match now {
            Current::Down => false,
            Current::Up(client) => !client.is_closed(),
            Current::Paused(_) | Current::Ended => true,
        };
        let Ok(found) = tokio::time::timeout(self.patience, current.wait_for(settled)).await else { return Ok(None) };
        match found.map(|now| now.clone()) {
            Ok(Current::Up(client)) => Ok(Some(client)),
            Ok(Current::Paused(why)) => Err(CallError::Paused { method: method.into(), why }),
            Ok(Current::Down | Current::Ended) | Err(_) => {
                Err(CallError::Closed { method: method.into(), code: 1000, reason: "the link has ended".into() })
            }
        }
    }
}
