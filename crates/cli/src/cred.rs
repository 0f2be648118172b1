//! Which Gateway a command means and which secrets it may show it (CRED-1…10): a pure function from flags, environment
//! and config to a target with credentials. No row ever mixes sources that the rules keep apart.

use base::{Code, Env, Explain, Kind, Secret, Step};
use config::{AuthMode, Config, Mode, SecretUnavailable};
use link::{Credentials, Pin, PinError, Source, SshTargetError, Target, TargetError};
use serde_json::{Value, json};

use crate::args::SshFlags;
use crate::ssh;

/// What was said on the command line, secrets already read.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) url: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) ssh: SshFlags,
    pub(crate) token: Option<Secret>,
    pub(crate) password: Option<Secret>,
    pub(crate) tls_fingerprint: Option<Pin>,
}

/// What the answer depends on besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) config: &'a Config,
    pub(crate) env: &'a Env,
    /// The port of this profile when nothing else names one (PROF-5).
    pub(crate) profile_port: u16,
    /// What a running Gateway of this state folder made for its run (AUTH-4).
    pub(crate) run_token: Option<&'a Secret>,
    /// The pin of this host's own certificate file, where it can be read.
    pub(crate) local_pin: Option<Pin>,
    /// A report goes on without what a command would fail for (CRED-7, CRED-8).
    pub(crate) is_report: bool,
}

/// A Gateway and the way in.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) target: Target,
    pub(crate) credentials: Credentials,
    /// Where the token came from, never what it is (CRED-13).
    pub(crate) token_source: Option<&'static str>,
    /// Where the password came from.
    pub(crate) password_source: Option<&'static str>,
    /// The certificate to insist on, and who said so (TLS-8).
    pub(crate) pin: Option<(Pin, PinSource)>,
    /// What a report should say besides.
    pub(crate) warnings: Vec<String>,
}

/// Who said which certificate to insist on (TLS-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinSource {
    /// `--tls-fingerprint`.
    Flag,
    /// `gateway.remote.tlsFingerprint`.
    Config,
    /// What a node host keeps of the Gateway it joined.
    Kept,
    /// The certificate file of the Gateway of this host.
    LocalFile,
}

impl PinSource {
    /// For people and `--json`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "command line",
            Self::Config => REMOTE_PIN,
            Self::Kept => "node.json",
            Self::LocalFile => "local certificate file",
        }
    }
}

const REMOTE_PIN: &str = "gateway.remote.tlsFingerprint";

