//! From a command's flags to a connected client: secrets read, target chosen, plaintext checked, least scopes asked.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use base::{Explain as _, Secret};
use link::{
    CallError, Client, Connect, Credentials, Device, Events, Happenings, Link, LinkState, Pin, PinStore, Route, Source,
    TokenStore,
};
use serde_json::Value;
use wire::connect::ClientInfo;
use wire::methods::Access;
use wire::{Role, Scope};

use crate::app::App;
use crate::args::{Reach, Rpc, SshFlags};
use crate::cred::{self, Asked, Given, NoWay, PinSource, Place, Way};
use crate::exit::Failure;
use crate::invitation;
use crate::passphrase;
use crate::ssh;

/// The limit of a whole client command when none is given (CLI-2).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// How often a paused link looks whether the config file has changed.
const CONFIG_LOOK: Duration = Duration::from_secs(2);

/// As whom to connect (`protocol.md` 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// An ordinary command.
    Cli,
    /// A connect-only look, which leaves no trace.
    Probe,
    /// A node, which always shows its device.
    Node,
}

/// What a command wants of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) who: As,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) caps: Vec<String>,
    pub(crate) timeout: Duration,
}

impl Want {
    /// What `method` needs and no more (PAIR-18); a method nobody knows gets everything, so that the Gateway can say
    /// that it does not know it either.
    pub(crate) fn of(method: &str, timeout: Duration) -> Self {
        let scopes = match wire::methods::find(method).map(|row| row.access) {
            Some(Access::Operator(scope) | Access::Dynamic(scope) | Access::Shared(scope)) => vec![scope],
            Some(Access::Everyone) => vec![Scope::Read],
            Some(Access::Node) => Vec::new(),
            None => Scope::ALL.into_iter().take(6).collect(),
        };
        Self { who: As::Cli, scopes, caps: Vec::new(), timeout }
    }
}

/// A connection, with what to say about it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) events: Events,
    pub(crate) place: Place,
    budget: Budget,
}

impl Connection {
    /// Calls a method within what is left of the command's time; a failure says which Gateway it was.
    pub(crate) async fn call(&self, method: &str, params: Option<Value>) -> Result<Value, Failure> {
        let answer = self.budget.within(method, self.client.request_raw(method, params)).await;
        answer.map_err(|error| Failure::call(&error).at(&self.place))
    }

    /// Begins the command's time anew, after a wait that a person asked for.
    pub(crate) fn renew(&mut self) {
        self.allow(self.budget.whole);
    }

    /// Begins another time now, for what takes longer than getting there.
    pub(crate) fn allow(&mut self, whole: Duration) {
        self.budget = Budget::of(whole);
    }
}

/// The time of a whole command: connection and every call together (CLI-9).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    whole: Duration,
    until: Instant,
}

impl Budget {
    /// A budget that begins now.
    pub(crate) fn of(whole: Duration) -> Self {
        Self { whole, until: Instant::now() + whole }
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits for the answer of `method` as long as the budget allows; what was sent may have happened all the same.
    pub(crate) async fn within<T>(
        &self,
        method: &str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let answer = tokio::time::timeout(self.left(), call).await;
        answer.unwrap_or_else(|_| Err(CallError::Timeout { method: method.to_owned(), waited: self.whole }))
    }
}

/// Runs a client command to its end on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new("RUNTIME", format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(work);
    // A name lookup that hangs must not keep a command that has timed out.
    runtime.shutdown_background();
    outcome
}

/// Connects, calls one method and says goodbye.
pub(crate) fn call_once(app: &App, rpc: &Rpc, method: &str, params: Option<Value>) -> Result<Value, Failure> {
    call_at(app, rpc, None, method, params)
}

/// As [`call_once`], to the Gateway of this host on `port` when given.
pub(crate) fn call_at(
    app: &App,
    rpc: &Rpc,
    port: Option<u16>,
    method: &str,
    params: Option<Value>,
) -> Result<Value, Failure> {
    let want = Want::of(method, rpc.timeout_or(TIMEOUT));
    let spinner = app.out.spinner(&format!("asking the Gateway ({method})"));
    let answer = block_on(async {
        let connection = open(app, &rpc.reach, port, &want).await?;
        let answer = connection.call(method, params).await;
        connection.client.close().await;
        answer
    });
    drop(spinner);
    answer
}

