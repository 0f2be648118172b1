//! systemd: a service that says when it is ready and stays alive under a watchdog, and a socket that systemd holds open
//! across restarts, so that a restart refuses nobody (SVC-2, SVC-6).
//!
//! Of the usual hardening only what breaks no tool is here: `NoNewPrivileges` and whatever implies it would take `sudo`
//! and `ping` from the programs an agent runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base::Env;

use super::error::ServiceError;
use super::linger::Linger;
use super::program::{Program, Ran};
use super::spec::{Name, ServiceSpec, WATCHDOG_SECS};
use super::{Manager, Scope, State, UnitFile, remove};

/// Where services of the machine stand.
pub(super) const SYSTEM_UNITS: &str = "/etc/systemd/system";
/// The properties `show` is asked for.
const SHOWN: &str = "--property=LoadState,ActiveState,SubState,MainPID,UnitFileState,Result";

/// `systemctl`, for one scope.
#[derive(Debug)]
pub(super) struct Systemd {
    systemctl: Program,
    scope: Scope,
    folder: PathBuf,
    user: String,
    is_root: bool,
}

impl Systemd {
    /// # Errors
    /// When nobody's home folder is known.
    pub(super) fn new(mut systemctl: Program, env: &Env, scope: Scope) -> Result<Self, ServiceError> {
        let home = env.raw("HOME").ok_or_else(|| ServiceError::ManagerMissing("HOME is not set".into()))?;
        let config = env.raw("XDG_CONFIG_HOME").map_or_else(|| Path::new(&home).join(".config"), PathBuf::from);
        let folder = match scope {
            Scope::User => config.join("systemd/user"),
            Scope::System => PathBuf::from(SYSTEM_UNITS),
        };
        let uid = super::process::uid();
        // A login by `su` or a bare ssh command has a manager all the same, if it lingers.
        systemctl.default_var("XDG_RUNTIME_DIR", format!("/run/user/{uid}"));
        let user = env.raw("USER").or_else(|| env.raw("LOGNAME")).unwrap_or_else(|| uid.to_string());
        Ok(Self { systemctl, scope, folder, user, is_root: uid == 0 })
    }

    fn service_file(&self, name: &Name) -> PathBuf {
        self.folder.join(format!("{}.service", name.unit()))
    }

    fn socket_file(&self, name: &Name) -> PathBuf {
        self.folder.join(format!("{}.socket", name.unit()))
    }

    /// The units of `name` that are there, the socket first.
    fn units(&self, name: &Name) -> Vec<String> {
        let files = [self.socket_file(name), self.service_file(name)];
        let there = files.into_iter().filter(|file| file.exists());
        there.filter_map(|file| Some(file.file_name()?.to_str()?.to_owned())).collect()
    }

    fn run(&self, args: &[&str]) -> Result<Ran, ServiceError> {
        let scoped: Vec<&str> = match self.scope {
            Scope::User => std::iter::once("--user").chain(args.iter().copied()).collect(),
            Scope::System => args.to_vec(),
        };
        let ran = self.systemctl.run(&scoped)?;
        if ran.ok {
            return Ok(ran);
        }
        if self.scope == Scope::User && ran.stderr.contains("Failed to connect to bus") {
            return Err(ServiceError::NoUserBus { user: self.user.clone(), is_root: self.is_root });
        }
        Err(ServiceError::Refused { command: format!("systemctl {}", scoped.join(" ")), said: ran.said() })
    }

    fn on_units(&self, verb: &[&str], name: &Name) -> Result<(), ServiceError> {
        let units = self.units(name);
        self.run(&[verb, &units.iter().map(String::as_str).collect::<Vec<_>>()].concat()).map(drop)
    }

    /// Starts or restarts, and tells a service that does not come up from a manager that does not obey.
    fn bring_up(&self, verb: &str, name: &Name) -> Result<(), ServiceError> {
        let service = format!("{}.service", name.unit());
        match self.run(&[verb, &service]) {
            Err(ServiceError::Refused { said, .. }) => {
                let user = if self.scope == Scope::User { "--user " } else { "" };
                Err(ServiceError::StartFailed { said, look: format!("journalctl {user}-u {service} -n 20 --no-pager") })
            }
            outcome => outcome.map(drop),
        }
    }
}

