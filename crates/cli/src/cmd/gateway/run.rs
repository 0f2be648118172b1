//! `openclaw gateway run`: the daemon in the foreground (START-1…6, ENV-3, ENV-4).
//!
//! Refusals a restart cannot mend exit with 78, other start failures with 1, a clean stop with 0 (START-2).

use std::io::IsTerminal as _;
use std::path::PathBuf;

use base::Secret;
use clap::ValueEnum;
use config::{AuthMode, Bind, StartOverrides, TailscaleMode};
use serde_json::json;

use super::exposure;
use crate::app::App;
use crate::args::LogLevel;
use crate::cmd::setup;
use crate::cred::usable;
use crate::exit::Failure;

/// Run the Gateway in the foreground
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Flags {
    /// Listen on this port; 0 lets the system choose
    #[arg(long, value_parser = port)]
    port: Option<u16>,
    /// Which addresses to listen on
    #[arg(long, value_enum, value_name = "MODE")]
    bind: Option<BindFlag>,
    /// How clients prove themselves
    #[arg(long, value_enum, value_name = "MODE")]
    auth: Option<AuthFlag>,
    /// The shared token of this run
    #[arg(long, allow_hyphen_values = true)]
    token: Option<String>,
    /// The shared password of this run
    #[arg(long, allow_hyphen_values = true)]
    password: Option<String>,
    /// Read the shared password from this file
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// Put the Gateway on the tailnet
    #[arg(long, value_enum, value_name = "MODE")]
    tailscale: Option<TailscaleFlag>,
    /// Accepted; leaving always cleans up
    #[arg(long, hide = true)]
    tailscale_reset_on_exit: bool,
    /// Start without `gateway.mode` in the config
    #[arg(long)]
    allow_unconfigured: bool,
    /// Free the port first if a Gateway of ours holds it
    #[arg(long)]
    force: bool,
    /// Log more on stderr
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    idle: Idle,
    /// With --dev: start from nothing
    #[arg(long)]
    reset: bool,
}

/// Flags of the original's that start lines and units carry. They are taken, so that such a line keeps working, and
/// answered with one remark each; `--help` does not offer what has no effect.
#[derive(Debug, Clone, Default, clap::Args)]
struct Idle {
    #[arg(long, value_enum, value_name = "STYLE", hide = true)]
    ws_log: Option<WsLog>,
    #[arg(long, hide = true)]
    compact: bool,
    #[arg(long, hide = true)]
    raw_stream: bool,
    #[arg(long, value_name = "FILE", hide = true)]
    raw_stream_path: Option<PathBuf>,
    #[arg(long, alias = "claude-cli-logs", hide = true)]
    cli_backend_logs: bool,
    #[arg(long, hide = true)]
    ambient_channels: bool,
}

