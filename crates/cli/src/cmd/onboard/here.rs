//! A Gateway of this machine.

use std::path::PathBuf;

use config::edit::{self, Change};
use serde_json::{Value, json};

use super::ask;
use crate::app::App;
use crate::cmd::{setup, up as up_command};
use crate::exit::Failure;
use crate::up::here;
use crate::up::plan::Consent;

/// What its config shall say.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// The port of the Gateway here
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    gateway_port: Option<u16>,
    /// Which addresses it listens on
    #[arg(long, value_name = "MODE", value_parser = ["loopback", "lan", "tailnet", "auto", "custom"])]
    gateway_bind: Option<String>,
    /// What a client has to show
    #[arg(long, value_name = "HOW", value_parser = ["token", "password"])]
    gateway_auth: Option<String>,
    /// Its token instead of a generated one
    #[arg(long, value_name = "TOKEN", conflicts_with = "gateway_token_ref_env")]
    gateway_token: Option<String>,
    /// Its token is in this variable of its own environment
    #[arg(long, value_name = "NAME")]
    gateway_token_ref_env: Option<String>,
    /// Its password
    #[arg(long, value_name = "PASSWORD")]
    gateway_password: Option<String>,
    /// Show it to your tailnet, or to the world
    #[arg(long, value_name = "HOW", value_parser = ["off", "serve", "funnel"])]
    tailscale: Option<String>,
    /// Where the agent works
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// The model that answers; its key comes from the environment or the config
    #[arg(long, value_name = "PROVIDER/MODEL")]
    model: Option<String>,
    /// Accepted as `skip`; keys of models are read from the environment or the config
    #[arg(long, value_name = "CHOICE", value_parser = ["skip"])]
    auth_choice: Option<String>,
    /// Keep it running as a service
    #[arg(long, overrides_with = "no_install_daemon")]
    install_daemon: bool,
    /// Write the config only
    #[arg(long)]
    no_install_daemon: bool,
}

/// Writes the config, and brings the Gateway up when that is wanted.
pub(super) fn onboard(app: &App, wanted: &Wanted, asks: bool) -> Result<(), Failure> {
    if wanted.gateway_auth.as_deref() == Some("password") && wanted.gateway_password.is_none() {
        return Err(Failure::usage("--gateway-auth password needs --gateway-password"));
    }
    let before = app.config()?.config.gateway.mode;
    if before == Some(config::Mode::Remote) {
        let message =
            format!("`{}` leads to a Gateway elsewhere (gateway.mode is remote)", app.config_file().display());
        return Err(Failure::new("ONBOARD_IS_A_CLIENT", message).run("openclaw config set gateway.mode local"));
    }
    let with_service = match (wanted.install_daemon, wanted.no_install_daemon) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => asks && ask::service()?,
    };
    setup::create(app, &wanted.for_setup())?;
    let extra = wanted.extra();
    if extra != json!({}) {
        let loaded = config::load(app.config_file(), &app.env)?;
        edit::apply(app.config_file(), &app.env, loaded.hash.as_deref(), Change::MergePatch(extra))?;
    }
    if with_service { bring_up(&app.afresh()) } else { say_next(app) }
}

fn bring_up(app: &App) -> Result<(), Failure> {
    let done = here::up(app, here::Wanted::default(), Consent { dry_run: false, yes: true })?;
    let gateway = here::facts(app)?;
    let value = json!({"ok": true, "mode": "local", "path": app.config_file(), "steps": done.report.steps(),
        "gateway": gateway, "warnings": done.warnings, "next": ["openclaw dashboard"]});
    up_command::say(app, &value, false, || {
        format!("the Gateway answers on port {}\nNext: openclaw dashboard", gateway["port"])
    });
    Ok(())
}

fn say_next(app: &App) -> Result<(), Failure> {
    let value = json!({"ok": true, "mode": "local", "path": app.config_file(), "next": ["openclaw gateway run"]});
    app.out.either(&value, || format!("{} is ready.\nNext: openclaw gateway run", app.config_file().display()));
    Ok(())
}

impl Wanted {
    fn for_setup(&self) -> setup::Wanted {
        setup::Wanted {
            port: self.gateway_port,
            bind: self.gateway_bind.clone(),
            token: self.gateway_token.clone(),
            model: self.model.clone(),
            workspace: self.workspace.clone(),
            ..setup::Wanted::default()
        }
    }

    /// What a setup has no word for.
    fn extra(&self) -> Value {
        let mut patch = json!({});
        if let Some(how) = &self.gateway_auth {
            patch["gateway"]["auth"]["mode"] = json!(how);
        }
        if let Some(password) = &self.gateway_password {
            patch["gateway"]["auth"]["password"] = json!(password);
        }
        if let Some(name) = &self.gateway_token_ref_env {
            patch["gateway"]["auth"]["token"] = json!({"source": "env", "id": name});
        }
        if let Some(how) = &self.tailscale {
            patch["gateway"]["tailscale"]["mode"] = json!(how);
        }
        patch
    }
}