/// Connects to the Gateway the flags, the environment and the config mean.
pub(crate) async fn open(app: &App, reach: &Reach, port: Option<u16>, want: &Want) -> Result<Connection, Failure> {
    let budget = Budget::of(want.timeout);
    let way = way(app, reach, port, false)?;
    let place = place(app, &way);
    let how = how(app, way, want)?;
    let mut outcome = link::connect(&how).await;
    if let Err(error) = &outcome
        && let Some(invited) = invitation::after(app, &how, error).await.map_err(|failure| failure.at(&place))?
    {
        outcome = link::connect(&invited).await;
    }
    let (client, events) = outcome.map_err(|error| Failure::dial(&error).at(&place))?;
    Ok(Connection { client, events, place, budget })
}

/// As [`open`], with a connection that comes back, and is waited for as long as `patience`.
pub(crate) async fn open_link(
    app: &App,
    reach: &Reach,
    want: &Want,
    patience: Duration,
) -> Result<(Link, Happenings, Place), Failure> {
    let way = way(app, reach, None, false)?;
    let place = place(app, &way);
    let how = how(app, way, want)?;
    let mut opened = Link::open(how.clone(), patience).await;
    if let Err(error) = &opened
        && let Some(invited) = invitation::after(app, &how, error).await.map_err(|failure| failure.at(&place))?
    {
        opened = Link::open(invited, patience).await;
    }
    let (link, happenings) = opened.map_err(|error| Failure::dial(&error).at(&place))?;
    drop(tokio::spawn(retry_when_config_changes(app.afresh(), reach.clone(), want.clone(), link.clone())));
    Ok((link, happenings, place))
}

/// A paused link dials again when the config file has changed, with what it says now (RECON-3).
async fn retry_when_config_changes(app: App, reach: Reach, want: Want, link: Link) {
    let written = || std::fs::metadata(app.config_file()).and_then(|about| about.modified()).ok();
    let from_stdin = [&reach.token, &reach.password].into_iter().any(|secret| secret.as_deref() == Some("-"));
    let mut state = link.state();
    let mut seen = written();
    while state.wait_for(|state| matches!(state, LinkState::Paused { .. })).await.is_ok() {
        tokio::time::sleep(CONFIG_LOOK).await;
        let now = written();
        if now == seen {
            continue;
        }
        seen = now;
        let app = app.afresh();
        let anew = || way(&app, &reach, None, false).and_then(|way| how(&app, way, &want));
        // A config that is half written is looked at again when it is whole.
        link.changed(if from_stdin { None } else { anew().ok() });
    }
}

/// The way to the Gateway that is meant.
pub(crate) fn way(app: &App, reach: &Reach, port: Option<u16>, is_report: bool) -> Result<Way, Failure> {
    way_by(app, reach, port, &app.ssh, is_report)
}

/// The way to the Gateway of `gateway.remote.url`, whatever the mode is, for a probe; `None` when there is none.
pub(crate) fn configured_remote(app: &App) -> Result<Option<Way>, Failure> {
    let config = &*app.config()?.config;
    let profile_port = app.paths.profile.default_port();
    let given = Given { config, env: &app.env, profile_port, run_token: None, local_pin: None, is_report: true };
    let way = cred::configured_remote(given).map_err(|error| explain(app, &error))?;
    // What may not be dialled in plaintext is no target of a probe.
    let allowed = app.env.is_on("ALLOW_INSECURE_PRIVATE_WS");
    Ok(way.filter(|way| link::plaintext_rule(&way.target, allowed).is_ok()))
}

