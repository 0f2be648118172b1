//! `openclaw tunnel install`: a tunnel as a service of this user, up now and after every login (SSH-15).

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use link::{SshRoute, Target};
use serde_json::json;

use super::down::end;
use super::place::{self, There};
use super::up::{PREFERRED_PORT, taken, through};
use crate::app::App;
use crate::cmd::gateway::install::linger;
use crate::cmd::gateway::install_checks;
use crate::cmd::gateway::report::Done;
use crate::exit::Failure;
use crate::rpc::block_on;
use crate::service::process::wait;
use crate::service::spec::Var;
use crate::service::{self, Installed, Manager, Name, ServiceSpec, here};
use crate::tunnel::{Near, Record, Records, ready};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    there: There,
    /// The port here [default: 18789]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    local_port: Option<u16>,
    /// Write the definition anew and restart
    #[arg(long)]
    force: bool,
    /// Let the services of this user run on after logout
    #[arg(long)]
    linger: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// From the manager's word that it runs to its record.
const COMES_UP_WITHIN: Duration = Duration::from_secs(15);
/// Hand-made agents that kept a tunnel before.
const LEFTOVERS: [&str; 2] = ["com.openclaw.ssh-tunnel.plist", "ai.openclaw.ssh-tunnel.plist"];

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    install_checks::environment(app)?;
    let target = args.there.target(app)?;
    let Some(route) = target.ssh() else { return Err(Failure::usage("a tunnel goes through SSH")) };
    let port = args.local_port.unwrap_or(PREFERRED_PORT);
    let spec = spec(app, route, target.port(), port)?;
    let manager = service::keeper(&app.env, &spec.name, false)?;
    if args.dry_run {
        show(app, &*manager, &spec);
        return Ok(());
    }
    let records = Records::of(&app.paths)?;
    let _turn = records.turn()?;
    let is_installed = manager.state(&spec.name)?.installed;
    make_room(&records, port, is_installed, &route.target.to_string(), target.port())?;
    // What SSH has to say is said before anything is written.
    block_on(async { Ok(ready::check(link::open_stream(&target).await?, &target).await?) })?;
    let logs = app.paths.logs();
    base::ensure_private_dir(&logs)
        .map_err(|error| Failure::new("STATE_DIR_UNWRITABLE", format!("`{}`: {error}", logs.display())))?;
    let installed = service::install(&*manager, &spec, args.force)?;
    let record = await_up(&records, port, &target)?;
    let done = said(installed, &*manager, &record);
    let done = leftovers(manager.folder()).fold(done, |done, file| {
        done.warn(format!("`{file}` keeps a tunnel, too: remove it, or both want the same port"))
    });
    linger(app, args.linger, &*manager, done)?.print_with(app, &about(&*manager, &spec.name, Some(&record)));
    Ok(())
}

/// The keeper, told everything, so that it has nothing left to decide.
fn spec(app: &App, route: &SshRoute, far_port: u16, port: u16) -> Result<ServiceSpec, Failure> {
    let odd = |why: String| Failure::usage(format!("a service cannot be told this: {why}"));
    let mut args: Vec<String> = vec!["tunnel".into(), "keep".into()];
    for word in place::arguments(route, far_port).map_err(|error| odd(error.to_string()))? {
        args.push(word.into_string().map_err(|word| odd(format!("`{}` is not text", word.display())))?);
    }
    args.extend(["--local-port".into(), port.to_string()]);
    let mut env = here::env(app);
    env.extend(route.config_file.clone().map(Var::SshConfig));
    Ok(ServiceSpec {
        name: Name::tunnel(&app.paths.profile, port),
        program: here::program(app)?,
        args,
        env,
        state_dir: app.paths.state_dir.clone(),
        listen: Vec::new(),
    })
}

/// A tunnel of ours to the same place that a command keeps makes way; nobody else is touched (SSH-10).
fn make_room(records: &Records, port: u16, is_installed: bool, target: &str, far_port: u16) -> Result<(), Failure> {
    match records.get(&Near::Port(port)) {
        Some(record) if record.service => Ok(()),
        Some(record) if record.target == target && record.remote_port == far_port => end(records, &record),
        _ if is_installed => Ok(()),
        _ => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|error| taken(port, &error)),
    }
}

/// A service has neither this shell's ssh-agent nor its terminal: only a Gateway's answer through its port counts.
fn await_up(records: &Records, port: u16, target: &Target) -> Result<Record, Failure> {
    let up = || records.get(&Near::Port(port)).filter(|record| record.service);
    let came = wait(COMES_UP_WITHIN, || Ok(up().is_some()))?;
    let Some(record) = up().filter(|_| came) else {
        let message = format!("the service is installed, but nothing keeps port {port} yet");
        return Err(Failure::new("TUNNEL_NOT_STARTED", message).run("openclaw tunnel status"));
    };
    block_on(through(&Near::Port(port), target)).map_err(|mut failure| {
        failure.message = format!("the service is installed and has port {port}, but: {}", failure.message);
        failure.advise("a service has no ssh-agent of your shell: name a key without passphrase with --identity")
    })?;
    Ok(record)
}

fn said(installed: Installed, manager: &dyn Manager, record: &Record) -> Done {
    let Record { remote_port, target, .. } = record;
    let url = record.near().url();
    let label = manager.label();
    let leads = format!("{url} leads to port {remote_port} of {target}");
    let done = match installed {
        Installed::Fresh => Done::new("install", "installed", format!("installed and started ({label}): {leads}")),
        Installed::Already | Installed::Differs => {
            Done::new("install", "already-installed", format!("already installed ({label}): {leads}"))
        }
    };
    match installed {
        Installed::Differs => done.warn("its definition is not what would be written now").hint(format!(
            "openclaw tunnel install {target} --local-port {} --force",
            record.local_port.unwrap_or_default()
        )),
        _ => done.hint("openclaw tunnel status"),
    }
}

fn leftovers(folder: &Path) -> impl Iterator<Item = String> {
    LEFTOVERS
        .into_iter()
        .map(|name| folder.join(name))
        .filter(|file| file.exists())
        .map(|file| file.display().to_string())
}

/// The service and its tunnel, for programs.
pub(super) fn about(manager: &dyn Manager, name: &Name, record: Option<&Record>) -> serde_json::Value {
    let tunnel = record.map(super::status::json_of);
    json!({"service": {"label": manager.label(), "name": name.unit()}, "tunnel": tunnel})
}

fn show(app: &App, manager: &dyn Manager, spec: &ServiceSpec) {
    let files = manager.definition(spec);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told: Vec<_> = files.iter().map(|file| json!({"path": file.path, "text": text(&file.bytes)})).collect();
    let value = json!({"action": "install", "ok": true, "dryRun": true, "command": spec.command(), "files": told});
    app.out.either(&value, || {
        let shown = files.iter().map(|file| format!("{}:\n{}", file.path.display(), text(&file.bytes)));
        format!("would write:\n\n{}", shown.collect::<Vec<_>>().join("\n"))
    });
}
