//! What a service is, whoever keeps it: its names, its command, and a closed set of variables, none of which can hold a
//! secret (SVC-3, PROF-4).

use std::net::SocketAddr;
use std::path::PathBuf;

use base::Profile;

/// Names of Gateways from before (PROF-4).
const LEGACY: [&str; 5] = [
    "clawdbot-gateway",
    "moltbot-gateway",
    "com.clawdbot.gateway",
    "com.steipete.clawdbot.gateway",
    "bot.molt.gateway",
];
/// How often the Gateway must say that it is alive, in seconds.
pub(crate) const WATCHDOG_SECS: u32 = 60;

/// The name of a profile's Gateway at each manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(Option<String>);

impl Name {
    /// The Gateway of `profile`.
    pub(crate) fn gateway(profile: &Profile) -> Self {
        Self(profile.name().map(str::to_owned))
    }

    /// systemd, without the suffix.
    pub(crate) fn unit(&self) -> String {
        self.0.as_ref().map_or_else(|| "openclaw-gateway".into(), |name| format!("openclaw-gateway-{name}"))
    }

    /// launchd.
    pub(crate) fn label(&self) -> String {
        format!("ai.openclaw.{}", self.0.as_deref().unwrap_or("gateway"))
    }

    /// Windows.
    pub(crate) fn task(&self) -> String {
        self.0.as_ref().map_or_else(|| "OpenClaw Gateway".into(), |name| format!("OpenClaw Gateway ({name})"))
    }

    /// For people.
    pub(super) fn description(&self) -> String {
        self.0.as_ref().map_or_else(|| "OpenClaw Gateway".into(), |name| format!("OpenClaw Gateway (profile {name})"))
    }
}

/// Whether a definition with this name, without suffix, is a Gateway's.
pub(super) fn is_a_gateway(stem: &str) -> bool {
    let ours = stem.starts_with("openclaw-gateway") || stem.starts_with("ai.openclaw.");
    ours && stem != "ai.openclaw.node" || LEGACY.iter().any(|old| stem.starts_with(old))
}

/// The variables a unit may set. There are no others, so that a secret has nowhere to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Var {
    /// Who started it.
    Marker,
    /// `--profile`.
    Profile(String),
    /// Where the state is.
    StateDir(PathBuf),
    /// Where the config is.
    ConfigPath(PathBuf),
    /// Where programs are; a service's own is short.
    Path(String),
    /// Whose home; the machine's own services have none.
    Home(PathBuf),
}

impl Var {
    pub(crate) fn pair(&self) -> (&'static str, String) {
        match self {
            Self::Marker => ("OPENCLAW_SERVICE_MARKER", "openclaw".into()),
            Self::Profile(name) => ("OPENCLAW_PROFILE", name.clone()),
            Self::StateDir(path) => ("OPENCLAW_STATE_DIR", path.display().to_string()),
            Self::ConfigPath(path) => ("OPENCLAW_CONFIG_PATH", path.display().to_string()),
            Self::Path(path) => ("PATH", path.clone()),
            Self::Home(path) => ("HOME", path.display().to_string()),
        }
    }
}

/// A Gateway that a manager shall keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceSpec {
    pub(crate) name: Name,
    /// The binary, or what wraps it.
    pub(crate) program: PathBuf,
    pub(crate) port: u16,
    pub(crate) allow_unconfigured: bool,
    pub(crate) env: Vec<Var>,
    pub(crate) state_dir: PathBuf,
    /// Addresses the manager holds open for it, so that a restart refuses nobody (SVC-6); empty where it cannot.
    pub(crate) listen: Vec<SocketAddr>,
}

impl ServiceSpec {
    /// The program and its arguments.
    pub(crate) fn command(&self) -> Vec<String> {
        let mut command = vec![self.program.display().to_string(), "gateway".into(), "run".into()];
        command.extend(["--port".into(), self.port.to_string()]);
        command.extend(self.allow_unconfigured.then(|| "--allow-unconfigured".into()));
        command
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two Gateways of one host.
    pub(in crate::service) fn example(profile: Option<&str>) -> ServiceSpec {
        let profile = profile.map_or_else(Profile::default, |name| Profile::parse(name).unwrap());
        let port = profile.default_port();
        let state_dir = PathBuf::from("/home/ann/my state/.openclaw");
        let mut env = vec![Var::Marker, Var::StateDir(state_dir.clone()), Var::Path("/usr/local/bin:/usr/bin".into())];
        env.extend(profile.name().map(|name| Var::Profile(name.into())));
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], port)), format!("[::1]:{port}").parse().unwrap()];
        ServiceSpec {
            name: Name::gateway(&profile),
            program: "/opt/open claw/openclaw".into(),
            port,
            allow_unconfigured: false,
            env,
            state_dir,
            listen,
        }
    }

    /// PROF-4
    #[test]
    fn each_profile_has_its_own_service_at_each_manager() {
        let names = |profile: &Profile| {
            let name = Name::gateway(profile);
            [name.unit(), name.label(), name.task()]
        };
        assert_eq!(names(&Profile::default()), ["openclaw-gateway", "ai.openclaw.gateway", "OpenClaw Gateway"]);
        let work = Profile::parse("work").unwrap();
        assert_eq!(names(&work), ["openclaw-gateway-work", "ai.openclaw.work", "OpenClaw Gateway (work)"]);
    }

    /// PROF-4
    #[test]
    fn names_from_before_are_known() {
        for stem in ["clawdbot-gateway", "moltbot-gateway-work", "com.steipete.clawdbot.gateway", "openclaw-gateway-x"]
        {
            assert!(is_a_gateway(stem), "{stem}");
        }
        for stem in ["ssh", "ai.openclaw.node", "openclaw-node"] {
            assert!(!is_a_gateway(stem), "{stem}");
        }
    }
}