/// The same with other flags about SSH than those of the command line.
pub(crate) fn way_by(
    app: &App,
    reach: &Reach,
    port: Option<u16>,
    ssh: &SshFlags,
    is_report: bool,
) -> Result<Way, Failure> {
    if [&reach.token, &reach.password].into_iter().flatten().any(|secret| secret != "-") {
        app.out.note("note: other users of this host can read a secret on a command line; --token-file hides it");
    }
    // CRED-2: with `--url` the config is not even read for anything but its path.
    let asked = Asked {
        url: reach.url.clone(),
        port,
        ssh: ssh.clone(),
        token: secret("--token", reach.token.as_deref(), reach.token_file.as_deref())?,
        tls_fingerprint: tls_fingerprint(reach)?,
        password: secret("--password", reach.password.as_deref(), reach.password_file.as_deref())?,
    };
    let defaults;
    let config = if asked.url.is_some() {
        defaults = config::Config::default();
        &defaults
    } else {
        &*app.config()?.config
    };
    let profile_port = app.paths.profile.default_port();
    let (run_token, local_pin) = (run_token(app, &asked), local_pin(app, config));
    let run_token = run_token.as_ref();
    let given = Given { config, env: &app.env, profile_port, run_token, local_pin, is_report };
    // An explicit secret or pin is about the port.
    let explicit = asked.token.is_some() || asked.password.is_some() || asked.tls_fingerprint.is_some();
    let way = cred::way(&asked, given).map_err(|error| explain(app, &error))?;
    let way = Way { target: ssh::outfit(app, way.target)?, ..way };
    // A report is about the port.
    let way = if explicit || is_report { way } else { by_local_socket(app, way) };
    link::plaintext_rule(&way.target, app.env.is_on("ALLOW_INSECURE_PRIVATE_WS"))
        .map_err(|refused| Failure::of(&refused).at(&place(app, &way)))?;
    Ok(way)
}

/// The same Gateway by the socket in its state folder, when this host's own is meant and one answers there: no port, and
/// the kernel's word on who we are instead of a secret. A port named by the environment may be another Gateway's.
pub(crate) fn by_local_socket(app: &App, way: Way) -> Way {
    let path = app.paths.local_socket();
    let meant = *way.target.source() == Source::LocalLoopback && app.env.get("GATEWAY_PORT").is_none();
    if !meant || !answers(&path) {
        return way;
    }
    Way {
        target: way.target.by(Route::Unix(path)),
        credentials: Credentials::default(),
        token_source: None,
        password_source: None,
        pin: None,
        warnings: way.warnings,
    }
}

#[cfg(unix)]
fn answers(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

#[cfg(not(unix))]
fn answers(_: &Path) -> bool {
    false
}

/// The token of a Gateway of this state folder that was given none (AUTH-4). Only while one holds the folder: what a
/// killed one left behind opens nothing.
fn run_token(app: &App, asked: &Asked) -> Option<Secret> {
    if asked.url.is_some() || asked.token.is_some() || asked.password.is_some() {
        return None;
    }
    let token = std::fs::read_to_string(app.paths.run_token()).ok()?;
    matches!(store::GatewayLock::holder(&app.paths), Ok(Some(_))).then(|| Secret::new(token))
}

fn explain(app: &App, error: &NoWay) -> Failure {
    match error {
        NoWay::CredentialsRequired => {
            let message = format!("{error} (config: {})", app.config_file().display());
            error.next().into_iter().fold(Failure::credentials_required(message), |f, step| f.advise(step.text()))
        }
        NoWay::RemoteUrlMissing => Failure::of(error).advise(format!("the config is {}", app.config_file().display())),
        _ => Failure::of(error),
    }
}

/// `--tls-fingerprint`, in every form of TLS-6.
fn tls_fingerprint(reach: &Reach) -> Result<Option<Pin>, Failure> {
    let parsed = reach.tls_fingerprint.as_deref().map(str::parse::<Pin>).transpose();
    parsed.map_err(|error| Failure::of(&error))
}

/// The pin of this host's own certificate (TLS-1). A Gateway that has none yet was never started with TLS.
fn local_pin(app: &App, config: &config::Config) -> Option<Pin> {
    let tls = &config.gateway.tls;
    let file = gateway::TlsFiles::of(tls, &app.paths).cert;
    if !tls.enabled || !file.exists() {
        return None;
    }
    Pin::of_pem_file(&file).inspect_err(|error| app.out.warn(&error.to_string())).ok()
}

/// A secret given by value, by file, or on stdin (CRED-12).
pub(crate) fn secret(flag: &str, value: Option<&str>, file: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let text = match (value, file) {
        (Some("-"), _) => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::usage(format!("{flag} - reads stdin: {error}")))?;
            text
        }
        (Some(text), _) => text.to_owned(),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{flag}-file `{}`: {error}", file.display())))?,
        (None, None) => return Ok(None),
    };
    Ok(cred::usable(&Secret::new(text)))
}