impl Manager for Systemd {
    fn label(&self) -> &'static str {
        "systemd"
    }

    fn words(&self) -> (&'static str, &'static str) {
        ("enabled", "disabled")
    }

    fn definition(&self, spec: &ServiceSpec) -> Vec<UnitFile> {
        let mut files = vec![UnitFile::text(self.service_file(&spec.name), service(spec, self.scope))];
        if !spec.listen.is_empty() {
            files.push(UnitFile::text(self.socket_file(&spec.name), socket(spec)));
        }
        files
    }

    fn adopt(&self, spec: &ServiceSpec, changed: &[UnitFile]) -> Result<(), ServiceError> {
        let name = &spec.name;
        let (socket, service) = (self.socket_file(name), format!("{}.service", name.unit()));
        // A socket with other addresses, or none any more, must let go of the old ones first.
        let moves = socket.exists() && (spec.listen.is_empty() || changed.iter().any(|file| file.path == socket));
        if moves {
            self.on_units(&["stop"], name)?;
        }
        if moves && spec.listen.is_empty() {
            self.run(&["disable", &format!("{}.socket", name.unit())])?;
            remove(&socket)?;
        }
        changed.iter().try_for_each(UnitFile::write)?;
        self.run(&["daemon-reload"])?;
        self.on_units(&["enable"], name)?;
        // A unit that failed too often before must not stay refused.
        let _never_failed = self.run(&["reset-failed", &service]);
        self.bring_up("restart", name)
    }

    fn uninstall(&self, name: &Name) -> Result<(), ServiceError> {
        if !self.units(name).is_empty() {
            self.on_units(&["disable", "--now"], name)?;
        }
        remove(&self.socket_file(name))?;
        remove(&self.service_file(name))?;
        self.run(&["daemon-reload"]).map(drop)
    }

    fn start(&self, name: &Name) -> Result<(), ServiceError> {
        self.bring_up("start", name)
    }

    fn stop(&self, name: &Name, disable: bool) -> Result<(), ServiceError> {
        // Both at once: the socket alone would start the service again.
        self.on_units(if disable { &["disable", "--now"] } else { &["stop"] }, name)
    }

    fn restart(&self, name: &Name, now: bool) -> Result<(), ServiceError> {
        if now {
            let service = format!("{}.service", name.unit());
            // One that does not run cannot be killed, and need not be.
            let _not_running = self.run(&["kill", "--signal=SIGKILL", &service]);
        }
        self.bring_up("restart", name)
    }

    fn state(&self, name: &Name) -> Result<State, ServiceError> {
        let file = self.service_file(name);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let ran = self.run(&["show", &format!("{}.service", name.unit()), SHOWN])?;
        let property = |key: &str| {
            let lines = ran.stdout.lines();
            lines.filter_map(|line| line.split_once('=')).find(|(name, _)| *name == key).map_or("", |(_, value)| value)
        };
        let env: Vec<_> = values(&text, "Environment").filter_map(|line| variable(&line)).collect();
        let pid = property("MainPID").parse().ok().filter(|pid| *pid > 0);
        Ok(State {
            installed: file.exists(),
            enabled: property("UnitFileState").starts_with("enabled"),
            running: matches!(property("ActiveState"), "active" | "reloading"),
            pid,
            detail: format!("{} ({})", property("ActiveState"), property("SubState")),
            command: values(&text, "ExecStart").next().and_then(|line| words(&line)).unwrap_or_default(),
            issues: if file.exists() { issues(&text, &env) } else { Vec::new() },
            env,
            file,
        })
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn linger(&self) -> Linger {
        if self.scope == Scope::System {
            return Linger::NotNeeded;
        }
        let asked = self.systemctl.beside("loginctl").run(&["show-user", &self.user, "--property=Linger", "--value"]);
        match asked {
            Ok(ran) if ran.ok && ran.stdout == "yes" => Linger::On,
            _ => Linger::Off(self.user.clone()),
        }
    }

    fn enable_linger(&self) -> Result<(), ServiceError> {
        self.systemctl.beside("loginctl").must(&["enable-linger", &self.user]).map(drop)
    }
}

/// The `.service` of SVC-2.
fn service(spec: &ServiceSpec, scope: Scope) -> String {
    let unit = spec.name.unit();
    let has_socket = !spec.listen.is_empty();
    let socket = if has_socket { format!(" {unit}.socket") } else { String::new() };
    let needs = if has_socket { format!("Requires={unit}.socket\n") } else { String::new() };
    let mut env = String::new();
    for (name, value) in spec.env.iter().map(super::spec::Var::pair) {
        // Writing to a string cannot fail.
        let _written = writeln!(env, "Environment={}", quoted(&format!("{name}={value}")));
    }
    let command = spec.command().iter().map(|word| quoted(&word.replace('$', "$$"))).collect::<Vec<_>>().join(" ");
    let (description, folder) = (spec.name.description(), spec.state_dir.display().to_string().replace('%', "%%"));
    let (kind, watchdog) = match spec.tells() {
        true => ("Type=notify\nNotifyAccess=main\n", format!("WatchdogSec={WATCHDOG_SECS}\n")),
        false => ("Type=exec\n", String::new()),
    };
    let target = if scope == Scope::User { "default.target" } else { "multi-user.target" };
    format!(
        "[Unit]\n\
         Description={description}\n\
         After=network-online.target{socket}\n\
         Wants=network-online.target\n\
         {needs}\
         StartLimitBurst=10\n\
         StartLimitIntervalSec=300\n\
         \n\
         [Service]\n\
         {kind}\
         ExecStart={command}\n\
         WorkingDirectory=-{folder}\n\
         {env}\
         Restart=always\n\
         RestartSec=5\n\
         RestartPreventExitStatus=78\n\
         SuccessExitStatus=0 143\n\
         TimeoutStartSec=30\n\
         TimeoutStopSec=30\n\
         {watchdog}\
         KillMode=mixed\n\
         OOMPolicy=continue\n\
         LimitCORE=0\n\
         \n\
         [Install]\n\
         WantedBy={target}\n"
    )
}

