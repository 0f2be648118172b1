//! The Gateway on a tailnet (`gateway.tailscale.mode`, TS-1…10): a route of Tailscale's to a listener of its own.
//!
//! Who trusts whom: tailscaled ends TLS, knows which device calls and writes that into headers. They count only on the
//! listener the route leads to ([`crate::auth::tailnet`]), and a login only after `whois` says the same of the address.
//! The route is held by a program that ends with this process ([`claim`]). Whatever Tailscale does, the Gateway stays
//! up on its own port: what is in the way is a [`Problem`] that `status` and `health` show, and is tried again.

mod claim;
mod diagnose;
mod program;
mod routes;
mod status;
mod whois;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::{Env, Explain as _};
use config::TailscaleMode;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use claim::Claim;
use diagnose::Problem;
use program::Program;
use routes::{Held, Routes};
use status::Status;
use whois::Whois;

use crate::auth::provenance::Way;
use crate::http::bind::{self, BindError};
use crate::http::incoming::Door;
use crate::services::Services;

/// TS-2: while Tailscale begins it is asked this often…
const STARTING_EVERY: Duration = Duration::from_secs(2);
/// …for this long; then like everything else.
const STARTING_FOR: Duration = Duration::from_secs(90);
/// The first of the growing pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest one: whoever has mended something does not wait long.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A question about the routes.
const PATIENCE: Duration = Duration::from_secs(5);

/// This Gateway's place on the tailnet; cheap to clone.
#[derive(Clone)]
pub(crate) struct Tailscale(Arc<Inner>);

struct Inner {
    mode: TailscaleMode,
    env: Env,
    base_path: String,
    whois: Whois,
    now: watch::Sender<Exposure>,
}

/// Whether others reach us.
#[derive(Debug, Clone)]
enum Exposure {
    /// Not asked for.
    Off,
    /// Not known yet.
    Starting,
    /// By this name.
    Up { name: String, program: Program },
    /// Not, because of this.
    Down(Problem),
}

impl Tailscale {
    /// Nothing happens before [`keep`]; in mode `off` nothing ever does.
    pub(crate) fn new(mode: TailscaleMode, env: Env, base_path: &str) -> Self {
        let now = if mode == TailscaleMode::Off { Exposure::Off } else { Exposure::Starting };
        let (whois, base_path) = (Whois::default(), base_path.to_owned());
        Self(Arc::new(Inner { mode, env, base_path, whois, now: watch::Sender::new(now) }))
    }

    /// Waits until it is known whether others reach us, at most this long.
    pub(crate) async fn settled(&self, patience: Duration) {
        let mut now = self.0.now.subscribe();
        let known = now.wait_for(|now| !matches!(now, Exposure::Starting));
        if tokio::time::timeout(patience, known).await.is_err() {
            tracing::debug!("tailscale is not settled yet");
        }
    }

    /// The login of whoever owns the device at `address`, as tailscaled says; asked only while our route is up.
    pub(crate) async fn login_at(&self, address: IpAddr) -> Option<String> {
        let Exposure::Up { program, .. } = self.0.now.borrow().clone() else { return None };
        self.0.whois.login(&program, address).await
    }

    /// The page's URL for the devices of the tailnet, while the route is up (TS-8).
    pub(crate) fn url(&self) -> Option<String> {
        match &*self.0.now.borrow() {
            Exposure::Up { name, .. } => Some(format!("https://{name}{}/", self.0.base_path)),
            _ => None,
        }
    }

    /// What `status` and `health` show: null when it was not asked for.
    pub(crate) fn report(&self) -> Value {
        let mode = self.0.mode.as_str();
        match &*self.0.now.borrow() {
            Exposure::Off => Value::Null,
            Exposure::Starting => json!({"mode": mode, "state": "starting"}),
            Exposure::Up { name, .. } => {
                json!({"mode": mode, "state": "up", "url": self.url(), "wsUrl": format!("wss://{name}")})
            }
            Exposure::Down(problem) => json!({"mode": mode, "state": "down", "error": {
                "code": problem.code().0, "message": problem.to_string(),
                "next": problem.next().iter().map(|step| step.text().to_owned()).collect::<Vec<_>>()}}),
        }
    }

    /// Puts the route to `port` up.
    async fn claim(&self, port: u16, gateway: u16) -> Result<(Claim, String, Program), Problem> {
        let Inner { mode, env, .. } = &*self.0;
        let program = Program::find(env).await.ok_or(Problem::NotInstalled)?;
        let name = Status::ask(&program).await?.name_for(*mode)?;
        make_room(&program, gateway).await?;
        Ok((Claim::put_up(&program, env, *mode, port).await?, name, program))
    }

