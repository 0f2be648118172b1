//! Why a Gateway cannot be reached: one question a step, from its name to its clock, and where the answers end.
//!
//! Name, route and port are asked by themselves. Everything after that is one real [`connect`](crate::connect), the
//! same that every command does, so that what is found here is what commands meet; its error says at which step it
//! stopped ([`stops::stops_at`]).

mod passed;
mod reach;
mod stops;

use std::time::{Duration, Instant};

use wire::{ErrorShape, Scope};

use crate::client::Client;
use crate::error::DialError;
use crate::handshake::{Connect, connect};
use crate::target::{Route, plaintext_rule};

/// What is asked, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// Has the name an address?
    Dns,
    /// Does the network lead there?
    Route,
    /// Does anything listen?
    Tcp,
    /// Does SSH let us through?
    Ssh,
    /// Is it TLS, with a certificate that is trusted here?
    Tls,
    /// Is it the pinned certificate?
    Pin,
    /// Does the Gateway's port speak HTTP, with nobody in front?
    Http,
    /// Does it speak the Gateway's protocol?
    Upgrade,
    /// Is the secret right?
    Auth,
    /// Is this device paired?
    Pairing,
    /// May it read?
    Scope,
    /// Do both clocks say the same?
    Clock,
}

impl Probe {
    /// All, in order.
    pub const ALL: [Self; 12] = [
        Self::Dns,
        Self::Route,
        Self::Tcp,
        Self::Ssh,
        Self::Tls,
        Self::Pin,
        Self::Http,
        Self::Upgrade,
        Self::Auth,
        Self::Pairing,
        Self::Scope,
        Self::Clock,
    ];

    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Route => "route",
            Self::Tcp => "tcp",
            Self::Ssh => "ssh",
            Self::Tls => "tls",
            Self::Pin => "pin",
            Self::Http => "http",
            Self::Upgrade => "upgrade",
            Self::Auth => "auth",
            Self::Pairing => "pairing",
            Self::Scope => "scope",
            Self::Clock => "clock",
        }
    }
}

/// How a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Well.
    Ok,
    /// Here it stops.
    Failed,
    /// Not asked: it has no meaning on this way, or the way ended before.
    Skipped,
}

impl State {
    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One question and its answer.
#[derive(Debug)]
pub struct Finding {
    /// Which question.
    pub probe: Probe,
    /// How it was answered.
    pub state: State,
    /// How long the answer took; `None` where it came together with others, or was not asked for.
    pub took: Option<Duration>,
    /// The answer, in a few words.
    pub said: String,
    /// Why it stops here, with code and cure.
    pub error: Option<DialError>,
}

/// All answers.
#[derive(Debug)]
pub struct Told {
    /// One for each of [`Probe::ALL`], at most one of them [`State::Failed`], and only [`State::Skipped`] after that.
    pub findings: Vec<Finding>,
    /// The Gateway's release, when it let us in.
    pub version: Option<String>,
}

/// Asks every question of [`Probe::ALL`] about the Gateway of `how`, tells `on` each answer as it comes, and returns
/// them all. Takes about as long as `how.timeout` at most.
pub async fn why(how: &Connect, on: impl FnMut(&Finding)) -> Told {
    let started = Instant::now();
    let mut found = Found { findings: Vec::with_capacity(Probe::ALL.len()), version: None, on, since: started };
    if let Err(refused) = plaintext_rule(&how.target, how.allow_private_plaintext) {
        found.skip_until(Some(Probe::Tls), "not asked");
        found.failed(Probe::Tls, refused.into());
        return found.finish();
    }
    if matches!(how.target.route(), Route::Direct) && !reach::reach(how, &mut found).await {
        return found.finish();
    }
    let left = how.timeout.saturating_sub(started.elapsed());
    match connect(&Connect { timeout: left, ..how.clone() }).await {
        Err(error) => {
            let probe = found.place_of(stops::stops_at(&error), how);
            found.pass_until(probe, how);
            found.failed(probe, error);
        }
        Ok((client, _events)) => {
            found.version = Some(client.hello().server.version.clone());
            found.pass_until(Probe::Auth, how);
            judge(how, &client, &mut found);
            client.close().await;
        }
    }
    found.finish()
}

/// What a Gateway that said hello has told about the rest.
fn judge<F: FnMut(&Finding)>(how: &Connect, client: &Client, found: &mut Found<F>) {
    let auth = &client.hello().auth;
    found.ok(Probe::Auth, passed::let_in(auth));
    found.pass_until(Probe::Scope, how);
    match (auth.scopes.allows(Scope::Read), how.device.is_some()) {
        (true, _) => found.ok(Probe::Scope, passed::granted(auth)),
        (false, false) => {
            found.tell(Probe::Scope, State::Skipped, None, "without a device nothing may be read from here".into());
        }
        (false, true) => {
            let error = Box::new(ErrorShape::missing_scope(Scope::Read));
            let denied = DialError::Denied { target: how.target.clone(), error, stored_token: false };
            return found.failed(Probe::Scope, denied);
        }
    }
    found.tell(Probe::Clock, State::Ok, None, passed::clocks(client.greeting.challenge.ts, base::now_ms()));
}

/// The answers so far.
struct Found<F> {
    findings: Vec<Finding>,
    version: Option<String>,
    on: F,
    /// When the last answer came.
    since: Instant,
}

impl<F: FnMut(&Finding)> Found<F> {
    fn push(&mut self, finding: Finding) {
        (self.on)(&finding);
        self.findings.push(finding);
        self.since = Instant::now();
    }

