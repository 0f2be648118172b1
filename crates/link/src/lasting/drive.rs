//! Carries out what [`crate::supervise`] decides: waits, dials, resumes, passes events on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base::Explain as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use wire::Role;
use wire::methods::resume::{CAP, RESUMING, ResumeParams};

use super::facts::Facts;
use super::telling::{Told, ask, cut, forward, place};
use super::{Current, LinkState, Nudge};
use crate::client::{CallError, Client, Closed, Events, Happened};
use crate::error::DialError;
use crate::handshake::{Connect, connect};
use crate::supervise::{Decision, Fact, Failure, Supervisor};

/// How long a line has to show that it lives after a wake or a change of network (RECON-2).
const PROBE_WITHIN: Duration = Duration::from_secs(2);
/// How long the first sign of life may take, behind all that comes with a new connection.
const MEASURED_WITHIN: Duration = Duration::from_secs(25);
/// A dial that is younger than this already knows the network it runs on.
const FRESH_DIAL: Duration = Duration::from_secs(1);

/// The driver's ends of the handles.
pub(super) struct Ends {
    pub(super) tell: mpsc::Sender<Happened>,
    pub(super) inbox: mpsc::Receiver<Nudge>,
    pub(super) current: watch::Sender<Current>,
    pub(super) state: watch::Sender<LinkState>,
}

/// The task behind a link.
pub(super) struct Driver {
    how: Connect,
    ends: Ends,
    policy: Supervisor,
    facts: Facts,
    /// Where events broke off; none before the first connection that can be resumed.
    place: Option<ResumeParams>,
    attempt: u32,
    because: String,
}

/// How `how` introduces itself: as one that is remembered, and on its return as one that waits to be told. A node's caps
/// are what a person approves, and what it is asked is never told again (N-5.7).
pub(super) fn with_caps(how: &Connect, returns: bool) -> Connect {
    let mut how = how.clone();
    if how.role == Role::Node {
        return how;
    }
    how.caps.push(CAP.into());
    if returns {
        how.caps.push(RESUMING.into());
    }
    how
}

impl Driver {
    pub(super) fn new(how: Connect, ends: Ends) -> Self {
        let (policy, facts) = (Supervisor::default(), Facts::watch());
        Self { how, ends, policy, facts, place: None, attempt: 1, because: String::new() }
    }

    /// Until the last handle is gone.
    pub(super) async fn run(mut self, first: (Client, Events)) {
        let mut connected = first;
        self.place = self.place_of(&connected.0);
        self.policy.step(Fact::Connected, roll());
        loop {
            let ControlFlow::Continue(wait) = self.serve(connected).await else { break };
            self.ends.current.send_replace(Current::Down);
            let ControlFlow::Continue(again) = self.dial(wait).await else { break };
            connected = again;
        }
        self.ends.current.send_replace(Current::Ended);
        self.ends.state.send_replace(LinkState::Ended);
    }

    /// Passes events on while the connection stands; then how the next dial begins.
    async fn serve(&mut self, (client, mut events): (Client, Events)) -> ControlFlow<(), Decision> {
        let since = Instant::now();
        let up = |rtt| LinkState::Up { since: SystemTime::now(), rtt };
        self.ends.state.send_replace(up(None));
        self.ends.current.send_replace(Current::Up(client.clone()));
        let mut measured = std::pin::pin!(measure(client.clone()));
        let mut is_measured = false;
        loop {
            tokio::select! {
                biased;
                nudge = self.ends.inbox.recv() => match nudge {
                    Some(Nudge::Changed(how)) => self.take(how),
                    Some(Nudge::Close(said)) => {
                        client.close().await;
                        drop(said);
                        return ControlFlow::Break(());
                    }
                    None => {
                        client.close().await;
                        return ControlFlow::Break(());
                    }
                },
                fact = self.facts.next() => {
                    if self.policy.step(fact, roll()) == Decision::Probe {
                        // The connection ends by itself when no sign of life comes.
                        drop(tokio::spawn({
                            let client = client.clone();
                            async move { client.probe(PROBE_WITHIN).await }
                        }));
                    }
                }
                rtt = &mut measured, if !is_measured => {
                    is_measured = true;
                    self.ends.state.send_if_modified(|state| match state {
                        LinkState::Up { rtt: known, .. } => { *known = rtt; rtt.is_some() }
                        _ => false,
                    });
                }
                happened = forward(&self.ends.tell, &mut events) => match happened {
                    Some(event) => self.note(&event),
                    None => return ControlFlow::Continue(self.ended(&client.closed().await, since)),
                },
                // Only when the reader is full: what it has not taken is told again on the next connection.
                closed = client.closed() => return ControlFlow::Continue(self.ended(&closed, since)),
            }
        }
    }

    fn ended(&mut self, closed: &Closed, since: Instant) -> Decision {
        self.because = cut(closed);
        self.attempt = 1;
        self.policy.step(Fact::Closed { code: closed.code, lived: since.elapsed() }, roll())
    }

    /// Remembers how far the reader has been told, and what a Gateway says about its return.
    fn note(&mut self, event: &Told) {
        match event {
            Told::Numbered(seq) => {
                if let Some(place) = &mut self.place {
                    place.seq = *seq;
                }
            }
            Told::Restart(back_in) => {
                self.policy.step(Fact::RestartAnnounced { back_in: *back_in }, roll());
            }
            Told::Other => {}
        }
    }

