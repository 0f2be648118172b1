//! `openclaw node install`: joins first, so that the service needs no secret of this shell, then writes the unit.

use std::time::{Duration, Instant};

use base::Explain as _;
use link::DialError;

use super::{installed, labels};
use crate::app::App;
use crate::args::seconds;
use crate::cmd::gateway::install::linger;
use crate::cmd::gateway::install_checks;
use crate::cmd::gateway::report::Done;
use crate::cmd::node::host::{self, Offer};
use crate::cmd::node::kept::Kept;
use crate::cmd::node::pair;
use crate::cmd::node::place::{self, Chosen, Place};
use crate::exit::Failure;
use crate::rpc::{self, block_on};
use crate::service::process::wait;
use crate::service::spec::Var;
use crate::service::{self, Installed, Name, ServiceSpec, here};

/// Keep the node host running as a service of this user
#[derive(Debug, Default, clap::Args)]
pub(in crate::cmd::node) struct Args {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    offer: Offer,
    /// Write the definition anew and restart
    #[arg(long)]
    force: bool,
    /// Let the services of this user run on after logout
    #[arg(long)]
    linger: bool,
    /// How long to wait for its owner to let this machine in
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "5m")]
    wait: Duration,
    /// Accepted; there is no runtime to choose
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
}

/// From the manager's word to a process.
const RUNS_WITHIN: Duration = Duration::from_secs(10);
/// How often to ask whether somebody has said yes.
const ASKS_EVERY: Duration = Duration::from_secs(2);

pub(in crate::cmd::node) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    install_checks::environment(app)?;
    let kept = args.offer.over(Kept::read(app)?)?;
    let is_there = installed(app)?.is_some_and(|(_, state)| state.running);
    if !is_there || args.force {
        let chosen = pair::by_login(app, place::choose(app, &args.place, &kept)?, &kept)?;
        let_in(app, &chosen, &kept, args.wait)?;
        host::keep(app, &kept, chosen.keep);
    }
    let done = install(app, args.force, args.linger)?;
    match args.runtime {
        Some(_) => done.warn("--runtime is ignored: openclaw is one program"),
        None => done,
    }
    .print_with(app, &about(app)?);
    Ok(())
}

/// The service itself; this machine has been let in by then.
pub(in crate::cmd::node) fn install(app: &App, force: bool, wants_linger: bool) -> Result<Done, Failure> {
    install_checks::environment(app)?;
    let name = Name::node(&app.paths.profile);
    let manager = service::keeper(&app.env, &name, false)?;
    let logs = app.paths.logs();
    base::ensure_private_dir(&logs)
        .map_err(|error| Failure::new("STATE_DIR_UNWRITABLE", format!("`{}`: {error}", logs.display())))?;
    let spec = spec(app, name.clone())?;
    let label = manager.label();
    let mut done = match service::install(&*manager, &spec, force)? {
        Installed::Fresh => {
            Done::new("install", "installed", format!("the node host is installed and started ({label})"))
        }
        Installed::Already => {
            Done::new("install", "already-installed", format!("already installed ({label}), and running"))
        }
        Installed::Differs => {
            Done::new("install", "already-installed", format!("already installed ({label}), and running"))
                .warn("its definition is not what would be written now")
                .hint("openclaw node install --force")
        }
    };
    if !wait(RUNS_WITHIN, || Ok(manager.state(&name)?.running))? {
        done = done.warn("the service has been started, but it does not run");
    }
    linger(app, wants_linger, &*manager, done.hint("openclaw node status"))
}

pub(in crate::cmd::node) fn about(app: &App) -> Result<serde_json::Value, Failure> {
    let name = Name::node(&app.paths.profile);
    let manager = service::keeper(&app.env, &name, false)?;
    let state = manager.state(&name)?;
    Ok(labels(&*manager, Some(&state)))
}

/// Connects once, so that this device has a token of its own: a service has none of this shell's secrets. A Gateway that
/// is away now is waited for by the service, if that will have something to show.
fn let_in(app: &App, chosen: &Chosen, kept: &Kept, patience: Duration) -> Result<(), Failure> {
    let place = rpc::place(app, &chosen.way);
    let of_this_shell = |source: Option<&str>| source.is_some_and(|source| source.starts_with("gateway."));
    let lasts = of_this_shell(chosen.way.token_source) || of_this_shell(chosen.way.password_source);
    let has_token = chosen.way.credentials.is_empty();
    let until = Instant::now() + patience;
    let mut asked = None;
    let options = host::options(chosen, kept)?;
    loop {
        let outcome: Result<(), DialError> = block_on(async { Ok(::node::enrol(&options).await) })?;
        let Err(error) = outcome else { return Ok(()) };
        let failure = Failure::dial(&error).at(&place);
        if error.code().0 == "PAIRING_REQUIRED" && Instant::now() < until {
            let request = error.next().first().map(|step| step.text().to_owned());
            if request != asked {
                say(app, request.as_deref());
                asked = request;
            }
            std::thread::sleep(ASKS_EVERY);
        } else if failure.is_unreachable() && (lasts || has_token) {
            app.out.warn(&format!("{}; the service goes on trying", failure.message));
            return Ok(());
        } else {
            return Err(failure);
        }
    }
}

fn say(app: &App, request: Option<&str>) {
    app.out.note("The Gateway wants its owner to let this machine in. There:");
    app.out.note(&format!("  {}", request.unwrap_or("openclaw devices list")));
    app.out.note("Waiting for that; Ctrl-C gives up, and nothing is installed.");
}

fn spec(app: &App, name: Name) -> Result<ServiceSpec, Failure> {
    let mut env = here::env(app);
    env.extend(app.env.get("SSH_CONFIG").map(|path| Var::SshConfig(path.into())));
    Ok(ServiceSpec {
        name,
        program: here::program(app)?,
        args: ["node", "run"].map(str::to_owned).into(),
        env,
        state_dir: app.paths.state_dir.clone(),
        listen: Vec::new(),
    })
}
