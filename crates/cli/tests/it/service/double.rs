//! A home with a config, and the systemd that serves it.

use std::path::PathBuf;
use std::process::Command;

use kit::{Systemd, TOKEN, free_port};
use serde_json::{Value, json};

use crate::{alone, binary};

/// A home whose services a [`Systemd`] keeps.
pub(crate) struct Host {
    pub(crate) systemd: Systemd,
    pub(crate) home: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Host {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let host = Self { systemd: Systemd::start(home.path()), home, port: free_port() };
        host.configure(".openclaw", host.port);
        host
    }

    /// Writes a config with a token into a state folder of this home.
    pub(crate) fn configure(&self, folder: &str, port: u16) {
        let folder = self.home.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let auth = json!({"mode": "token", "token": TOKEN});
        let config = json!({"gateway": {"mode": "local", "bind": "loopback", "port": port, "auth": auth}});
        std::fs::write(folder.join("openclaw.json"), config.to_string()).unwrap();
    }

    /// A command of this home.
    pub(crate) fn command(&self) -> Command {
        let mut command = alone(&self.home);
        command.env("OPENCLAW_SYSTEMCTL", self.systemd.systemctl()).env("USER", "ann");
        command
    }

    /// Runs it with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> (i32, Value) {
        crate::json(&mut self.command(), args)
    }

    pub(crate) fn unit(&self, name: &str) -> PathBuf {
        self.home.path().join(".config/systemd/user").join(name)
    }

    /// Every file of its services, as text.
    pub(crate) fn units(&self) -> String {
        let Ok(files) = std::fs::read_dir(self.unit("")) else { return String::new() };
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    /// Installs, and waits for nothing: the manager has, until it was ready.
    pub(crate) fn install(&self) {
        let (exit, answer) = self.json(&["gateway", "install"]);
        assert_eq!((exit, &answer["result"]), (0, &json!("installed")), "{answer}");
        assert!(binary().exists());
    }
}
