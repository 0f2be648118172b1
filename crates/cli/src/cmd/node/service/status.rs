//! `openclaw node status`: the service, and whose node this machine is.

use serde_json::{Value, json};

use crate::app::App;
use crate::cmd::node::kept::Kept;
use crate::exit::Failure;
use crate::service::{self, Name, State};

/// How it stands. Looking never fails: a machine without a manager has no service.
pub(in crate::cmd::node) fn status(app: &App) -> Result<(), Failure> {
    let kept = Kept::read(app)?;
    let gateway = kept.gateway.as_ref().map(|gateway| match &gateway.ssh {
        Some(login) => format!("{} via ssh {login}", gateway.url()),
        None => gateway.url(),
    });
    let mut value = json!({"service": seen(app), "displayName": kept.display_name, "gateway": gateway,
        "commands": kept.commands});
    if app.paths.device_identity().exists() {
        let device = link::Device::load_or_create(&app.paths.device_identity())?;
        value["nodeId"] = json!(device.id());
    }
    let line = |name: &str, said: String| format!("{name:<13}{said}");
    app.out.either(&value, || {
        let words = |key: &str| value[key].as_str().map(str::to_owned);
        let service = &value["service"];
        let rows = [
            line("Service:", service["text"].as_str().unwrap_or_default().to_owned()),
            line("Gateway:", words("gateway").unwrap_or_else(|| "the one the config means".into())),
            line("Name:", words("displayName").unwrap_or_else(|| "this machine's host name".into())),
            line("Node id:", words("nodeId").unwrap_or_else(|| "none yet".into())),
        ];
        rows.join("\n")
    });
    Ok(())
}

/// `nodeService` of `openclaw status --json`.
pub(in crate::cmd) fn short(app: &App) -> Value {
    seen(app)
}

fn seen(app: &App) -> Value {
    let name = Name::node(&app.paths.profile);
    let looked = service::keeper(&app.env, &name, false).and_then(|manager| {
        let state = manager.state(&name)?;
        Ok((manager, state))
    });
    match looked {
        Err(error) => json!({"installed": false, "text": format!("not installed ({error})")}),
        Ok((_, state)) if !state.installed => json!({"installed": false, "text": "not installed"}),
        Ok((manager, state)) => {
            let (loaded, not_loaded) = manager.words();
            let word = if state.enabled { loaded } else { not_loaded };
            json!({"installed": true, "label": manager.label(), "loaded": state.enabled,
                "loadedText": loaded, "notLoadedText": not_loaded, "file": state.file, "command": state.command,
                "runtime": {"status": if state.running { "running" } else { "stopped" }, "pid": state.pid,
                    "state": state.detail},
                "text": format!("{} ({word}), {}", manager.label(), running(&state))})
        }
    }
}

fn running(state: &State) -> String {
    match (state.running, state.pid) {
        (true, Some(pid)) => format!("running (pid {pid})"),
        (true, None) => "running".into(),
        (false, _) => format!("stopped: {}", state.detail),
    }
}
