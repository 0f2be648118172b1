//! `openclaw setup`: a working config, a token and a workspace in one go. Doing it again changes nothing that is there.

use std::path::PathBuf;

use clap::ValueEnum;
use config::edit::Change;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::exit::Failure;
use crate::out::table;

/// Make a working config and workspace in one go
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Asks nothing: what no flag says gets a safe default. Run it again at any time; it only adds what is missing."
)]
pub(crate) struct Args {
    /// Where the agent works
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Is the Gateway on this host or elsewhere
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<ModeFlag>,
    /// The Gateway elsewhere
    #[arg(long, value_name = "URL")]
    remote_url: Option<String>,
    /// Its token
    #[arg(long, value_name = "TOKEN")]
    remote_token: Option<String>,
    /// The port of the Gateway here
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    gateway_port: Option<u16>,
    /// Which addresses it listens on
    #[arg(long, value_name = "MODE", value_parser = ["loopback", "lan", "tailnet", "auto", "custom"])]
    gateway_bind: Option<String>,
    /// Its token instead of a generated one
    #[arg(long, value_name = "TOKEN")]
    gateway_token: Option<String>,
    /// The model that answers
    #[arg(long, value_name = "PROVIDER/MODEL")]
    model: Option<String>,
    /// Accepted; setup never asks
    #[arg(long)]
    wizard: bool,
    /// Accepted; this is what setup does
    #[arg(long)]
    baseline: bool,
    /// Accepted; setup never asks
    #[arg(long)]
    non_interactive: bool,
    /// Accepted; setup never asks
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeFlag {
    Local,
    Remote,
}

/// What a setup shall say beyond its defaults.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) is_remote: bool,
    pub(crate) remote_url: Option<String>,
    pub(crate) remote_token: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) bind: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) workspace: Option<PathBuf>,
}

impl Wanted {
    /// A Gateway here, on `port` when one is named.
    pub(crate) fn on_port(port: Option<u16>) -> Self {
        Self { port, ..Self::default() }
    }
}

/// What a setup did.
pub(crate) struct Made {
    created: bool,
    changed: Vec<String>,
    workspace: Option<PathBuf>,
}

impl Made {
    /// Whether there was no config before.
    pub(crate) const fn is_new(&self) -> bool {
        self.created
    }
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let wanted = wanted(args)?;
    let made = create(app, &wanted)?;
    let next = if wanted.is_remote { "openclaw health" } else { "openclaw gateway run" };
    let value = json!({"ok": true, "path": app.config_file(), "created": made.created, "changed": made.changed,
        "workspace": made.workspace, "next": [next]});
    app.out.either(&value, || {
        let state = match (made.created, made.changed.is_empty()) {
            (true, _) => "created",
            (false, false) => "updated",
            (false, true) => "already set up",
        };
        let mut rows = vec![("Config:", format!("{} ({state})", app.config_file().display()))];
        rows.extend(made.workspace.iter().map(|folder| ("Workspace:", folder.display().to_string())));
        if made.changed.iter().any(|path| path == "gateway.auth.token") && args.gateway_token.is_none() {
            rows.push(("Token:", "generated; commands on this host use it by themselves".into()));
        }
        rows.push(("Next:", next.into()));
        table::pairs(rows)
    });
    Ok(())
}

fn wanted(args: &Args) -> Result<Wanted, Failure> {
    let is_remote = args.mode == Some(ModeFlag::Remote);
    if is_remote && args.remote_url.is_none() {
        return Err(
            Failure::usage("--mode remote needs --remote-url").run("openclaw setup --mode remote --remote-url URL")
        );
    }
    if let Some(url) = &args.remote_url {
        link::Target::parse(url, link::Source::ConfigRemote)?;
    }
    Ok(Wanted {
        is_remote,
        remote_url: args.remote_url.clone(),
        remote_token: args.remote_token.clone(),
        port: args.gateway_port,
        bind: args.gateway_bind.clone(),
        token: args.gateway_token.clone(),
        model: args.model.clone(),
        workspace: args.workspace.clone(),
    })
}

/// Whether a setup without wishes would add nothing to this config.
pub(crate) fn is_whole(before: &config::Loaded) -> bool {
    before.exists && patch(before, &Wanted::default()) == json!({})
}

/// Writes what is missing and makes the workspace.
pub(crate) fn create(app: &App, wanted: &Wanted) -> Result<Made, Failure> {
    let unwritable = |error: std::io::Error| {
        Failure::new("STATE_DIR_UNWRITABLE", format!("`{}`: {error}", app.paths.state_dir.display()))
            .advise("set OPENCLAW_STATE_DIR to a folder you own")
    };
    base::ensure_private_dir(&app.paths.state_dir).map_err(unwritable)?;
    let before = config::load(app.config_file(), &app.env)?;
    let patch = patch(&before, wanted);
    let mut changed = Vec::new();
    if patch != json!({}) {
        let applied =
            config::edit::apply(app.config_file(), &app.env, before.hash.as_deref(), Change::MergePatch(patch))?;
        changed = applied.changed.iter().map(|(path, _)| path.to_string()).collect();
    }
    let workspace = match wanted.is_remote {
        true => None,
        false => {
            let folder = workspace(app, &before, wanted);
            std::fs::create_dir_all(&folder).map_err(unwritable)?;
            Some(folder)
        }
    };
    Ok(Made { created: !before.exists, changed, workspace })
}