    fn tell(&mut self, probe: Probe, state: State, took: Option<Duration>, said: String) {
        self.push(Finding { probe, state, took, said, error: None });
    }

    /// `probe` is well, and it is what took the time since the last answer.
    fn ok(&mut self, probe: Probe, said: String) {
        self.tell(probe, State::Ok, Some(self.since.elapsed()), said);
    }

    /// It stops at `probe`.
    fn failed(&mut self, probe: Probe, error: DialError) {
        let (took, said) = (Some(self.since.elapsed()), error.to_string());
        self.push(Finding { probe, state: State::Failed, took, said, error: Some(error) });
    }

    /// `probe` is what `outcome` says; its value when it is well.
    fn take<T>(&mut self, probe: Probe, outcome: Result<T, DialError>, said: impl FnOnce(&T) -> String) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.ok(probe, said(&value));
                Some(value)
            }
            Err(error) => {
                self.failed(probe, error);
                None
            }
        }
    }

    /// The questions that have no answer yet, up to `end`.
    fn open_until(&self, end: Option<Probe>) -> Vec<Probe> {
        let last = self.findings.last().map(|finding| finding.probe);
        let open = Probe::ALL.into_iter().filter(|probe| Some(*probe) > last);
        open.filter(|probe| end.is_none_or(|end| *probe < end)).collect()
    }

    /// The connection got as far as `end`, so everything before it is well or was not needed.
    fn pass_until(&mut self, end: Probe, how: &Connect) {
        // The time of the connection belongs to the step where it ended.
        let since = self.since;
        for probe in self.open_until(Some(end)) {
            let (state, said) = passed::passed(how, probe);
            self.tell(probe, state, None, said);
        }
        self.since = since;
    }

    fn skip_until(&mut self, end: Option<Probe>, said: &str) {
        for probe in self.open_until(end) {
            self.tell(probe, State::Skipped, None, said.into());
        }
    }

    /// Where a connection that stopped at `probe` is put: there, or when that was well a moment ago (a port that
    /// answered and then broke), at the next step that this way has.
    fn place_of(&self, probe: Probe, how: &Connect) -> Probe {
        let open = self.open_until(None);
        let mut later = open.iter().copied().filter(|next| passed::passed(how, *next).0 == State::Ok);
        if open.contains(&probe) { probe } else { later.next().unwrap_or(Probe::Auth) }
    }

    fn finish(mut self) -> Told {
        self.skip_until(None, "not reached");
        Told { findings: self.findings, version: self.version }
    }
}
