//! launchd: a LaunchAgent of the person who is logged in (SVC-3).
//!
//! A stop boots the agent out and leaves it enabled, so that it is back at the next login; `--disable` says otherwise.
//! The plist holds no secret, so that nothing has to hide it.

use std::path::{Path, PathBuf};

use base::Env;

use super::error::ServiceError;
use super::program::{Program, Ran};
use super::spec::{Name, ServiceSpec};
use super::{Manager, State, UnitFile, remove};

/// `launchctl`, for the domain of one user.
#[derive(Debug)]
pub(super) struct Launchd {
    launchctl: Program,
    folder: PathBuf,
    domain: String,
}

impl Launchd {
    /// # Errors
    /// When nobody's home folder is known.
    pub(super) fn new(launchctl: Program, env: &Env) -> Result<Self, ServiceError> {
        let home = env.raw("HOME").ok_or_else(|| ServiceError::ManagerMissing("HOME is not set".into()))?;
        let uid = super::process::uid();
        // A login by ssh has no graphical session; the user's own domain takes the agent then.
        let gui = format!("gui/{uid}");
        let has_gui = launchctl.run(&["print", &gui])?.ok;
        let domain = if has_gui { gui } else { format!("user/{uid}") };
        Ok(Self { launchctl, folder: Path::new(&home).join("Library/LaunchAgents"), domain })
    }

    fn plist(&self, name: &Name) -> PathBuf {
        self.folder.join(format!("{}.plist", name.label()))
    }

    fn target(&self, name: &Name) -> String {
        format!("{}/{}", self.domain, name.label())
    }

    fn is_loaded(&self, name: &Name) -> Result<Option<Ran>, ServiceError> {
        let ran = self.launchctl.run(&["print", &self.target(name)])?;
        Ok(ran.ok.then_some(ran))
    }

    fn boot_out(&self, name: &Name) -> Result<(), ServiceError> {
        match self.is_loaded(name)? {
            None => Ok(()),
            Some(_) => self.launchctl.must(&["bootout", &self.target(name)]).map(drop),
        }
    }

    fn boot(&self, name: &Name) -> Result<(), ServiceError> {
        let plist = self.plist(name).display().to_string();
        let booted = self.launchctl.run(&["bootstrap", &self.domain, &plist])?;
        if booted.ok {
            return Ok(());
        }
        Err(ServiceError::StartFailed { said: booted.said(), look: format!("launchctl print {}", self.target(name)) })
    }
}

