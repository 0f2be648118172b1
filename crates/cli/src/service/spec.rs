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
/// How launchd's labels of tunnels begin.
const LABELS_OF_TUNNELS: &str = "ai.openclaw.tunnel.";
/// launchd's label of a node host.
const LABEL_OF_NODES: &str = "ai.openclaw.node";
/// How often the Gateway must say that it is alive, in seconds.
pub(crate) const WATCHDOG_SECS: u32 = 60;

/// What a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Gateway,
    /// Offers this machine's commands (N-11.2).
    Node,
    /// Keeps this port (SSH-15).
    Tunnel(u16),
}

/// The name of a profile's service at each manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    role: Role,
    profile: Option<String>,
}

impl Name {
    /// The Gateway of `profile`.
    pub(crate) fn gateway(profile: &Profile) -> Self {
        Self { role: Role::Gateway, profile: profile.name().map(str::to_owned) }
    }

    /// The node host of `profile`.
    pub(crate) fn node(profile: &Profile) -> Self {
        Self { role: Role::Node, ..Self::gateway(profile) }
    }

    /// The tunnel of `profile` on a port of this machine.
    pub(crate) fn tunnel(profile: &Profile, port: u16) -> Self {
        Self { role: Role::Tunnel(port), ..Self::gateway(profile) }
    }

    /// The tunnel of `profile` whose definition has this name, without suffix.
    pub(super) fn of_tunnel(profile: &Profile, stem: &str) -> Option<Self> {
        let port = stem.rsplit(['-', '.']).next()?.parse().ok()?;
        let name = Self::tunnel(profile, port);
        (name.unit() == stem || name.label() == stem).then_some(name)
    }

    /// systemd, without the suffix.
    pub(crate) fn unit(&self) -> String {
        let profile = self.profile.as_ref().map_or_else(String::new, |name| format!("-{name}"));
        match self.role {
            Role::Gateway => format!("openclaw-gateway{profile}"),
            Role::Node => format!("openclaw-node{profile}"),
            Role::Tunnel(port) => format!("openclaw-tunnel{profile}-{port}"),
        }
    }

    /// launchd. No profile has a dot in its name, so that no Gateway is called like a tunnel; a profile that is called like
    /// another service has a label with one more word.
    pub(crate) fn label(&self) -> String {
        match self.role {
            Role::Gateway => match self.profile.as_deref() {
                Some(taken @ ("gateway" | "node")) => format!("ai.openclaw.gateway.{taken}"),
                profile => format!("ai.openclaw.{}", profile.unwrap_or("gateway")),
            },
            Role::Node => {
                let profile = self.profile.as_ref().map_or_else(String::new, |name| format!(".{name}"));
                format!("{LABEL_OF_NODES}{profile}")
            }
            Role::Tunnel(port) => {
                let profile = self.profile.as_ref().map_or_else(String::new, |name| format!("{name}."));
                format!("{LABELS_OF_TUNNELS}{profile}{port}")
            }
        }
    }

    /// Windows.
    pub(crate) fn task(&self) -> String {
        let profile = self.profile.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        format!("{}{profile}", self.noun())
    }

    /// For people.
    pub(super) fn description(&self) -> String {
        let profile = self.profile.as_ref().map_or_else(String::new, |name| format!(" (profile {name})"));
        format!("{}{profile}", self.noun())
    }

    fn noun(&self) -> String {
        match self.role {
            Role::Gateway => "OpenClaw Gateway".into(),
            Role::Node => "OpenClaw Node".into(),
            Role::Tunnel(port) => format!("OpenClaw Tunnel {port}"),
        }
    }
}

/// Whether a definition with this name, without suffix, is a Gateway's.
pub(super) fn is_a_gateway(stem: &str) -> bool {
    let ours = stem.starts_with("openclaw-gateway") || stem.starts_with("ai.openclaw.");
    let of_a_node = stem.strip_prefix(LABEL_OF_NODES).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let other = of_a_node || stem == "ai.openclaw.ssh-tunnel" || stem.starts_with(LABELS_OF_TUNNELS);
    ours && !other || LEGACY.iter().any(|old| stem.starts_with(old))
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
    /// Another SSH configuration than the usual one.
    SshConfig(PathBuf),
}

impl Var {
    pub(crate) fn pair(&self) -> (&'static str, String) {
        match self {
            Self::Marker => ("OPENCLAW_SERVICE_MARKER", "openclaw".into()),
            Self::Profile(name) => ("OPENCLAW_PROFILE", name.clone()),
            Self::StateDir(path) => ("OPENCLAW_STATE_DIR", path.display().to_string()),
            Self::ConfigPath(path) => ("OPENCLAW_CONFIG_PATH", path.display().to_string()),
            Self::Path(path) => ("PATH", path.clone()),
            Self::SshConfig(path) => ("OPENCLAW_SSH_CONFIG", path.display().to_string()),
            Self::Home(path) => ("HOME", path.display().to_string()),
        }
    }
}