    /// Says what has changed; whether anything has.
    fn note(&self, exposure: Exposure) -> bool {
        match &exposure {
            Exposure::Up { name, .. } => {
                let (mode, base_path) = (self.0.mode.as_str(), &self.0.base_path);
                tracing::info!("{mode} enabled: https://{name}{base_path}/ (WS via wss://{name})");
            }
            Exposure::Down(problem) if !matches!(&*self.0.now.borrow(), Exposure::Down(old) if old == problem) => {
                let next = problem.next().iter().map(|step| step.text().to_owned()).collect::<Vec<_>>().join("; ");
                let mode = self.0.mode.as_str();
                tracing::warn!(code = problem.code().0, next, "tailscale {mode} is not up: {problem}");
            }
            _ => return false,
        }
        self.0.now.send_replace(exposure);
        true
    }
}

/// TS-7: an older route to this Gateway makes room; anybody else's is left alone.
async fn make_room(program: &Program, gateway: u16) -> Result<(), Problem> {
    let answer = program.ask(&["serve", "status", "--json"], PATIENCE).await.map_err(|_| Problem::NoDaemon)?;
    match status::json_in::<Routes>(&answer.said).unwrap_or_default().held(gateway) {
        Held::Free => Ok(()),
        Held::ByOther(owner) => Err(Problem::Conflict(owner)),
        Held::ByUs => {
            tracing::info!("a background route of tailscale to this Gateway is replaced");
            let off = program.ask(&["serve", "--yes", "--https=443", "--set-path=/", "off"], PATIENCE).await;
            match off {
                Ok(answer) if answer.ok => Ok(()),
                Ok(answer) => {
                    let words = answer.complained.trim();
                    Err(Problem::of_words(words).unwrap_or_else(|| Problem::Refused(words.to_owned())))
                }
                Err(_) => Err(Problem::NoDaemon),
            }
        }
    }
}

/// The listener a route of this mode leads to; none in mode `off` (TS-4).
///
/// # Errors
/// When loopback has no port left.
pub(crate) fn door(mode: TailscaleMode) -> Result<Option<(Door, u16)>, BindError> {
    let way = match mode {
        TailscaleMode::Off => return Ok(None),
        TailscaleMode::Serve => Way::Serve,
        TailscaleMode::Funnel => Way::Funnel,
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let failed = |source| BindError::Failed { address, source };
    let listener = bind::try_listen(address).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok(Some((Door::Tailscale(listener, way), port)))
}

/// Keeps the route to `port` up until `stop`, and then takes it down.
pub(crate) async fn keep(services: Arc<Services>, port: u16, stop: CancellationToken) {
    let tailscale = services.tailscale.clone();
    if services.config.current().gateway.tailscale.reset_on_exit {
        tracing::info!("gateway.tailscale.resetOnExit is not needed any more: leaving always takes the route down");
    }
    let mut pauses = Pauses::new(Instant::now());
    loop {
        let attempt = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            attempt = tailscale.claim(port, services.run.port) => attempt,
        };
        let problem = match attempt {
            Ok((mut claim, name, program)) => {
                tailscale.note(Exposure::Up { name, program });
                tell(&services).await;
                let up = Instant::now();
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return claim.let_go().await,
                    () = claim.lost() => {}
                }
                claim.let_go().await;
                pauses.was_up(up, Instant::now());
                Problem::Lost
            }
            Err(problem) => problem,
        };
        let pause = pauses.after(&problem, Instant::now());
        if tailscale.note(Exposure::Down(problem)) {
            tell(&services).await;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Everybody who looks at our health sees it at once.
async fn tell(services: &Services) {
    if let Err(error) = services.health.probe().await {
        tracing::warn!(%error, "the look at our health failed");
    }
}

/// How long to wait after each attempt. Pure.
#[derive(Debug)]
struct Pauses {
    began: Instant,
    failures: u32,
}

impl Pauses {
    fn new(now: Instant) -> Self {
        Self { began: now, failures: 0 }
    }

    /// A route that stood for a while begins anew; one that falls at once does not.
    fn was_up(&mut self, since: Instant, now: Instant) {
        if now.duration_since(since) >= LONGEST_PAUSE {
            *self = Self::new(now);
        }
    }

    fn after(&mut self, problem: &Problem, now: Instant) -> Duration {
        if problem.is_passing() && now.duration_since(self.began) < STARTING_FOR {
            return STARTING_EVERY;
        }
        self.failures += 1;
        FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(6)).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TS-2, TS-5
    #[test]
    fn a_slow_start_is_asked_every_two_seconds_and_everything_else_ever_less_often() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut pauses = Pauses::new(began);
        for seconds in [0, 2, 88] {
            assert_eq!(pauses.after(&Problem::Starting, at(seconds)), STARTING_EVERY);
        }
        let mut waited = |problem: &Problem| pauses.after(problem, at(90)).as_secs();
        assert_eq!([0; 8].map(|_: i32| waited(&Problem::LoggedOut)), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waited(&Problem::Starting), 60, "after a minute and a half");
        pauses.was_up(at(100), at(101));
        assert_eq!(pauses.after(&Problem::Lost, at(101)).as_secs(), 60, "it fell at once");
        pauses.was_up(at(100), at(200));
        assert_eq!(pauses.after(&Problem::Lost, at(200)).as_secs(), 1);
    }
}