fn workspace(app: &App, before: &config::Loaded, wanted: &Wanted) -> PathBuf {
    let configured = before.config.agents.defaults.workspace.clone();
    wanted.workspace.clone().or(configured).unwrap_or_else(|| app.paths.workspace("main"))
}

/// What to merge into the config: what was asked for, and what a first start needs and is not there.
fn patch(before: &config::Loaded, wanted: &Wanted) -> Value {
    let gateway = &before.config.gateway;
    let mut changes: Vec<(&[&str], Value)> = Vec::new();
    let asked_remote = wanted.is_remote || (wanted.remote_url.is_some() && gateway.mode != Some(config::Mode::Local));
    match (asked_remote, gateway.mode) {
        (true, _) => changes.push((&["gateway", "mode"], json!("remote"))),
        (false, None) => changes.push((&["gateway", "mode"], json!("local"))),
        (false, Some(_)) => {}
    }
    let is_local = !asked_remote && gateway.mode != Some(config::Mode::Remote);
    let unguarded = gateway.auth.token.is_none() && gateway.auth.password.is_none() && gateway.auth.mode.is_none();
    if let Some(token) = &wanted.token {
        changes.push((&["gateway", "auth", "token"], json!(token)));
    } else if is_local && unguarded {
        changes.push((&["gateway", "auth", "mode"], json!("token")));
        // 24 random bytes, as the daemon makes for a run without one (AUTH-4).
        changes.push((&["gateway", "auth", "token"], json!(base::random_hex(24))));
    }
    // Said, not left to the default: in a container an unset bind means every address (BIND-9).
    let bind = wanted.bind.clone().or_else(|| (is_local && !before.exists).then(|| "loopback".into()));
    let optional: [(&[&str], Option<Value>); 6] = [
        (&["gateway", "port"], wanted.port.map(|port| json!(port))),
        (&["gateway", "bind"], bind.map(|bind| json!(bind))),
        (&["gateway", "remote", "url"], wanted.remote_url.as_ref().map(|url| json!(url))),
        (&["gateway", "remote", "token"], wanted.remote_token.as_ref().map(|token| json!(token))),
        (&["agents", "defaults", "workspace"], wanted.workspace.as_ref().map(|folder| json!(folder))),
        (&["agents", "defaults", "model", "primary"], wanted.model.as_ref().map(|model| json!(model))),
    ];
    changes.extend(optional.into_iter().filter_map(|(path, value)| Some((path, value?))));
    let mut patch = json!({});
    for (path, value) in changes {
        put(&mut patch, path, value);
    }
    patch
}

fn put(into: &mut Value, path: &[&str], value: Value) {
    let [head, rest @ ..] = path else {
        *into = value;
        return;
    };
    if let Value::Object(map) = into {
        let below = map.entry((*head).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        put(below, rest, value);
    }
}

/// PROF-3: what `--dev --reset` starts from.
pub(super) fn wipe_dev(app: &App) -> Result<(), Failure> {
    if app.paths.profile.name() != Some("dev") || app.env.get("STATE_DIR").is_some() {
        return Err(Failure::usage("--reset only ever wipes the state folder of the dev profile"));
    }
    match std::fs::remove_dir_all(&app.paths.state_dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new("RESET_FAILED", format!("`{}`: {error}", app.paths.state_dir.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIND-9: a new config says loopback, so that a container changes nothing; one that is there keeps its bind.
    #[test]
    fn a_first_setup_is_local_with_a_token_and_a_second_adds_nothing() {
        let first = patch(&config::Loaded::default(), &Wanted::default());
        assert_eq!(first["gateway"]["mode"], "local");
        assert_eq!(first["gateway"]["auth"]["token"].as_str().unwrap().len(), 48);
        assert_eq!(first["gateway"]["bind"], "loopback");
        let file = std::path::Path::new("/c/openclaw.json");
        let loaded = config::load_text(&first.to_string(), file, &base::Env::default()).unwrap();
        assert_eq!(patch(&loaded, &Wanted::default()), json!({}));
    }

    /// CON-1: a client's setup writes the mode and the way there, nothing else.
    #[test]
    fn a_remote_setup_writes_only_the_way_there() {
        let wanted = Wanted { is_remote: true, remote_url: Some("ws://10.0.0.9:1".into()), ..Wanted::default() };
        let expected = json!({"gateway": {"mode": "remote", "remote": {"url": "ws://10.0.0.9:1"}}});
        assert_eq!(patch(&config::Loaded::default(), &wanted), expected);
    }
}