impl Idle {
    /// What to say about each that was given.
    fn remarks(&self, tailscale_reset_on_exit: bool) -> Vec<&'static str> {
        let said = [
            (tailscale_reset_on_exit, "--tailscale-reset-on-exit: leaving always takes down what was put up"),
            (
                self.ws_log.is_some() || self.compact,
                "--ws-log, --compact: traffic is logged one way only; see --log-level",
            ),
            (
                self.raw_stream || self.raw_stream_path.is_some(),
                "--raw-stream: the raw stream of a model is not written anywhere",
            ),
            (self.cli_backend_logs, "--cli-backend-logs: models are reached over HTTP, no program is run for them"),
            (self.ambient_channels, "--ambient-channels: only what the config names is started"),
        ];
        said.into_iter().filter(|(given, _)| *given).map(|(_, remark)| remark).collect()
    }
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("Invalid port `{text}`: a number from 1 to 65535, or 0"))
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BindFlag {
    Loopback,
    Lan,
    Tailnet,
    Auto,
    Custom,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AuthFlag {
    None,
    Token,
    Password,
    TrustedProxy,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TailscaleFlag {
    Off,
    Serve,
    Funnel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WsLog {
    Auto,
    Full,
    Compact,
}

impl Flags {
    /// Whether a person at a terminal is told in a few lines what the log says in many; `--verbose` asks for the many.
    fn has_banner(&self) -> bool {
        !self.verbose && std::io::stderr().is_terminal()
    }

    /// What the flags say over the config (ENV-4).
    fn overrides(&self, app: &App) -> Result<StartOverrides, Failure> {
        let password = match (&self.password, &self.password_file) {
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file);
                Some(text.map_err(|e| Failure::usage(format!("--password-file `{}`: {e}", file.display())))?)
            }
            (given, _) => given.clone(),
        };
        let secret = |text: Option<&String>| text.map(Secret::new).as_ref().and_then(usable);
        Ok(StartOverrides {
            bind: self.bind.map(BindFlag::mode),
            auth_mode: self.auth.map(AuthFlag::mode),
            tailscale: self.tailscale.map(TailscaleFlag::mode),
            token: secret(self.token.as_ref()),
            password: secret(password.as_ref()),
            port: self.port,
            in_container: config::in_container(&app.env),
        })
    }
}

impl BindFlag {
    const fn mode(self) -> Bind {
        match self {
            Self::Loopback => Bind::Loopback,
            Self::Lan => Bind::Lan,
            Self::Tailnet => Bind::Tailnet,
            Self::Auto => Bind::Auto,
            Self::Custom => Bind::Custom,
        }
    }
}

impl AuthFlag {
    const fn mode(self) -> AuthMode {
        match self {
            Self::None => AuthMode::None,
            Self::Token => AuthMode::Token,
            Self::Password => AuthMode::Password,
            Self::TrustedProxy => AuthMode::TrustedProxy,
        }
    }
}

impl TailscaleFlag {
    const fn mode(self) -> TailscaleMode {
        match self {
            Self::Off => TailscaleMode::Off,
            Self::Serve => TailscaleMode::Serve,
            Self::Funnel => TailscaleMode::Funnel,
        }
    }
}

pub(super) fn run(app: &App, flags: &Flags) -> Result<(), Failure> {
    // Tokens and keys come in by the environment; the programs an agent runs must not read them there.
    base::shield_process().map_err(|error| Failure::new("SHIELD", format!("cannot shield the process: {error}")))?;
    if flags.reset {
        if !app.dev {
            return Err(Failure::usage("Use --reset with --dev").run("openclaw --dev gateway run --reset"));
        }
        setup::wipe_dev(app)?;
    }
    if app.dev && !app.config_file().exists() {
        setup::create(app, &setup::Wanted::default())?;
    }
    flags
        .idle
        .remarks(flags.tailscale_reset_on_exit)
        .iter()
        .for_each(|remark| app.out.note(&format!("note: {remark}")));
    let overrides = flags.overrides(app)?;
    let loaded = app.config()?;
    // Before the log is opened, so that a refusal leaves no trace; the daemon holds the same rules.
    config::may_start(loaded, flags.allow_unconfigured)?;
    if let Some(first) = config::refusals(&loaded.config, &overrides, &app.env).into_iter().next() {
        return Err(first.into());
    }
    if flags.force {
        let port = config::effective_port(&loaded.config, &overrides, &app.env, app.paths.profile.default_port());
        free_port(app, port)?;
    }
    let asked = app.log_level;
    let level = match asked.and_then(LogLevel::level) {
        _ if flags.verbose => tracing::Level::DEBUG,
        // The file keeps what an owner needs afterwards, however quiet the terminal is asked to be.
        Some(level) => level.max(tracing::Level::INFO),
        None => tracing::Level::INFO,
    };
    let console = match asked {
        _ if flags.verbose => Some(level),
        Some(asked) => asked.level(),
        None if flags.has_banner() => Some(tracing::Level::WARN),
        None => Some(level),
    };
    let folder = app.paths.logs();
    let options = base::log::LogOptions { folder: Some(folder.clone()), file_level: level, console_level: console };
    base::log::init(&options)
        .map_err(|error| Failure::new("LOG_UNWRITABLE", format!("`{}`: {error}", folder.display())))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new("RUNTIME", format!("cannot start: {error}")))?;
    runtime.block_on(serve(app, flags, &overrides))
}

