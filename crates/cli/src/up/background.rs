//! A Gateway where nobody keeps services: a process in the background, out of the reach of the terminal. Its lock file in
//! the state folder says its pid, so that `openclaw gateway stop` finds it; nothing starts it again after a reboot.

use std::io;
use std::process::{Child, Command, Stdio};

use crate::app::App;
use crate::exit::Failure;

/// Secrets of this shell; a Gateway that needs them would not start again without it.
const SECRETS: [&str; 2] = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];

/// Starts it. Whether it comes up is another question.
pub(super) fn start(app: &App) -> Result<Child, Failure> {
    spawn(app).map_err(|error| {
        Failure::new("GATEWAY_NOT_STARTED", format!("the Gateway could not be started: {error}"))
            .run("openclaw gateway run")
    })
}

fn spawn(app: &App) -> io::Result<Child> {
    base::ensure_private_dir(&app.paths.logs())?;
    let mut open = std::fs::OpenOptions::new();
    open.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let output = open.open(app.paths.background_output())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["gateway", "run"]).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    if let Some(name) = app.paths.profile.name() {
        command.env("OPENCLAW_PROFILE", name);
    }
    command.env("OPENCLAW_STATE_DIR", &app.paths.state_dir).env("OPENCLAW_CONFIG_PATH", &app.paths.config_file);
    SECRETS.iter().for_each(|name| {
        command.env_remove(name);
    });
    // A Ctrl-C in this terminal is not meant for it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.current_dir(&app.paths.home).spawn()
}

/// The last thing it said.
pub(super) fn last_words(app: &App) -> Option<String> {
    let text = std::fs::read_to_string(app.paths.background_output()).ok()?;
    text.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
}
