//! `openclaw gateway install`: the Gateway as a service, running now and after the next boot or login (SVC-1).

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use config::edit::Change;
use config::{Bind, StartOverrides};
use serde_json::json;

use super::install_checks;
use super::report::Done;
use crate::app::App;
use crate::exit::Failure;
use crate::service::spec::Var;
use crate::service::{self, Installed, Linger, Manager, Name, ServiceSpec, State, here, process};

/// Install the Gateway as a service of this user and start it
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Listen on this port [default: what the config says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Put this token into the config first; it never gets into the service
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    token: Option<String>,
    /// Write the definition anew and restart
    #[arg(long)]
    force: bool,
    /// Install without `gateway.mode` in the config
    #[arg(long)]
    pub(super) allow_unconfigured: bool,
    /// Run this program instead; it must end in `exec openclaw "$@"`
    #[arg(long, value_name = "PATH")]
    wrapper: Option<PathBuf>,
    /// A service of the whole machine (root, systemd)
    #[arg(long)]
    system: bool,
    /// Let the services of this user run on after logout
    #[arg(long)]
    linger: bool,
    /// Accepted; there is no runtime to choose
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
    /// Accepted; there is no runtime to choose
    #[arg(long, value_name = "PATH")]
    runtime_path: Option<PathBuf>,
    /// For `up` and `doctor`, who have told already what there is to ask, and want it as it would be written now.
    #[arg(skip)]
    asks_nothing: bool,
}

impl Args {
    /// As `openclaw up` installs it: anew if its definition is another, without a question.
    pub(crate) fn for_up(system: bool) -> Self {
        Self { system, asks_nothing: true, ..Self::default() }
    }
}

/// After which a service that says nothing gets a warning.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

pub(crate) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    install(app, args)?.print(app);
    Ok(())
}

/// Writes the definition of the installed service `before` anew and restarts it. What it was told to run stays: a
/// wrapper, and to do without `gateway.mode`.
pub(crate) fn renew(app: &App, before: &State) -> Result<(), Failure> {
    let program = before.command.first().map(PathBuf::from).filter(|program| program.is_file());
    let is_own = |program: &PathBuf| {
        let named = program.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let own = std::env::current_exe().and_then(std::fs::canonicalize).ok();
        service::is_runtime(named) || std::fs::canonicalize(program).ok() == own
    };
    let args = Args {
        force: true,
        asks_nothing: true,
        allow_unconfigured: before.command.iter().any(|word| word == "--allow-unconfigured"),
        wrapper: program.filter(|program| !is_own(program)),
        ..Args::default()
    };
    install(app, &args).map(drop)
}

/// Installs and starts it; says what was done.
pub(crate) fn install(app: &App, args: &Args) -> Result<Done, Failure> {
    let name = Name::gateway(&app.paths.profile);
    install_checks::environment(app)?;
    if args.system && process::uid() != 0 {
        return Err(Failure::new(
            "SERVICE_NEEDS_ROOT",
            "--system installs a service of the whole machine; that takes root",
        )
        .run("sudo openclaw gateway install --system"));
    }
    if let Some(token) = &args.token {
        keep_token(app, token)?;
    }
    let (spec, port) = spec(app, args, name)?;
    let loaded = install_checks::config(app, &spec, args.allow_unconfigured)?;
    let manager = service::keeper(&app.env, &spec.name, args.system)?;
    let before = manager.state(&spec.name)?;
    install_checks::not_ours(app, &before, args.force)?;
    base::ensure_private_dir(&app.paths.logs())
        .map_err(|error| Failure::new("STATE_DIR_UNWRITABLE", format!("`{}`: {error}", app.paths.logs().display())))?;
    let installed = service::install(&*manager, &spec, args.force || args.asks_nothing)?;
    let mut done = said(app, installed, port, &*manager);
    if !process::wait(ANSWERS_WITHIN, || Ok(process::running(&app.paths)?.is_some()))? {
        done = done
            .warn("the service has been started, but no Gateway has taken its state folder yet")
            .hint("openclaw logs");
    }
    if args.runtime.is_some() || args.runtime_path.is_some() {
        done = done.warn("--runtime and --runtime-path are ignored: openclaw is one program");
    }
    let of_config = config::effective_port(&loaded.config, &<_>::default(), &app.env, app.paths.profile.default_port());
    if of_config != port {
        let warning = format!("the service listens on port {port}, but commands look at port {of_config}");
        done = done.warn(warning).hint(format!("openclaw config set gateway.port {port}"));
    }
    if args.asks_nothing {
        return Ok(lingering(&*manager, done));
    }
    linger(app, args.linger, &*manager, done)
}