    /// Until there is a connection that goes on where the last one broke off.
    async fn dial(&mut self, mut decision: Decision) -> ControlFlow<(), (Client, Events)> {
        let mut why = None;
        loop {
            match decision {
                Decision::DialAfter(wait) => self.wait(wait).await?,
                Decision::Pause(code) => self.pause(code, why.take()).await?,
                Decision::Stay | Decision::Probe => {}
            }
            self.show(Duration::ZERO);
            decision = match self.try_once().await? {
                None => Decision::DialAfter(Duration::ZERO),
                Some(Ok(connected)) => return ControlFlow::Continue(connected),
                Some(Err(error)) => {
                    self.attempt += 1;
                    self.because = error.to_string();
                    let failure = Failure::of(&error);
                    why = Some(Arc::new(error));
                    self.policy.step(Fact::Failed(failure), roll())
                }
            };
        }
    }

    /// One dial; `None` when something happened that makes another one wiser.
    async fn try_once(&mut self) -> ControlFlow<(), Option<Result<(Client, Events), DialError>>> {
        let how = with_caps(&self.how, self.place.is_some());
        let began = Instant::now();
        let connected = {
            let mut dialling = std::pin::pin!(connect(&how));
            loop {
                tokio::select! {
                    outcome = &mut dialling => break outcome,
                    nudge = self.ends.inbox.recv() => match nudge {
                        Some(Nudge::Changed(Some(how))) => {
                            self.how = *how;
                            return ControlFlow::Continue(None);
                        }
                        Some(Nudge::Changed(None)) => {}
                        Some(Nudge::Close(_)) | None => return ControlFlow::Break(()),
                    },
                    _ = self.facts.next() => {
                        if began.elapsed() > FRESH_DIAL {
                            return ControlFlow::Continue(None);
                        }
                    }
                }
            }
        };
        let connected = match connected {
            Ok(connected) => connected,
            Err(error) => return ControlFlow::Continue(Some(Err(error))),
        };
        match self.resume(&connected.0).await {
            Ok(()) => {
                self.policy.step(Fact::Connected, roll());
                ControlFlow::Continue(Some(Ok(connected)))
            }
            Err(_) => {
                let Closed { code, reason } = connected.0.closed().await;
                let error = DialError::ClosedEarly { target: how.target, code, reason };
                ControlFlow::Continue(Some(Err(error)))
            }
        }
    }

    /// Goes on where the reader was, or tells it to fetch again.
    async fn resume(&mut self, client: &Client) -> Result<(), CallError> {
        let goes_on = match &self.place {
            Some(was) => ask(client, was).await?,
            None => false,
        };
        self.place = self.place_of(client);
        if !goes_on {
            // A reader that left needs no telling.
            let _left = self.ends.tell.send(Happened::Refetch).await;
        }
        Ok(())
    }

    /// Where a connection stands, when its end shall be remembered.
    fn place_of(&self, client: &Client) -> Option<ResumeParams> {
        place(client).filter(|_| self.how.role != Role::Node)
    }

    /// Waits out a back-off, unless something makes the next dial worth trying now.
    async fn wait(&mut self, wait: Duration) -> ControlFlow<()> {
        self.show(wait);
        let until = Instant::now() + wait;
        loop {
            let fact = tokio::select! {
                () = sleep_until(until) => return ControlFlow::Continue(()),
                fact = self.facts.next() => fact,
                nudge = self.ends.inbox.recv() => self.hear(nudge)?,
            };
            if self.policy.step(fact, roll()) == Decision::DialAfter(Duration::ZERO) {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Stands still until something changes.
    async fn pause(&mut self, code: base::Code, why: Option<Arc<DialError>>) -> ControlFlow<()> {
        let why = why.unwrap_or_else(|| {
            let target = self.how.target.clone();
            Arc::new(DialError::ClosedEarly { target, code: wire::close::PROTOCOL_MISMATCH, reason: code.0.into() })
        });
        let state = LinkState::Paused { code: why.code(), because: why.to_string(), next: why.next() };
        self.ends.state.send_replace(state);
        self.ends.current.send_replace(Current::Paused(why));
        let nudge = self.ends.inbox.recv().await;
        let fact = self.hear(nudge)?;
        self.policy.step(fact, roll());
        self.ends.current.send_replace(Current::Down);
        ControlFlow::Continue(())
    }

    fn hear(&mut self, nudge: Option<Nudge>) -> ControlFlow<(), Fact> {
        match nudge {
            Some(Nudge::Changed(how)) => {
                self.take(how);
                ControlFlow::Continue(Fact::Changed)
            }
            Some(Nudge::Close(_)) | None => ControlFlow::Break(()),
        }
    }

    fn take(&mut self, how: Option<Box<Connect>>) {
        if let Some(how) = how {
            self.how = *how;
        }
    }

    fn show(&self, wait: Duration) {
        let (attempt, because) = (self.attempt, self.because.clone());
        self.ends.state.send_replace(LinkState::Connecting { attempt, wait, because });
    }
}

async fn measure(client: Client) -> Option<Duration> {
    client.probe(MEASURED_WITHIN).await
}

/// A number in `0.0..=1.0` from the operating system; jitter needs no better.
fn roll() -> f64 {
    let byte = u8::from_str_radix(&base::random_hex(1), 16).unwrap_or(128);
    f64::from(byte) / 255.0
}