impl Manager for Launchd {
    fn label(&self) -> &'static str {
        "LaunchAgent"
    }

    fn words(&self) -> (&'static str, &'static str) {
        ("loaded", "not loaded")
    }

    fn definition(&self, spec: &ServiceSpec) -> Vec<UnitFile> {
        vec![UnitFile::text(self.plist(&spec.name), plist(spec))]
    }

    fn adopt(&self, spec: &ServiceSpec, changed: &[UnitFile]) -> Result<(), ServiceError> {
        self.boot_out(&spec.name)?;
        changed.iter().try_for_each(UnitFile::write)?;
        self.launchctl.must(&["enable", &self.target(&spec.name)])?;
        self.boot(&spec.name)
    }

    fn uninstall(&self, name: &Name) -> Result<(), ServiceError> {
        self.boot_out(name)?;
        remove(&self.plist(name))
    }

    fn start(&self, name: &Name) -> Result<(), ServiceError> {
        if self.is_loaded(name)?.is_none() {
            self.launchctl.must(&["enable", &self.target(name)])?;
            return self.boot(name);
        }
        self.launchctl.must(&["kickstart", &self.target(name)]).map(drop)
    }

    fn stop(&self, name: &Name, disable: bool) -> Result<(), ServiceError> {
        self.boot_out(name)?;
        if disable {
            self.launchctl.must(&["disable", &self.target(name)])?;
        }
        Ok(())
    }

    fn restart(&self, name: &Name, now: bool) -> Result<(), ServiceError> {
        if self.is_loaded(name)?.is_none() {
            return self.start(name);
        }
        if now {
            // One that does not run cannot be killed, and need not be.
            let _not_running = self.launchctl.run(&["kill", "SIGKILL", &self.target(name)])?;
        }
        self.launchctl.must(&["kickstart", "-k", &self.target(name)]).map(drop)
    }

    fn state(&self, name: &Name) -> Result<State, ServiceError> {
        let file = self.plist(name);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let printed = self.is_loaded(name)?;
        let said = |key: &str| {
            let lines = printed.as_ref().map_or("", |ran| ran.stdout.as_str()).lines();
            lines
                .filter_map(|line| line.trim().split_once(" = "))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
        };
        let pid = said("pid").and_then(|pid| pid.parse().ok());
        let env = strings(&text, "EnvironmentVariables", "dict");
        let env: Vec<_> = env.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        Ok(State {
            installed: file.exists(),
            enabled: printed.is_some(),
            running: pid.is_some(),
            pid,
            detail: said("state").unwrap_or("not loaded").to_owned(),
            command: strings(&text, "ProgramArguments", "array"),
            issues: if file.exists() { issues(&text, &env) } else { Vec::new() },
            env,
            file,
        })
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The plist of SVC-3.
fn plist(spec: &ServiceSpec) -> String {
    let string = |text: &str| format!("\t\t<string>{}</string>\n", escaped(text));
    let command: String = spec.command().iter().map(|word| string(word)).collect();
    let env: String = spec
        .env
        .iter()
        .map(super::spec::Var::pair)
        .map(|(name, value)| format!("\t\t<key>{name}</key>\n{}", string(&value)))
        .collect();
    let label = escaped(&spec.name.label());
    let log = escaped(&spec.state_dir.join("logs/service.log").display().to_string());
    let folder = escaped(&spec.state_dir.display().to_string());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \t<key>Label</key>\n\t<string>{label}</string>\n\
         \t<key>ProgramArguments</key>\n\t<array>\n{command}\t</array>\n\
         \t<key>EnvironmentVariables</key>\n\t<dict>\n{env}\t</dict>\n\
         \t<key>WorkingDirectory</key>\n\t<string>{folder}</string>\n\
         \t<key>RunAtLoad</key>\n\t<true/>\n\
         \t<key>KeepAlive</key>\n\t<true/>\n\
         \t<key>ThrottleInterval</key>\n\t<integer>5</integer>\n\
         \t<key>ExitTimeOut</key>\n\t<integer>30</integer>\n\
         \t<key>ProcessType</key>\n\t<string>Interactive</string>\n\
         \t<key>StandardOutPath</key>\n\t<string>{log}</string>\n\
         \t<key>StandardErrorPath</key>\n\t<string>{log}</string>\n\
         </dict>\n\
         </plist>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Keys and strings of the `<array>` or `<dict>` under `key`, in order.
fn strings(text: &str, key: &str, kind: &str) -> Vec<String> {
    let block = || {
        let after = text.split_once(&format!("<key>{key}</key>"))?.1;
        let (before, inner) = after.split_once(&format!("<{kind}>"))?;
        // The block must be this key's own, not that of a later one.
        before.trim().is_empty().then(|| inner.split(&format!("</{kind}>")).next()).flatten()
    };
    let unescaped = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let element = |line: &str| {
        let inner = |tag: &str| line.strip_prefix(&format!("<{tag}>"))?.strip_suffix(&format!("</{tag}>"));
        inner("string").or_else(|| inner("key")).map(unescaped)
    };
    block().unwrap_or_default().lines().filter_map(|line| element(line.trim())).collect()
}

/// What an older or hand-made plist lacks (DOC-5).
fn issues(text: &str, env: &[(String, String)]) -> Vec<&'static str> {
    let is_true = |key: &str| {
        text.split_once(&format!("<key>{key}</key>")).is_some_and(|(_, rest)| rest.trim_start().starts_with("<true/>"))
    };
    let checks = [
        (is_true("RunAtLoad"), "launchd-run-at-load"),
        (is_true("KeepAlive"), "launchd-keep-alive"),
        (!strings(text, "ProgramArguments", "array").is_empty(), "gateway-command-missing"),
    ];
    let missing = checks.into_iter().filter(|(is_fine, _)| !is_fine).map(|(_, code)| code);
    missing.chain(super::path_issues(env)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::{example, node, tunnel};
    use super::*;

    /// SVC-3
    #[test]
    fn the_plist_runs_at_login_and_keeps_alive() {
        let spec = ServiceSpec { program: "/opt/a&b/<openclaw>".into(), ..example(Some("work")) };
        let text = plist(&spec);
        insta::assert_snapshot!(text);
        assert_eq!(strings(&text, "ProgramArguments", "array"), spec.command());
        let fine = [("PATH".to_owned(), "/usr/bin".to_owned())];
        assert!(issues(&text, &fine).is_empty());
        assert_eq!(issues("<plist/>", &[]).len(), 4);
    }

    /// SSH-15
    #[test]
    fn the_plist_of_a_tunnel_keeps_alive() {
        insta::assert_snapshot!(plist(&tunnel(None)));
    }

    /// N-11.2: by its own label, and with nothing but where its state is.
    #[test]
    fn the_plist_of_a_node_host_only_runs_it() {
        let spec = node(Some("work"));
        let text = plist(&spec);
        assert!(text.contains("<string>ai.openclaw.node.work</string>"), "{text}");
        assert_eq!(strings(&text, "ProgramArguments", "array")[1..], ["node", "run"]);
    }
}