/// What a manager shall keep running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceSpec {
    pub(crate) name: Name,
    /// The binary, or what wraps it.
    pub(crate) program: PathBuf,
    /// What it is told to do.
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<Var>,
    pub(crate) state_dir: PathBuf,
    /// Addresses the manager holds open for it, so that a restart refuses nobody (SVC-6); empty where it cannot.
    pub(crate) listen: Vec<SocketAddr>,
}

impl ServiceSpec {
    /// The program and its arguments.
    pub(crate) fn command(&self) -> Vec<String> {
        std::iter::once(self.program.display().to_string()).chain(self.args.iter().cloned()).collect()
    }

    /// Whether it tells its manager when it is ready and that it is alive.
    pub(super) fn tells(&self) -> bool {
        self.name.role == Role::Gateway
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
            args: ["gateway", "run", "--port", &port.to_string()].map(str::to_owned).into(),
            env,
            state_dir,
            listen,
        }
    }

    /// A tunnel that is kept.
    pub(in crate::service) fn tunnel(profile: Option<&str>) -> ServiceSpec {
        let spec = example(profile);
        let profile = profile.map_or_else(Profile::default, |name| Profile::parse(name).unwrap());
        let args = ["tunnel", "keep", "ann@far.example", "--remote-port", "18789", "--local-port", "18800"];
        ServiceSpec {
            name: Name::tunnel(&profile, 18800),
            args: args.map(str::to_owned).into(),
            listen: Vec::new(),
            ..spec
        }
    }

    /// PROF-4, N-11.2: whatever a profile is called, its Gateway and its node host are no other service.
    #[test]
    fn no_two_services_share_a_name() {
        let profiles = ["gateway", "node", "tunnel", "work", "node-work"].map(|name| Profile::parse(name).unwrap());
        let all = || [&Profile::default()].into_iter().chain(&profiles).cloned().collect::<Vec<_>>();
        let names = || all().into_iter().flat_map(|profile| [Name::gateway(&profile), Name::node(&profile)]);
        let count = names().count();
        for spell in [Name::label, Name::unit, Name::task] {
            let different: std::collections::BTreeSet<String> = names().map(|name| spell(&name)).collect();
            assert_eq!(different.len(), count, "{different:?}");
        }
        for profile in all() {
            assert!(is_a_gateway(&Name::gateway(&profile).label()) && !is_a_gateway(&Name::node(&profile).label()));
        }
    }

    /// SSH-15: no tunnel is taken for a Gateway or for another profile's.
    #[test]
    fn each_tunnel_has_a_name_of_its_own_that_is_read_back() {
        let (none, work) = (Profile::default(), Profile::parse("work").unwrap());
        for profile in [&none, &work] {
            let name = Name::tunnel(profile, 18800);
            for stem in [name.unit(), name.label()] {
                assert_eq!(Name::of_tunnel(profile, &stem), Some(name.clone()), "{stem}");
                assert!(!is_a_gateway(&stem), "{stem}");
            }
        }
        assert_eq!(Name::of_tunnel(&none, "openclaw-tunnel-work-18800"), None);
        assert_eq!(Name::of_tunnel(&work, "ai.openclaw.tunnel.18800"), None);
        assert_eq!(Name::of_tunnel(&none, "openclaw-gateway"), None);
    }

    /// A node host that is kept.
    pub(in crate::service) fn node(profile: Option<&str>) -> ServiceSpec {
        let spec = example(profile);
        let profile = profile.map_or_else(Profile::default, |name| Profile::parse(name).unwrap());
        let args = ["node", "run"].map(str::to_owned).into();
        ServiceSpec { name: Name::node(&profile), args, listen: Vec::new(), ..spec }
    }

    /// N-11.2: named apart from every Gateway at each manager.
    #[test]
    fn a_node_host_is_taken_for_no_gateway() {
        let work = Profile::parse("work").unwrap();
        let names = |profile: &Profile| {
            let name = Name::node(profile);
            [name.unit(), name.label(), name.task()]
        };
        assert_eq!(names(&Profile::default()), ["openclaw-node", "ai.openclaw.node", "OpenClaw Node"]);
        assert_eq!(names(&work), ["openclaw-node-work", "ai.openclaw.node.work", "OpenClaw Node (work)"]);
        for stem in names(&work).iter().chain(&names(&Profile::default())) {
            assert!(!is_a_gateway(stem), "{stem}");
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