/// What to say about the Gateway of `way` (CRED-10).
pub(crate) fn place(app: &App, way: &Way) -> Place {
    let mut place = Place::of(&way.target, &app.config_file().display().to_string());
    if way.target.source().is_this_host()
        && let Ok(loaded) = app.config()
    {
        let in_container = config::in_container(&app.env);
        let overrides = config::StartOverrides { in_container, ..Default::default() };
        let bind = config::effective_bind(&loaded.config, &overrides);
        place.bind = Some(bind.as_str().to_owned());
    }
    place
}

/// How to connect on `way`. A device is shown only where the shared secret alone would not do (`protocol.md` 3.3), so a
/// command on the Gateway's host never leaves a pairing behind. Behind SSH the device gets a token of its own.
pub(crate) fn how(app: &App, way: Way, want: &Want) -> Result<Connect, Failure> {
    let vouched = matches!(way.target.route(), Route::Unix(_));
    let on_this_host = way.target.is_loopback() && way.target.ssh().is_none();
    let alone = match want.who {
        As::Probe => true,
        As::Cli => vouched || (on_this_host && !way.credentials.is_empty()),
        As::Node => false,
    };
    let identity = app.paths.device_identity();
    let pin_source = way.pin.map(|(_, source)| source);
    // CRED-2: with `--url` nothing of the config counts.
    let config = if *way.target.source() == Source::Flag { None } else { app.config().ok() };
    let roots = config.and_then(|loaded| loaded.config.gateway.tls.ca_path.clone());
    let device = if alone { None } else { Some(Device::load_or_create(&identity)?) };
    Ok(Connect {
        scopes: want.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        caps: want.caps.clone(),
        credentials: way.credentials,
        tokens: device.as_ref().map(|_| TokenStore::beside(&identity)),
        device,
        pin: way.pin.map(|(pin, _)| pin),
        // What is written in the config lives on over renewals; a flag means this certificate, a file is always new.
        pin_store: matches!(pin_source, Some(PinSource::Config | PinSource::Kept)).then(|| PinStore::beside(&identity)),
        roots,
        timeout: want.timeout,
        role: if want.who == As::Node { Role::Node } else { Role::Operator },
        min_protocol: if want.who == As::Probe { wire::MIN_PROTOCOL } else { wire::PROTOCOL },
        allow_private_plaintext: app.env.is_on("ALLOW_INSECURE_PRIVATE_WS"),
        ..Connect::new(passphrase::asked_for(app, way.target)?, client_info(want.who))
    })
}

fn client_info(who: As) -> ClientInfo {
    let (id, mode) = match who {
        As::Cli => ("cli", "cli"),
        As::Probe => ("cli", "probe"),
        As::Node => ("node-host", "node"),
    };
    let os = std::env::consts::OS;
    ClientInfo {
        id: id.into(),
        mode: mode.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        platform: if os == "macos" { "darwin".into() } else { os.into() },
        device_family: Some(if os == "macos" { "Mac".into() } else { capitalised(os) }),
        instance_id: Some(uuid::Uuid::new_v4().to_string()),
        ..ClientInfo::default()
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PAIR-18
    #[test]
    fn a_command_asks_for_what_its_method_needs_and_no_more() {
        assert_eq!(Want::of("status", TIMEOUT).scopes, [Scope::Read]);
        assert_eq!(Want::of("agent", TIMEOUT).scopes, [Scope::Write]);
        assert_eq!(Want::of("device.pair.list", TIMEOUT).scopes, [Scope::Pairing]);
        assert_eq!(Want::of("config.get", TIMEOUT).scopes, [Scope::Read]);
        assert!(Want::of("nosuch.method", TIMEOUT).scopes.contains(&Scope::Admin));
    }

    /// CLI-9: connection and calls share one time limit.
    #[test]
    fn a_call_has_what_the_connection_left_of_the_time() {
        let spent = Budget { whole: TIMEOUT, until: Instant::now() };
        let outcome = block_on(async { Ok(spent.within("m", std::future::pending::<Result<(), _>>()).await) }).unwrap();
        assert!(matches!(outcome, Err(CallError::Timeout { waited, .. }) if waited == TIMEOUT));
        assert!(spent.left().is_zero() && Budget::of(TIMEOUT).left() > TIMEOUT / 2);
    }
}