#[cfg(unix)]
use super::force::free as free_port;

#[cfg(not(unix))]
fn free_port(_: &App, _: u16) -> Result<(), Failure> {
    Err(Failure::not_built("--force on this system"))
}

/// One Gateway after another, until the process is asked to stop.
async fn serve(app: &App, flags: &Flags, overrides: &StartOverrides) -> Result<(), Failure> {
    // Asked for before anything listens, so that a signal in the first moment is not lost.
    let mut signals = Signals::listen().map_err(|error| Failure::new("SIGNALS", error.to_string()))?;
    // A system-chosen port is chosen once; clients that were told to come back look there.
    let mut port = flags.port;
    loop {
        let running = gateway::Gateway::start(gateway::Options {
            paths: app.paths.clone(),
            env: app.env.clone(),
            config: config::load(app.config_file(), &app.env)?,
            overrides: overrides.clone(),
            port,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            allow_unconfigured: flags.allow_unconfigured,
            limits: gateway::Limits::of(&app.env),
        })
        .await
        .map_err(|error| Failure::of(&error))?;
        announce(app, &running.announcement, flags.has_banner());
        if running.token.is_some() && flags.has_banner() {
            app.out
                .note("no token is configured: one was made for this run only; `openclaw setup` makes a durable one");
        }
        if flags.port == Some(0) {
            port = running.addresses.first().map(std::net::SocketAddr::port);
        }
        let restart = until_leaving(app, &running, &mut signals).await;
        running.stop(restart).await;
        if !restart {
            return Ok(());
        }
    }
}

/// Serves until the Gateway must stop; whether it comes back.
async fn until_leaving(app: &App, running: &gateway::Running, signals: &mut Signals) -> bool {
    loop {
        let wish = tokio::select! {
            wish = signals.next() => wish,
            () = running.restart_wanted() => return true,
        };
        match wish {
            Wish::Stop => return false,
            Wish::Reload => running.reload(),
            Wish::Restart if may_restart(app) => return true,
            Wish::Restart => {
                tracing::warn!("no restart: commands.restart forbids it, or the config could not be started with");
            }
        }
    }
}

/// Whether `commands.restart` lets a signal restart us, and there is a config to come back with.
fn may_restart(app: &App) -> bool {
    config::load(app.config_file(), &app.env).is_ok_and(|loaded| loaded.config.commands.restart)
}

/// What a signal asks for (SVC-5).
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
    /// SIGUSR2, and SIGUSR1 as in January.
    Restart,
}

/// START-6: where it listens and how to get there. With `--json` a program reads one object on stdout; a person on a
/// terminal reads a banner, and everybody else has the same facts in the log lines.
fn announce(app: &App, said: &gateway::Announcement, banner: bool) {
    if app.out.json {
        app.out.value(&json!({"ok": true, "pid": said.pid, "port": said.port, "urls": said.urls,
            "mode": said.mode, "logFile": said.log_file, "version": said.version,
            "tlsFingerprint": said.tls_fingerprint, "controlUiUrl": said.control_ui_url, "advertisedUrl": said.advertised_url, "ssh": said.ssh_line,
            "tailscale": said.tailscale}));
    } else if banner {
        let whole = !app.env.is_on("HIDE_BANNER");
        banner_lines(said, whole).iter().for_each(|line| app.out.note(line));
    }
}