/// Why there is no way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoWay {
    /// CRED-2.
    #[error(
        "gateway url override requires explicit credentials: pass --token or --password, or drop --url for the default Gateway"
    )]
    CredentialsRequired,
    /// CRED-1.
    #[error("--port and --url cannot be combined")]
    PortAndUrl,
    /// CRED-8.
    #[error("gateway remote mode misconfigured: gateway.remote.url missing")]
    RemoteUrlMissing,
    /// TLS-7.
    #[error("gateway tls fingerprint requires wss:// gateway url")]
    PinNeedsTls,
    /// TLS-6.
    #[error("{REMOTE_PIN}: {0}")]
    Pin(PinError),
    /// SSH-18, SSH-19.
    #[error("--ssh names no host, and the config has none to go through")]
    SshTargetMissing,
    /// Two ways at once.
    #[error("--ssh and {0} cannot be combined")]
    SshConflict(&'static str),
    /// SSH-1.
    #[error(transparent)]
    Ssh(#[from] SshTargetError),
    /// CRED-7.
    #[error(transparent)]
    Secret(#[from] SecretUnavailable),
    /// No URL.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl Explain for NoWay {
    fn code(&self) -> Code {
        match self {
            Self::CredentialsRequired => Code("GATEWAY_CREDENTIALS_REQUIRED"),
            Self::PortAndUrl | Self::SshConflict(_) | Self::SshTargetMissing => Code("USAGE"),
            Self::RemoteUrlMissing => Code("GATEWAY_REMOTE_URL_MISSING"),
            Self::PinNeedsTls => Code("TLS_PIN_NEEDS_WSS"),
            Self::Pin(error) => error.code(),
            Self::Ssh(error) => error.code(),
            Self::Secret(error) => error.code(),
            Self::Target(error) => error.code(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::CredentialsRequired => Kind::Refused,
            Self::PortAndUrl | Self::SshConflict(_) | Self::SshTargetMissing | Self::PinNeedsTls => Kind::Usage,
            Self::Ssh(error) => error.kind(),
            Self::RemoteUrlMissing => Kind::Failure,
            Self::Pin(_) => Kind::Failure,
            Self::Secret(error) => error.kind(),
            Self::Target(error) => error.kind(),
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::CredentialsRequired => {
                vec![Step::advise("add --token TOKEN, --token-file PATH or --password PASSWORD")]
            }
            Self::PortAndUrl => vec![Step::advise("give one of the two")],
            Self::RemoteUrlMissing => vec![
                Step::run("openclaw config set gateway.remote.url ws://127.0.0.1:18789"),
                Step::run("openclaw config set gateway.mode local"),
            ],
            Self::PinNeedsTls => vec![Step::advise("give a wss:// URL, or leave the fingerprint out")],
            Self::Pin(error) => error.next(),
            Self::SshTargetMissing => {
                vec![
                    Step::advise("give --ssh user@host"),
                    Step::run("openclaw config set gateway.remote.sshTarget user@host"),
                ]
            }
            Self::SshConflict(_) => vec![Step::advise("give one of the two; with --ssh, --port is the far end's")],
            Self::Ssh(error) => error.next(),
            Self::Secret(error) => error.next(),
            Self::Target(error) => error.next(),
        }
    }
}

/// CRED-1…8: the target and what may be shown to it.
pub(crate) fn way(asked: &Asked, given: Given<'_>) -> Result<Way, NoWay> {
    let explicit = asked.token.is_some() || asked.password.is_some();
    if asked.url.is_some() && asked.port.is_some() {
        return Err(NoWay::PortAndUrl);
    }
    if asked.url.is_some() && !explicit {
        return Err(NoWay::CredentialsRequired);
    }
    let mut warnings = Vec::new();
    let target = match ssh::target(asked, given)? {
        Some(target) => target,
        None => target(asked, given, &mut warnings)?,
    };
    let pin = pin(asked, given, &target)?;
    if explicit {
        // CRED-5: an explicit secret switches off every fallback, for both.
        let credentials =
            Credentials { token: asked.token.clone(), password: asked.password.clone(), ..<_>::default() };
        let source = |secret: &Option<Secret>| secret.as_ref().map(|_| "command line");
        let (token_source, password_source) = (source(&asked.token), source(&asked.password));
        return Ok(Way { target, credentials, token_source, password_source, pin, warnings });
    }
    let (tokens, passwords) = chains(target.source(), given.config);
    let mut pick = |chain: &[Holder]| first(chain, given, &mut warnings);
    let token = pick(&tokens)?;
    let password = pick(&passwords)?;
    let (token, token_source) = token.unzip();
    let (password, password_source) = password.unzip();
    let credentials = Credentials { token, password, bootstrap_token: None };
    Ok(Way { target, credentials, token_source, password_source, pin, warnings })
}

/// CRED-4, the row of a probe: `gateway.remote.url` in any mode, with its own secrets, or without any with those of the
/// environment; never with those of this host.
pub(crate) fn configured_remote(given: Given<'_>) -> Result<Option<Way>, NoWay> {
    let remote = &given.config.gateway.remote;
    let Some(url) = remote.url.as_deref().filter(|url| !url.trim().is_empty()) else { return Ok(None) };
    let target = Target::parse(url, Source::ConfigRemote)?;
    let written = remote.tls_fingerprint.as_deref().filter(|text| !text.trim().is_empty() && target.is_tls());
    let pin = written.map(str::parse::<Pin>).transpose().map_err(NoWay::Pin)?.map(|pin| (pin, PinSource::Config));
    let has_own = remote.token.is_some() || remote.password.is_some();
    let (tokens, passwords) =
        if has_own { (Holder::RemoteToken, Holder::RemotePassword) } else { (Holder::EnvToken, Holder::EnvPassword) };
    let mut warnings = Vec::new();
    let (token, token_source) = first(&[tokens], given, &mut warnings)?.unzip();
    let (password, password_source) = first(&[passwords], given, &mut warnings)?.unzip();
    let credentials = Credentials { token, password, bootstrap_token: None };
    Ok(Some(Way { target, credentials, token_source, password_source, pin, warnings }))
}

/// CRED-1.
fn target(asked: &Asked, given: Given<'_>, warnings: &mut Vec<String>) -> Result<Target, NoWay> {
    let gateway = &given.config.gateway;
    let local = |source| {
        let overrides = config::StartOverrides { port: asked.port, ..Default::default() };
        let port = config::effective_port(given.config, &overrides, given.env, given.profile_port);
        match gateway.tls.enabled {
            true => Target::parse(&format!("wss://127.0.0.1:{port}"), source),
            false => Ok(Target::loopback(port, source)),
        }
    };
    if let Some(url) = &asked.url {
        return Ok(Target::parse(url, Source::Flag)?);
    }
    if asked.port.is_some() {
        return Ok(local(Source::PortFlag)?);
    }
    if let Some(url) = given.env.get("GATEWAY_URL") {
        return Ok(Target::parse(&url, Source::Env)?);
    }
    if gateway.mode != Some(Mode::Remote) {
        return Ok(local(Source::LocalLoopback)?);
    }
    if let Some(url) = gateway.remote.url.as_deref().filter(|url| !url.trim().is_empty()) {
        return Ok(Target::parse(url, Source::ConfigRemote)?);
    }
    if !given.is_report {
        return Err(NoWay::RemoteUrlMissing);
    }
    warnings.push(NoWay::RemoteUrlMissing.to_string());
    Ok(local(Source::MissingRemoteUrl)?)
}

/// TLS-8: a pin is for the target it was written down for, and for no other.
fn pin(asked: &Asked, given: Given<'_>, target: &Target) -> Result<Option<(Pin, PinSource)>, NoWay> {
    let gateway = &given.config.gateway;
    let pin = match target.source() {
        _ if asked.tls_fingerprint.is_some() => asked.tls_fingerprint.map(|pin| (pin, PinSource::Flag)),
        Source::ConfigRemote | Source::SshConfig(_) | Source::Env if gateway.mode == Some(Mode::Remote) => {
            let written = gateway.remote.tls_fingerprint.as_deref().filter(|text| !text.trim().is_empty());
            let pin = written.map(str::parse::<Pin>).transpose().map_err(NoWay::Pin)?;
            pin.map(|pin| (pin, PinSource::Config))
        }
        Source::LocalLoopback | Source::PortFlag | Source::MissingRemoteUrl if gateway.tls.enabled => {
            given.local_pin.map(|pin| (pin, PinSource::LocalFile))
        }
        _ => None,
    };
    if pin.is_some() && !target.is_tls() {
        return Err(NoWay::PinNeedsTls);
    }
    Ok(pin)
}

/// A place a secret may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    AuthToken,
    AuthPassword,
    RemoteToken,
    RemotePassword,
    EnvToken,
    EnvPassword,
    RunToken,
}

/// CRED-4, row by row: where to look for the token and for the password, in order.
fn chains(source: &Source, config: &Config) -> (Vec<Holder>, Vec<Holder>) {
    use Holder::{AuthPassword, AuthToken, EnvPassword, EnvToken, RemotePassword, RemoteToken, RunToken};
    let auth = &config.gateway.auth;
    let written = |path: &str, value: &Option<Secret>| value.is_some() || config.secrets.check(path).is_err();
    let token_written = written("gateway.auth.token", &auth.token);
    let password_written = written("gateway.auth.password", &auth.password);
    match source {
        Source::Flag | Source::SshFlag(_) | Source::NodeHost => (Vec::new(), Vec::new()),
        Source::Env => (vec![EnvToken], vec![EnvPassword]),
        Source::PortFlag => (vec![AuthToken, EnvToken], vec![AuthPassword, EnvPassword]),
        Source::ConfigRemote | Source::SshConfig(_) => {
            (vec![RemoteToken, EnvToken, AuthToken], vec![EnvPassword, RemotePassword, AuthPassword])
        }
        Source::LocalLoopback | Source::MissingRemoteUrl => {
            let mut tokens = vec![AuthToken, EnvToken, RunToken];
            let mut passwords = vec![AuthPassword, EnvPassword];
            if !token_written {
                tokens.push(RemoteToken);
            }
            if !password_written && auth.mode != Some(AuthMode::TrustedProxy) {
                passwords.push(RemotePassword);
            }
            (tokens, passwords)
        }
    }
}

/// The first secret of a chain. A reference that cannot be resolved ends the search (CRED-7).
fn first(
    chain: &[Holder],
    given: Given<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<(Secret, &'static str)>, NoWay> {
    let gateway = &given.config.gateway;
    let of_env = |name| given.env.get(name).map(Secret::new);
    for place in chain {
        let (source, value) = match place {
            Holder::AuthToken => ("gateway.auth.token", gateway.auth.token.clone()),
            Holder::AuthPassword => ("gateway.auth.password", gateway.auth.password.clone()),
            Holder::RemoteToken => ("gateway.remote.token", gateway.remote.token.clone()),
            Holder::RemotePassword => ("gateway.remote.password", gateway.remote.password.clone()),
            Holder::EnvToken => ("env OPENCLAW_GATEWAY_TOKEN", of_env("GATEWAY_TOKEN")),
            Holder::RunToken => ("this run of the Gateway", given.run_token.cloned()),
            Holder::EnvPassword => ("env OPENCLAW_GATEWAY_PASSWORD", of_env("GATEWAY_PASSWORD")),
        };
        if let Err(unavailable) = given.config.secrets.check(source) {
            if !given.is_report {
                return Err(unavailable.into());
            }
            warnings.push(unavailable.to_string());
            return Ok(None);
        }
        if let Some(secret) = value.as_ref().and_then(usable) {
            return Ok(Some((secret, source)));
        }
    }
    Ok(None)
}

/// CRED-6: trimmed; blank and a `${NAME}` nobody substituted are no secret.
pub(crate) fn usable(secret: &Secret) -> Option<Secret> {
    let text = secret.expose().trim();
    let unsubstituted = text.starts_with("${") && text.ends_with('}');
    (!text.is_empty() && !unsubstituted).then(|| Secret::new(text))
}

/// Which Gateway a failure or report is about (CRED-10); nothing in it is secret.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where it listens; behind SSH on the far loopback.
    pub(crate) url: String,
    /// The way there in a word: `direct`, `unix` or `ssh`.
    pub(crate) transport: &'static str,
    /// The same for people.
    pub(crate) shown: String,
    pub(crate) source: String,
    pub(crate) config: String,
    pub(crate) bind: Option<String>,
}

impl Place {
    pub(crate) fn of(target: &Target, config: &str) -> Self {
        let (url, source) = (link::shown(target.url()), target.source().to_string());
        let (transport, shown) = (target.transport(), target.to_string());
        Self { url, transport, shown, source, config: config.to_owned(), bind: None }
    }

    /// The block of CRED-10.
    pub(crate) fn lines(&self) -> Vec<String> {
        let bind = self.bind.iter().map(|bind| format!("Bind: {bind}"));
        let head = [
            format!("Gateway target: {}", self.shown),
            format!("Source: {}", self.source),
            format!("Config: {}", self.config),
        ];
        head.into_iter().chain(bind).collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"url": self.url, "source": self.source, "transport": self.transport})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let loaded = config::load_text(text, std::path::Path::new("/c/openclaw.json"), &Env::default());
        (*loaded.unwrap().config).clone()
    }

    fn lower(config: &Config, env: &[(&str, &str)], asked: Asked) -> Result<Way, NoWay> {
        let env = Env::of(env.iter().copied());
        let (local_pin, run_token) = (Some(local_pin()), None);
        way(&asked, Given { config, env: &env, profile_port: 18789, run_token, local_pin, is_report: false })
    }

    fn local_pin() -> Pin {
        Pin::of_der(b"the certificate of this host")
    }

    fn shown(config: &Config, env: &[(&str, &str)]) -> (String, Option<String>, Option<String>) {
        let way = lower(config, env, Asked::default()).unwrap();
        let text = |secret: Option<Secret>| secret.map(|secret| secret.expose().to_owned());
        (way.target.to_string(), text(way.credentials.token), text(way.credentials.password))
    }

    const ENV: [(&str, &str); 2] = [("OPENCLAW_GATEWAY_TOKEN", "et"), ("OPENCLAW_GATEWAY_PASSWORD", "ep")];

    /// CRED-1
    #[test]
    fn the_target_is_flag_then_port_then_env_then_remote_then_this_host() {
        let remote = config(r#"{gateway: {mode: "remote", remote: {url: "ws://10.0.0.9:1"}}}"#);
        let local = config(r#"{gateway: {mode: "local", port: 4000}}"#);
        let token = || Some(Secret::new("t"));
        let url = |config: &Config, env: &[(&str, &str)], asked| lower(config, env, asked).unwrap().target.to_string();
        let env = [("OPENCLAW_GATEWAY_URL", "ws://10.0.0.8:1")];
        let flag = || Asked { url: Some("ws://10.0.0.7:1".into()), token: token(), ..Asked::default() };
        assert_eq!(url(&remote, &env, flag()), "ws://10.0.0.7:1");
        assert_eq!(url(&remote, &env, Asked { port: Some(5), ..Asked::default() }), "ws://127.0.0.1:5");
        assert_eq!(url(&remote, &env, Asked::default()), "ws://10.0.0.8:1");
        assert_eq!(url(&remote, &[], Asked::default()), "ws://10.0.0.9:1");
        assert_eq!(url(&local, &[], Asked::default()), "ws://127.0.0.1:4000");
        assert_eq!(url(&local, &[("OPENCLAW_GATEWAY_PORT", "4001")], Asked::default()), "ws://127.0.0.1:4001");
        assert_eq!(url(&Config::default(), &[], Asked::default()), "ws://127.0.0.1:18789");
        let both = Asked { port: Some(5), ..flag() };
        assert!(matches!(lower(&local, &[], both), Err(NoWay::PortAndUrl)));
    }

    /// CRED-2, CLI-3
    #[test]
    fn a_url_never_gets_what_config_or_environment_hold() {
        let full = config(r#"{gateway: {auth: {token: "at"}, remote: {token: "rt"}}}"#);
        let asked = || Asked { url: Some("ws://10.0.0.7:1".into()), ..Asked::default() };
        let error = lower(&full, &ENV, asked()).unwrap_err();
        assert!(matches!(error, NoWay::CredentialsRequired));
        assert_eq!(error.kind().exit_code(), 4);
        assert!(error.to_string().contains("--token or --password"));
        let way = lower(&full, &ENV, Asked { password: Some(Secret::new("p")), ..asked() }).unwrap();
        assert!(way.credentials.token.is_none());
    }

    /// CRED-4, cell by cell.
    #[test]
    fn implicit_secrets_follow_the_table() {
        let some = |text: &str| Some(text.to_owned());
        let auth = r#"auth: {mode: "token", token: "at", password: "ap"}"#;
        let remote = r#"remote: {url: "ws://10.0.0.9:1", token: "rt", password: "rp"}"#;
        let case = |mode: &str, parts: &[&str], env: &[(&str, &str)]| {
            let (_, token, password) =
                shown(&config(&format!("{{gateway: {{mode: '{mode}', {}}}}}", parts.join(","))), env);
            (token, password)
        };
        assert_eq!(case("local", &[auth, remote], &ENV), (some("at"), some("ap")));
        assert_eq!(case("local", &[remote], &ENV), (some("et"), some("ep")));
        assert_eq!(case("local", &[remote], &[]), (some("rt"), some("rp")));
        assert_eq!(case("local", &["auth: {token: 'at'}", remote], &[]), (some("at"), some("rp")));
        assert_eq!(case("local", &["auth: {token: ' '}"], &ENV[..1]), (some("et"), None));
        assert_eq!(case("remote", &[auth, remote], &ENV), (some("rt"), some("ep")));
        assert_eq!(case("remote", &[auth, "remote: {url: 'ws://10.0.0.9:1'}"], &ENV), (some("et"), some("ep")));
        assert_eq!(case("remote", &[auth, "remote: {url: 'ws://10.0.0.9:1'}"], &[]), (some("at"), some("ap")));
        assert_eq!(case("remote", &[auth, remote], &[]), (some("rt"), some("rp")));
        let url = [("OPENCLAW_GATEWAY_URL", "ws://10.0.0.8:1")];
        assert_eq!(case("local", &[auth, remote], &url), (None, None));
        let url_and_token = [url[0], ENV[0]];
        assert_eq!(case("remote", &[auth, remote], &url_and_token), (some("et"), None));
    }

    /// CRED-4: in trusted-proxy mode the remote password is never shown to this host.
    #[test]
    fn a_proxy_mode_gateway_never_sees_the_remote_password() {
        let text = r#"{gateway: {mode: "local", trustedProxies: ["10.0.0.1"], remote: {password: "rp"},
            auth: {mode: "trusted-proxy", trustedProxy: {userHeader: "x-user"}}}}"#;
        assert_eq!(shown(&config(text), &[]).2, None);
    }

    /// CRED-4, CRED-2: the configured SSH host gets the row of remote mode; a host named by flag gets nothing that was
    /// meant for another.
    #[test]
    fn an_ssh_host_gets_the_secrets_of_the_config_only_when_the_config_names_it() {
        let text = r#"{gateway: {mode: "remote", remote: {sshTarget: "me@far", token: "rt"}, auth: {password: "ap"}}}"#;
        let config = config(text);
        let secrets = |ssh: Option<&str>| {
            let ssh = SshFlags { ssh: ssh.map(str::to_owned), ..SshFlags::default() };
            let way = lower(&config, &ENV, Asked { ssh, ..Asked::default() }).unwrap();
            (way.token_source, way.password_source)
        };
        let remote = (Some("gateway.remote.token"), Some("env OPENCLAW_GATEWAY_PASSWORD"));
        assert_eq!(secrets(None), remote);
        assert_eq!(secrets(Some("")), remote);
        assert_eq!(secrets(Some("me@far")), remote);
        assert_eq!(secrets(Some("me@other")), (None, None));
    }

    /// CRED-5
    #[test]
    fn an_explicit_secret_switches_off_both_fallbacks() {
        let full = config(r#"{gateway: {auth: {mode: "token", token: "at", password: "ap"}}}"#);
        let way = lower(&full, &ENV, Asked { token: Some(Secret::new("x")), ..Asked::default() }).unwrap();
        assert_eq!(way.credentials.token.unwrap().expose(), "x");
        assert!(way.credentials.password.is_none());
        assert_eq!(way.token_source, Some("command line"));
    }

    /// CRED-6
    #[test]
    fn blank_and_unsubstituted_are_no_secret() {
        for (text, good) in [(" t ", true), ("", false), ("  ", false), ("${TOKEN}", false), ("a${b}", true)] {
            assert_eq!(usable(&Secret::new(text)).is_some(), good, "{text:?}");
        }
    }

    /// CRED-7
    #[test]
    fn a_reference_that_cannot_be_resolved_is_not_masked_by_another_secret() {
        let text = r#"{gateway: {auth: {token: {source: "env", id: "NOT_SET_HERE"}}}}"#;
        let config = config(text);
        let error = lower(&config, &ENV, Asked::default()).unwrap_err();
        assert_eq!(error.code().0, "GATEWAY_SECRET_REF_UNAVAILABLE");
        let env = Env::of(ENV);
        let (local_pin, run_token) = (None, None);
        let given = Given { config: &config, env: &env, profile_port: 1, run_token, local_pin, is_report: true };
        let way = way(&Asked::default(), given).unwrap();
        assert!(way.credentials.token.is_none());
        assert_eq!(way.warnings.len(), 1);
    }

    /// CRED-8
    #[test]
    fn remote_mode_without_a_url_fails_for_commands_and_is_a_warning_for_reports() {
        let config = config(r#"{gateway: {mode: "remote"}}"#);
        let error = lower(&config, &[], Asked::default()).unwrap_err();
        assert!(error.to_string().contains("gateway remote mode misconfigured: gateway.remote.url missing"));
        let env = Env::default();
        let (local_pin, run_token) = (None, None);
        let given = Given { config: &config, env: &env, profile_port: 18789, run_token, local_pin, is_report: true };
        let way = way(&Asked::default(), given).unwrap();
        assert_eq!(way.target.source().as_str(), "missing gateway.remote.url (fallback local)");
        assert_eq!(way.warnings.len(), 1);
    }
    /// TLS-8, row by row; TLS-1
    #[test]
    fn a_pin_is_for_the_target_it_was_written_for() {
        let written = Pin::of_der(b"written down");
        let pin_of = |text: &str, env: &[(&str, &str)], asked: Asked| {
            lower(&config(text), env, asked).map(|way| way.pin).map_err(|error| error.code().0)
        };
        let remote = format!(
            "{{gateway: {{mode: 'remote', tls: {{enabled: true}}, \
             remote: {{url: 'wss://10.0.0.9:1', tlsFingerprint: 'sha256:{written}'}}}}}}"
        );
        let local = "{gateway: {mode: 'local', tls: {enabled: true}}}";
        let env = [("OPENCLAW_GATEWAY_URL", "wss://10.0.0.8:1")];
        let flag = Pin::of_der(b"flag");
        let with_flag = || Asked { tls_fingerprint: Some(flag), ..Asked::default() };
        let url = || Asked { url: Some("wss://10.0.0.7:1".into()), token: Some(Secret::new("t")), ..Asked::default() };
        let port = || Asked { port: Some(5), ..Asked::default() };
        let by_config = Ok(Some((written, PinSource::Config)));
        let by_file = Ok(Some((local_pin(), PinSource::LocalFile)));
        assert_eq!(pin_of(&remote, &[], Asked::default()), by_config);
        assert_eq!(pin_of(&remote, &env, Asked::default()), by_config);
        assert_eq!(pin_of(&remote, &[], url()), Ok(None), "never carried to --url");
        assert_eq!(pin_of(&remote, &[], port()), by_file);
        assert_eq!(pin_of(local, &[], Asked::default()), by_file);
        assert_eq!(pin_of(local, &env, Asked::default()), Ok(None), "another host");
        assert_eq!(pin_of("{gateway: {mode: 'local'}}", &[], Asked::default()), Ok(None));
        for text in [&*remote, local] {
            assert_eq!(pin_of(text, &[], with_flag()), Ok(Some((flag, PinSource::Flag))));
        }
        let plain = remote.replace("wss://", "ws://");
        assert_eq!(pin_of(&plain, &[], Asked::default()), Err("TLS_PIN_NEEDS_WSS"));
        assert_eq!(
            pin_of(&remote.replace("sha256:", "sha256:ab"), &[], Asked::default()),
            Err("TLS_FINGERPRINT_INVALID")
        );
    }
}
