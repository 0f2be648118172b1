//! The manager's own program, run with a deadline and next to nothing of our environment.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base::Env;
use tokio::process::Command;

use super::error::ServiceError;

/// Longer than a start may take (`TimeoutStartSec`), so that the manager's own answer comes first.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// Folders that only the system writes: what is found there is the real one.
const FOLDERS: [&str; 5] = ["/usr/bin", "/bin", "/run/current-system/sw/bin", "/usr/sbin", "C:\\Windows\\System32"];
/// What the programs need of our environment.
const PASSED: [&str; 9] = [
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_CONFIG_HOME",
    "SystemRoot",
    "USERPROFILE",
];

/// A program and the environment it gets.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: PathBuf,
    env: Vec<(String, String)>,
}

/// How it ended and what it said.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Program {
    /// The system's own `name`.
    pub(super) fn find(name: &str, env: &Env) -> Result<Self, ServiceError> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let found = FOLDERS.iter().map(|folder| Path::new(folder).join(&file)).find(|path| path.is_file());
        let found = found.ok_or_else(|| ServiceError::ManagerMissing(format!("`{name}` is not installed")))?;
        Ok(Self::at(found, env))
    }

    /// The program at `path`.
    pub(super) fn at(path: PathBuf, env: &Env) -> Self {
        let mut passed: Vec<(String, String)> =
            PASSED.iter().filter_map(|name| Some(((*name).to_owned(), env.raw(name)?))).collect();
        // The words are read, so they must be the program's own.
        passed.push(("LC_ALL".into(), "C".into()));
        Self { path, env: passed }
    }

    /// Its neighbour in the same folder.
    pub(super) fn beside(&self, name: &str) -> Self {
        Self { path: self.path.with_file_name(name), env: self.env.clone() }
    }

    /// Adds a variable unless it is there.
    pub(super) fn default_var(&mut self, name: &str, value: String) {
        if !self.env.iter().any(|(key, _)| key == name) {
            self.env.push((name.to_owned(), value));
        }
    }

    /// Runs it to its end.
    pub(super) fn run(&self, args: &[&str]) -> Result<Ran, ServiceError> {
        let command = self.shown(args);
        let refused =
            |error: std::io::Error| ServiceError::Refused { command: command.clone(), said: error.to_string() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        // `output` starts the program when it is called, so that it must be called inside the runtime.
        let work = async {
            let mut program = Command::new(&self.path);
            program.args(args).env_clear().envs(self.env.clone()).stdin(Stdio::null()).kill_on_drop(true);
            program.output().await
        };
        let output = runtime.block_on(async { tokio::time::timeout(ENDS_WITHIN, work).await });
        let Ok(output) = output else {
            return Err(ServiceError::Silent { command, secs: ENDS_WITHIN.as_secs() });
        };
        let output = output.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                ServiceError::ManagerMissing(format!("`{}` is not there", self.path.display()))
            }
            _ => refused(error),
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Ok(Ran { ok: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// Runs it; anything but success is an error.
    pub(super) fn must(&self, args: &[&str]) -> Result<Ran, ServiceError> {
        let ran = self.run(args)?;
        if ran.ok { Ok(ran) } else { Err(ServiceError::Refused { command: self.shown(args), said: ran.said() }) }
    }

    fn shown(&self, args: &[&str]) -> String {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or("?");
        format!("{name} {}", args.join(" "))
    }
}

impl Ran {
    /// The first line of what it said about a failure.
    pub(super) fn said(&self) -> String {
        let text = if self.stderr.is_empty() { &self.stdout } else { &self.stderr };
        text.lines().next().unwrap_or("no reason given").to_owned()
    }
}