fn banner_lines(said: &gateway::Announcement, whole: bool) -> Vec<String> {
    let listening = format!("listening on {}", said.urls.join(", "));
    if !whole {
        return vec![listening];
    }
    let fingerprint = said.tls_fingerprint.iter().map(|pin| format!("fingerprint  {pin}"));
    let mut lines = vec![
        format!("{} gateway ({}), pid {}", crate::cmd::version::LINE, said.mode, said.pid),
        listening,
        format!("dashboard    {}", said.control_ui_url),
        format!("logs         {}", said.log_file.display()),
        format!("from afar    {}", said.ssh_line),
    ];
    lines.extend(said.advertised_url.iter().map(|url| format!("elsewhere    {url}")));
    lines.extend(fingerprint);
    lines.extend(exposure::line(&said.tailscale).map(|line| format!("tailscale    {line}")));
    lines.extend(exposure::next(&said.tailscale).map(|next| format!("             {next}")));
    lines
}

/// The signals this process listens to.
#[cfg(unix)]
struct Signals(Vec<(tokio::signal::unix::Signal, Wish)>);

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            (SignalKind::terminate(), Wish::Stop),
            (SignalKind::interrupt(), Wish::Stop),
            (SignalKind::hangup(), Wish::Reload),
            (SignalKind::user_defined1(), Wish::Restart),
            (SignalKind::user_defined2(), Wish::Restart),
        ];
        kinds.into_iter().map(|(kind, wish)| Ok((signal(kind)?, wish))).collect::<std::io::Result<_>>().map(Self)
    }

    async fn next(&mut self) -> Wish {
        std::future::poll_fn(|cx| {
            let heard = self.0.iter_mut().find_map(|(signal, wish)| signal.poll_recv(cx).is_ready().then_some(*wish));
            heard.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await
    }
}

/// The signals this process listens to.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Wish {
        // Without a handler there is nothing to wait for; run until killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Wish::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// START-6, TS-8, TS-10
    #[test]
    fn the_banner_says_where_it_listens_and_how_to_get_there() {
        let said = gateway::Announcement {
            version: "1".into(),
            mode: "local",
            pid: 7,
            port: 18_790,
            urls: vec!["ws://127.0.0.1:18790".into(), "ws://[::1]:18790".into()],
            tls_fingerprint: None,
            log_file: "/s/logs/a.log".into(),
            control_ui_url: "http://127.0.0.1:18790/".into(),
            advertised_url: None,
            ssh_line: "ssh -N -L 18789:127.0.0.1:18790 ann@box".into(),
            tailscale: serde_json::Value::Null,
        };
        let lines = banner_lines(&said, true);
        assert!(lines[0].ends_with("gateway (local), pid 7"), "{lines:?}");
        let rest = [
            "listening on ws://127.0.0.1:18790, ws://[::1]:18790",
            "dashboard    http://127.0.0.1:18790/",
            "logs         /s/logs/a.log",
            "from afar    ssh -N -L 18789:127.0.0.1:18790 ann@box",
        ];
        assert_eq!(lines[1..], rest);
        assert_eq!(banner_lines(&said, false), rest[..1]);
        let with_tls = gateway::Announcement { tls_fingerprint: Some("ab12".into()), ..said.clone() };
        assert_eq!(banner_lines(&with_tls, true).last().unwrap(), "fingerprint  ab12");
        let ends_with = |tailscale: serde_json::Value, last: &[&str]| {
            let lines = banner_lines(&gateway::Announcement { tailscale, ..said.clone() }, true);
            assert_eq!(lines[5..], *last);
        };
        let up = json!({"mode": "serve", "state": "up", "url": "https://box.tail1.ts.net/"});
        ends_with(up, &["tailscale    serve · https://box.tail1.ts.net/"]);
        let error = json!({"code": "X", "message": "tailscale is stopped", "next": ["sudo tailscale up"]});
        let down = json!({"mode": "funnel", "state": "down", "error": error});
        ends_with(down, &["tailscale    funnel · not up: tailscale is stopped [X]", "             sudo tailscale up"]);
    }
}