/// The `.socket`: systemd listens, and hands the same sockets to every start.
fn socket(spec: &ServiceSpec) -> String {
    let listen: String = spec.listen.iter().map(|address| format!("ListenStream={address}\n")).collect();
    format!(
        "[Unit]\n\
         Description={} (socket)\n\
         \n\
         [Socket]\n\
         {listen}\
         BindIPv6Only=ipv6-only\n\
         Backlog=1024\n\
         NoDelay=yes\n\
         \n\
         [Install]\n\
         WantedBy=sockets.target\n",
        spec.name.description()
    )
}

/// One word of a unit: in double quotes, with systemd's own escapes.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%"))
}

/// Every value of `key` in a unit.
fn values<'t>(text: &'t str, key: &'t str) -> impl Iterator<Item = String> + 't {
    text.lines().filter_map(move |line| Some(line.strip_prefix(key)?.strip_prefix('=')?.replace("%%", "%")))
}

fn words(line: &str) -> Option<Vec<String>> {
    let words = shell_words::split(line).ok()?;
    Some(words.into_iter().map(|word| word.replace("$$", "$")).collect())
}

fn variable(line: &str) -> Option<(String, String)> {
    let word = words(line)?.into_iter().next()?;
    word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// What an older or hand-made unit lacks (DOC-5).
fn issues(text: &str, env: &[(String, String)]) -> Vec<&'static str> {
    let says = |key: &str, word: &str| values(text, key).any(|value| value.split_whitespace().any(|part| part == word));
    let checks = [
        (says("After", "network-online.target"), "systemd-after-network-online"),
        (says("Wants", "network-online.target"), "systemd-wants-network-online"),
        (says("RestartSec", "5"), "systemd-restart-sec"),
        (values(text, "ExecStart").next().is_some(), "gateway-command-missing"),
    ];
    let missing = checks.into_iter().filter(|(is_fine, _)| !is_fine).map(|(_, code)| code);
    missing.chain(super::path_issues(env)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::{example, node, tunnel};
    use super::*;

    /// SVC-2, SVC-6
    #[test]
    fn the_unit_is_ready_when_it_says_so_watched_and_has_its_socket_held_for_it() {
        insta::assert_snapshot!(service(&example(None), Scope::User));
        insta::assert_snapshot!(socket(&example(Some("work"))));
    }

    /// SSH-15
    #[test]
    fn the_unit_of_a_tunnel_is_up_when_it_runs() {
        insta::assert_snapshot!(service(&tunnel(Some("work")), Scope::User));
    }

    /// N-11.2: nothing in it says which Gateway, or with what secret.
    #[test]
    fn the_unit_of_a_node_host_only_runs_it() {
        insta::assert_snapshot!(service(&node(Some("work")), Scope::User));
    }

    /// SVC-2: without a socket to hold, and as a service of the machine.
    #[test]
    fn a_unit_of_the_machine_starts_with_it() {
        let spec = ServiceSpec { listen: Vec::new(), ..example(Some("work")) };
        let text = service(&spec, Scope::System);
        assert!(text.contains("WantedBy=multi-user.target\n") && !text.contains(".socket"), "{text}");
    }

    /// What is written is read back, however odd the path.
    #[test]
    fn words_survive_quoting() {
        let odd = r#"/home/a "b"/%h/$x\y"#;
        let spec = ServiceSpec { program: odd.into(), ..example(None) };
        let text = service(&spec, Scope::User);
        let command = words(&values(&text, "ExecStart").next().unwrap()).unwrap();
        assert_eq!(command, spec.command());
        let env: Vec<_> = values(&text, "Environment").filter_map(|line| variable(&line)).collect();
        assert!(env.contains(&("OPENCLAW_STATE_DIR".into(), "/home/ann/my state/.openclaw".into())), "{env:?}");
    }

    /// DOC-5
    #[test]
    fn our_own_unit_has_no_issue_and_an_old_one_has() {
        let fine = [("PATH".to_owned(), "/usr/local/bin:/usr/bin".to_owned())];
        assert!(issues(&service(&example(None), Scope::User), &fine).is_empty());
        assert_eq!(issues(&service(&example(None), Scope::User), &[]), ["gateway-path-missing"]);
        let old = "[Service]\nExecStart=/usr/bin/node gateway\nRestart=always\nRestartSec=1\n";
        assert_eq!(issues(old, &fine).len(), 3, "{:?}", issues(old, &fine));
    }
}