fn said(app: &App, installed: Installed, port: u16, manager: &dyn Manager) -> Done {
    let label = manager.label();
    let done = match installed {
        Installed::Fresh => {
            Done::new("install", "installed", format!("installed and started ({label}) on port {port}"))
        }
        Installed::Already => {
            Done::new("install", "already-installed", format!("already installed ({label}), and running"))
        }
        Installed::Differs => {
            Done::new("install", "already-installed", format!("already installed ({label}), and running"))
                .warn("its definition is not what would be written now")
                .hint("openclaw gateway install --force")
        }
    };
    let profile = app.paths.profile.name().map_or_else(String::new, |name| format!(" --profile {name}"));
    done.hint(format!("openclaw{profile} gateway status"))
}

/// SVC-2: without lingering a service of a user ends with the last logout.
pub(in crate::cmd) fn linger(app: &App, is_wanted: bool, manager: &dyn Manager, done: Done) -> Result<Done, Failure> {
    let Linger::Off(user) = manager.linger() else { return Ok(done) };
    let asks = !app.out.json && app.out.is_terminal && std::io::stdin().is_terminal();
    let question = format!("Services of {user} stop at logout. Let them run on (loginctl enable-linger)?");
    let wanted = is_wanted || asks && inquire::Confirm::new(&question).with_default(true).prompt().unwrap_or(false);
    if !wanted {
        let warning = format!("lingering is off: the service stops when {user} logs out");
        return Ok(done.warn(warning).hint(format!("loginctl enable-linger {user}")));
    }
    manager.enable_linger()?;
    Ok(done)
}

/// The same without a question; a system that forbids it is no reason to have no service.
fn lingering(manager: &dyn Manager, done: Done) -> Done {
    let Linger::Off(user) = manager.linger() else { return done };
    match manager.enable_linger() {
        Ok(()) => done,
        Err(error) => done.warn(format!("the service stops when {user} logs out: {error}")),
    }
}

/// `--token`: into the config, which is 0600, and nowhere else.
fn keep_token(app: &App, token: &str) -> Result<(), Failure> {
    let loaded = config::load(app.config_file(), &app.env)?;
    let patch = json!({"gateway": {"auth": {"mode": "token", "token": token}}});
    config::edit::apply(app.config_file(), &app.env, loaded.hash.as_deref(), Change::MergePatch(patch))?;
    Ok(())
}

/// What the service of this profile shall be, and its port.
fn spec(app: &App, args: &Args, name: Name) -> Result<(ServiceSpec, u16), Failure> {
    let loaded = config::load(app.config_file(), &app.env)?;
    let overrides =
        StartOverrides { port: args.port, in_container: config::in_container(&app.env), ..StartOverrides::default() };
    let port = config::effective_port(&loaded.config, &overrides, &app.env, app.paths.profile.default_port());
    let mut env = here::env(app);
    env.extend(args.system.then(|| Var::Home(app.paths.home.clone())));
    let mut words: Vec<String> = ["gateway", "run", "--port", &port.to_string()].map(str::to_owned).into();
    words.extend(args.allow_unconfigured.then(|| "--allow-unconfigured".into()));
    let spec = ServiceSpec {
        name,
        program: program(app, args)?,
        args: words,
        env,
        state_dir: app.paths.state_dir.clone(),
        listen: listen(config::effective_bind(&loaded.config, &overrides), port),
    };
    Ok((spec, port))
}

/// Addresses that are known before the Gateway runs; a tailnet's come and go, and are its own to bind.
fn listen(bind: Bind, port: u16) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    match bind {
        Bind::Loopback => {
            addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            // Where there is no IPv6, a socket unit that wants it would fail.
            let has_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
            addresses.extend(has_v6.then(|| SocketAddr::from((Ipv6Addr::LOCALHOST, port))));
        }
        Bind::Lan => addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        Bind::Tailnet | Bind::Auto | Bind::Custom => {}
    }
    addresses
}

fn program(app: &App, args: &Args) -> Result<PathBuf, Failure> {
    let Some(wrapper) = &args.wrapper else { return here::program(app) };
    let found = std::fs::canonicalize(wrapper).ok().filter(|path| path.is_file());
    found.ok_or_else(|| Failure::usage(format!("--wrapper `{}` is no file", wrapper.display())))
}
