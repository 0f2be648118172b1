//! A systemd for tests: `systemctl` and `loginctl` programs that talk to this process, which reads the real unit files
//! and does with them what systemd does: holds the sockets of a `.socket` open, starts `ExecStart` with them, waits for
//! `READY=1`, starts it again when it dies, and leaves it alone after an exit that `RestartPreventExitStatus` names.
//!
//! Simplified: `RestartSec` is not waited for, and one service with one socket unit is one job.

mod job;
mod unit;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use job::Job;
use unit::Unit;

/// A systemd of one home folder; stopped, with its services, when dropped.
pub struct Systemd {
    shared: Arc<Shared>,
    programs: tempfile::TempDir,
}

struct Shared {
    units: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<String, Job>,
    enabled: Vec<String>,
    lingers: bool,
    has_no_bus: bool,
    asked: Vec<String>,
}

impl Systemd {
    /// For the user whose home is `home`.
    ///
    /// # Panics
    /// When its programs cannot be written.
    pub fn start(home: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let programs = tempfile::tempdir().expect("a folder");
        for name in ["systemctl", "loginctl"] {
            let script = format!(
                "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{port} || exit 99\nprintf '%s\\n' \"{name} $*\" >&3\n\
                 read -r code <&3\nwhile read -r where text <&3; do\n\
                 if [ \"$where\" = 2 ]; then printf '%s\\n' \"$text\" >&2; else printf '%s\\n' \"$text\"; fi\ndone\n\
                 exit \"$code\"\n"
            );
            let file = programs.path().join(name);
            std::fs::write(&file, script).expect("the program is written");
            let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
            std::fs::set_permissions(&file, mode).expect("it can be run");
        }
        let shared = Arc::new(Shared { units: home.join(".config/systemd/user"), state: Mutex::default() });
        let serving = Arc::downgrade(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(shared) = serving.upgrade() else { return };
                std::thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { shared, programs }
    }

    /// What `OPENCLAW_SYSTEMCTL` shall say.
    pub fn systemctl(&self) -> PathBuf {
        self.programs.path().join("systemctl")
    }

    /// From now on there is no user bus, as after `su`.
    pub fn take_the_bus_away(&self) {
        self.shared.locked().has_no_bus = true;
    }

    /// The process of a unit that runs.
    pub fn pid(&self, unit: &str) -> Option<u32> {
        self.shared.locked().jobs.get(unit).and_then(Job::pid)
    }

    /// How often a unit was started.
    pub fn starts(&self, unit: &str) -> usize {
        self.shared.locked().jobs.get(unit).map_or(0, Job::starts)
    }

    /// Whether services go on after logout.
    pub fn lingers(&self) -> bool {
        self.shared.locked().lingers
    }

    /// Every command it was given.
    pub fn asked(&self) -> Vec<String> {
        self.shared.locked().asked.clone()
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let jobs = std::mem::take(&mut self.shared.locked().jobs);
        jobs.into_values().for_each(|job| job.stop());
    }
}

impl Shared {
    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream) {
        let mut line = String::new();
        if BufReader::new(stream).read_line(&mut line).is_err() {
            return;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        self.locked().asked.push(words.join(" "));
        let (code, text) = match self.obey(&words) {
            Ok(text) => (0, text.lines().map(|line| format!("1 {line}\n")).collect::<String>()),
            Err(text) => (1, format!("2 {text}\n")),
        };
        let mut stream = stream;
        let _asker_left = stream.write_all(format!("{code}\n{text}").as_bytes());
    }

    fn obey(&self, words: &[&str]) -> Result<String, String> {
        let words: Vec<&str> = words.iter().copied().filter(|word| *word != "--user").collect();
        match words.as_slice() {
            ["loginctl", "show-user", ..] => Ok(if self.locked().lingers { "yes".into() } else { "no".into() }),
            ["loginctl", "enable-linger", ..] => {
                self.locked().lingers = true;
                Ok(String::new())
            }
            _ if self.locked().has_no_bus => Err("Failed to connect to bus: No medium found".into()),
            [_, "daemon-reload"] | [_, "reset-failed", ..] => Ok(String::new()),
            [_, "show", unit, ..] => Ok(self.show(unit)),
            [_, "kill", _, unit] => self.locked().jobs.get(*unit).map_or(Err("not loaded".into()), |job| {
                job.kill();
                Ok(String::new())
            }),
            [_, verb, rest @ ..] => self.act(verb, rest),
            _ => Err(format!("unknown command {words:?}")),
        }
    }

    fn act(&self, verb: &str, rest: &[&str]) -> Result<String, String> {
        let units = rest.iter().filter(|word| !word.starts_with("--"));
        let now = rest.contains(&"--now");
        for unit in units {
            let file = self.units.join(unit);
            if !file.is_file() {
                return Err(format!("Unit {unit} could not be found."));
            }
            let is_service = unit.ends_with(".service");
            match verb {
                "enable" => self.locked().enabled.push((*unit).to_owned()),
                "disable" => self.locked().enabled.retain(|enabled| enabled != unit),
                "start" if is_service => self.start_job(unit)?,
                "restart" if is_service => {
                    let job = self.locked().jobs.get(*unit).cloned();
                    match job {
                        // The sockets stay open; only the process goes.
                        Some(job) => job.restart(&Unit::read(&file))?,
                        None => self.start_job(unit)?,
                    }
                }
                "stop" | "start" | "restart" => {}
                _ => return Err(format!("Unknown command verb {verb}.")),
            }
            if is_service && (verb == "stop" || (verb == "disable" && now)) {
                let job = self.locked().jobs.remove(*unit);
                job.into_iter().for_each(|job| job.stop());
            }
        }
        Ok(String::new())
    }

    fn start_job(&self, unit: &str) -> Result<(), String> {
        if self.locked().jobs.get(unit).is_some_and(|job| job.pid().is_some()) {
            return Ok(());
        }
        let service = Unit::read(&self.units.join(unit));
        let socket = self.units.join(unit.replace(".service", ".socket"));
        let sockets = if service.has("Requires") { Unit::read(&socket).listeners()? } else { Vec::new() };
        let job = Job::new(sockets);
        self.locked().jobs.insert(unit.to_owned(), job.clone());
        job.start(&service)
    }

    fn show(&self, unit: &str) -> String {
        let state = self.locked();
        let there = self.units.join(unit).is_file();
        let pid = state.jobs.get(unit).and_then(Job::pid);
        let word = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
        format!(
            "LoadState={}\nActiveState={}\nSubState={}\nMainPID={}\nUnitFileState={}\nResult=success\n",
            word(there, "loaded", "not-found"),
            word(pid.is_some(), "active", "inactive"),
            word(pid.is_some(), "running", "dead"),
            pid.unwrap_or(0),
            word(state.enabled.iter().any(|enabled| enabled == unit), "enabled", "disabled"),
        )
    }
}
