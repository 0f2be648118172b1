//! Tunnels among the services: those made by hand, and those of `openclaw tunnel install` that this version would write
//! otherwise (SSH-15).

use std::path::{Path, PathBuf};

use super::service::removal;
use super::{Ailment, Fix};
use crate::app::App;
use crate::exit::Failure;
use crate::finding::{Finding, Severity};
use crate::service::spec::Var;
use crate::service::{self, Name, Scope, ServiceSpec, State, here};

/// Services that forward a port by hand (SSH-15): `openclaw tunnel` and `gateway.remote.sshTarget` do it better.
pub(super) fn made_by_hand(app: &App) -> Vec<PathBuf> {
    let folders = ["Library/LaunchAgents", ".config/systemd/user"].map(|folder| app.paths.home.join(folder));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let port = app.paths.profile.default_port();
    let is_one = |path: &PathBuf| {
        path.is_file() && std::fs::read_to_string(path).is_ok_and(|text| forwards(&text, port)) || is_known_tunnel(path)
    };
    let mut found: Vec<PathBuf> = files.map(|file| file.path()).filter(is_one).collect();
    found.sort();
    found
}

fn is_known_tunnel(path: &Path) -> bool {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let owners = ["com.openclaw", "com.moltbot", "com.clawdbot"];
    owners.iter().any(|owner| name.strip_prefix(owner) == Some(".ssh-tunnel"))
}

/// Whether the program is `ssh` itself, with a forward that ends at a Gateway's port.
fn forwards(text: &str, port: u16) -> bool {
    let is_ssh = |word: &str| word == "ssh" || word.ends_with("/ssh");
    let mut words = text.split(|c: char| c.is_whitespace() || "<>=\"'".contains(c));
    words.any(is_ssh) && text.contains("-L") && text.contains(&format!(":{port}"))
}

pub(super) fn left_over(file: &Path) -> Ailment {
    let detail = format!(
        "`{}` keeps a port open through ssh. Commands go through SSH by themselves; for browsers there is \
         `openclaw tunnel install`.",
        file.display()
    );
    let finding = Finding::new("service.tunnel_left_over", Severity::Warn, "A tunnel made by hand", detail);
    finding.mend(removal(file)).into()
}

/// The tunnels of this profile whose definition has fallen behind. Nothing where no manager is.
pub(super) fn outdated(app: &App) -> Vec<Ailment> {
    let Ok(manager) = service::manager(&app.env, Scope::User) else { return Vec::new() };
    let outdated = |name: Name| {
        let state = manager.state(&name).ok()?;
        match as_now(app, &name, &state) {
            Some(spec) if service::is_current(&*manager, &spec) => None,
            spec => Some(behind(name, &state, spec)),
        }
    };
    service::tunnels(&*manager, &app.paths.profile).into_iter().filter_map(outdated).collect()
}

/// The same tunnel as this version would write it. What it was told, its program and its `PATH` stay where they are of
/// use; `None` when the definition runs something else.
fn as_now(app: &App, name: &Name, state: &State) -> Option<ServiceSpec> {
    let (program, args) = state.command.split_first()?;
    if !args.starts_with(&["tunnel".into(), "keep".into()]) {
        return None;
    }
    anew(app, name, state, program, args)
}

/// A definition with the same command, as this version would write it.
pub(super) fn anew(app: &App, name: &Name, state: &State, program: &str, args: &[String]) -> Option<ServiceSpec> {
    let path = state.var("PATH").filter(|_| !state.issues.iter().any(|issue| issue.starts_with("gateway-path")));
    let mut env = here::env(app);
    for var in &mut env {
        if let (Var::Path(now), Some(path)) = (var, path) {
            path.clone_into(now);
        }
    }
    env.extend(state.var("OPENCLAW_SSH_CONFIG").map(|file| Var::SshConfig(file.into())));
    let program = PathBuf::from(program);
    Some(ServiceSpec {
        name: name.clone(),
        program: if program.is_file() { program } else { here::program(app).ok()? },
        args: args.to_vec(),
        env,
        state_dir: app.paths.state_dir.clone(),
        listen: Vec::new(),
    })
}

/// What is wrong with a definition that is not what this version writes.
pub(super) fn why(state: &State) -> String {
    let program = state.command.first().map(String::as_str).unwrap_or_default();
    match state.issues.first() {
        _ if !Path::new(program).is_file() => format!("it runs `{program}`, which is not there"),
        Some(issue) => service::issue(issue).to_owned(),
        None => "it is not what this version writes".to_owned(),
    }
}

fn behind(name: Name, state: &State, spec: Option<ServiceSpec>) -> Ailment {
    let file = state.file.display();
    let why = match &spec {
        None => "it runs something else than `tunnel keep`".to_owned(),
        Some(_) => why(state),
    };
    let title = "The service of a tunnel is not as it should be";
    let finding = Finding::new("service.tunnel_outdated", Severity::Warn, title, format!("`{file}`: {why}."));
    let Some(spec) = spec else { return finding.mend(removal(&state.file)).into() };
    let told = spec.args.get(2..).unwrap_or_default().join(" ");
    let renew = move |app: &App| -> Result<(), Failure> {
        let manager = service::manager(&app.env, Scope::User)?;
        let spec = as_now(app, &name, &manager.state(&name)?).unwrap_or_else(|| spec.clone());
        service::install(&*manager, &spec, true)?;
        Ok(())
    };
    Ailment {
        finding: finding.mend(format!("openclaw tunnel install {told} --force")),
        fix: Some(Fix::act("write the definition of the tunnel anew and restart it", renew)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DOC-5
    #[test]
    fn a_tunnel_is_ssh_with_a_forward_to_a_gateway() {
        let unit = |command: &str| format!("[Service]\nExecStart={command}\nRestart=always\n");
        assert!(forwards(&unit("/usr/bin/ssh -N -L 18789:127.0.0.1:18789 me@host"), 18789));
        assert!(forwards(
            "<string>/usr/bin/ssh</string><string>-L</string><string>18789:localhost:18789</string>",
            18789
        ));
        assert!(!forwards(&unit("/usr/bin/ssh -N -L 5432:127.0.0.1:5432 me@db"), 18789));
        assert!(!forwards(&unit("/opt/openclaw tunnel keep --port 18789"), 18789));
    }
}
