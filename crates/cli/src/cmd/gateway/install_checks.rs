//! What `gateway install` refuses, each with its code (SVC-1).
//!
//! A service starts with none of this shell's variables, so the config is judged as the service will read it: a secret
//! that only this shell knows is none.

use base::Env;
use config::{AuthMode, Loaded, StartOverrides};

use crate::app::App;
use crate::exit::Failure;
use crate::service::{ServiceSpec, State, process};

/// Whoever set these keeps the Gateway in another way.
pub(in crate::cmd) fn environment(app: &App) -> Result<(), Failure> {
    if app.env.get("HOME").is_some() {
        let message = "OPENCLAW_HOME is set: a service would not see it";
        return Err(Failure::new("SERVICE_HOME_OVERRIDDEN", message)
            .advise("name OPENCLAW_STATE_DIR instead, and unset OPENCLAW_HOME"));
    }
    if app.env.is_on("NIX_MODE") {
        let message = "OPENCLAW_NIX_MODE is set: services are part of the Nix configuration";
        return Err(Failure::new("SERVICE_NIX_MODE", message).advise("declare the service there"));
    }
    if app.env.get("SUPERVISOR_MODE").as_deref() == Some("external") {
        let message = "OPENCLAW_SUPERVISOR_MODE=external: another supervisor keeps the Gateway";
        return Err(Failure::new("SERVICE_SUPERVISED_EXTERNALLY", message).run("openclaw gateway run"));
    }
    foreign(app)
}

/// The state of another profile, or of somebody else, is not this service's to run on.
fn foreign(app: &App) -> Result<(), Failure> {
    let folder = &app.paths.state_dir;
    let refuse = |why: String| {
        Err(Failure::new("SERVICE_STATE_FOREIGN", format!("the state folder `{}` {why}", folder.display()))
            .advise("unset OPENCLAW_STATE_DIR and OPENCLAW_CONFIG_PATH, or name the profile with --profile"))
    };
    let of_profile = if folder.parent() == Some(&app.paths.home) {
        folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(".openclaw"))
    } else {
        None
    };
    let own = app.paths.profile.name().map_or_else(String::new, |name| format!("-{name}"));
    if of_profile.is_some_and(|suffix| suffix != own) {
        return refuse("belongs to another profile".into());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if let Ok(meta) = std::fs::metadata(folder)
            && meta.uid() != process::uid()
        {
            return refuse(format!("belongs to the user with id {}", meta.uid()));
        }
    }
    Ok(())
}

/// The daemon's own refusals, and a secret that lasts.
pub(super) fn config(app: &App, spec: &ServiceSpec, allow_unconfigured: bool) -> Result<Loaded, Failure> {
    let env = service_env(app, spec);
    let overrides = StartOverrides { in_container: config::in_container(&app.env), ..StartOverrides::default() };
    let loaded = config::load(app.config_file(), &env)?;
    config::may_start(&loaded, allow_unconfigured)?;
    let auth = config::effective_auth(&loaded.config, &overrides, &env)?;
    if auth.mode == AuthMode::Token && auth.token.is_none() {
        let known = app.env.get("GATEWAY_TOKEN").is_some();
        let hint =
            if known { "OPENCLAW_GATEWAY_TOKEN of this shell does not reach a service" } else { "there is no token" };
        let message = format!("the Gateway has no secret that outlives this shell: {hint}");
        return Err(Failure::new("SERVICE_SECRET_NOT_DURABLE", message).run("openclaw setup"));
    }
    match config::refusals(&loaded.config, &overrides, &env).into_iter().next() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(loaded),
    }
}

/// What the service will find in its environment.
fn service_env(app: &App, spec: &ServiceSpec) -> Env {
    let given =
        ["HOME", "USER", "LOGNAME", "USERPROFILE"].into_iter().filter_map(|name| Some((name, app.env.raw(name)?)));
    let unit = spec.env.iter().map(crate::service::spec::Var::pair);
    Env::of(given.chain(unit))
}

/// A service of this name that serves something else, or a Gateway that runs without one.
pub(super) fn not_ours(app: &App, before: &State, force: bool) -> Result<(), Failure> {
    let folder = app.paths.state_dir.display().to_string();
    let served = before.var("OPENCLAW_STATE_DIR").filter(|served| *served != folder);
    if let Some(served) = served.filter(|_| before.installed && !force) {
        let message = format!("the installed service keeps its state in `{served}`, not in `{folder}`");
        return Err(Failure::new("SERVICE_STATE_FOREIGN", message).run("openclaw gateway install --force"));
    }
    match process::running(&app.paths)? {
        Some(owner) if !before.running => {
            let message = format!("a Gateway runs already, without a service (pid {}, port {})", owner.pid, owner.port);
            Err(Failure::new("GATEWAY_ALREADY_RUNNING", message).run("openclaw gateway stop --force"))
        }
        _ => Ok(()),
    }
}
