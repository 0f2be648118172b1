//! Where the config file and the state folder are (ENV-6, PROF-1…5).

use std::path::{Path, PathBuf};

use crate::{Code, Env, Explain, Kind, Step};

/// The port of a Gateway without a profile (CFG-3).
pub const DEFAULT_PORT: u16 = 18789;
const DEV_PORT: u16 = 19001;
/// State folders in the home, and config files in them, by their earlier names; the youngest first (ENV-6).
pub const LEGACY_STATE: [(&str, &str); 2] = [(".moltbot", "moltbot.json"), (".clawdbot", "clawdbot.json")];
/// The state folder of no profile.
pub const STATE_FOLDER: &str = ".openclaw";
/// The config file in a state folder.
pub const CONFIG_NAME: &str = "openclaw.json";

/// A profile's name: `--profile NAME`, `--dev` or `OPENCLAW_PROFILE`; `default` and nothing are the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile(Option<String>);

impl Profile {
    /// Checks a name against PROF-1.
    ///
    /// # Errors
    /// [`PathsError::BadProfile`] for a name outside `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`.
    pub fn parse(name: &str) -> Result<Self, PathsError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts_well || name.len() > 64 || !name.chars().all(legal) {
            return Err(PathsError::BadProfile(name.to_owned()));
        }
        Ok(Self((name != "default").then(|| name.to_owned())))
    }

    /// The profile that `--dev` stands for.
    pub fn dev() -> Self {
        Self(Some("dev".into()))
    }

    /// The name, `None` for the default profile.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The port this profile uses when nothing else names one (PROF-3, PROF-5).
    pub fn default_port(&self) -> u16 {
        match self.name() {
            None => DEFAULT_PORT,
            Some("dev") => DEV_PORT,
            Some(name) => profile_port(name),
        }
    }
}

/// `20000 + FNV-1a-32(name) mod 40000` (PROF-5).
pub fn profile_port(name: &str) -> u16 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let offset = u16::try_from(hash % 40_000).expect("a remainder of 40000 fits in 16 bits");
    20_000 + offset
}

/// The places one profile of one user owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePaths {
    /// Whose places these are.
    pub profile: Profile,
    /// The state folder, `~/.openclaw` by default.
    pub state_dir: PathBuf,
    /// The config file, `openclaw.json` in the state folder by default.
    pub config_file: PathBuf,
    /// What `~` stands for: `OPENCLAW_HOME`, else `HOME`.
    pub home: PathBuf,
}

impl StatePaths {
    /// Resolves the places for `profile` (or, when it is `None`, for `OPENCLAW_PROFILE`).
    ///
    /// # Errors
    /// [`PathsError`] when there is no home folder or the profile's name is not one.
    pub fn resolve(env: &Env, profile: Option<Profile>) -> Result<Self, PathsError> {
        let profile = match profile {
            Some(profile) => profile,
            None => env.get("PROFILE").map_or(Ok(Profile::default()), |name| Profile::parse(&name))?,
        };
        let home = env
            .get("HOME")
            .or_else(|| env.raw("HOME"))
            .or_else(|| env.raw("USERPROFILE"))
            .map(PathBuf::from)
            .ok_or(PathsError::NoHome)?;
        let expand = |path: String| match path.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(path),
        };
        let state_dir = env.get("STATE_DIR").map_or_else(|| default_state_dir(&home, &profile), expand);
        let config_file = env.get("CONFIG_PATH").map_or_else(|| default_config(&state_dir), expand);
        Ok(Self { profile, state_dir, config_file, home })
    }

    /// The SQLite database of everything transactional.
    pub fn database(&self) -> PathBuf {
        self.state_dir.join("state/openclaw.db")
    }

    /// The socket for clients of this host and user.
    pub fn local_socket(&self) -> PathBuf {
        self.state_dir.join("gateway.sock")
    }

    /// This machine's device key.
    pub fn device_identity(&self) -> PathBuf {
        self.state_dir.join("identity/device.json")
    }

    /// The token a Gateway without a configured one made for its run (AUTH-4); gone when it stops.
    pub fn run_token(&self) -> PathBuf {
        self.state_dir.join("identity/run-token")
    }

    /// A page that only leads on to the Gateway's, so that a browser is started without a secret on its command line.
    pub fn dashboard_page(&self) -> PathBuf {
        self.state_dir.join("tmp/dashboard.html")
    }

    /// The certificate of a Gateway that speaks TLS, unless the config names another (TLS-2).
    pub fn tls_cert(&self) -> PathBuf {
        self.state_dir.join("gateway/tls/gateway-cert.pem")
    }

    /// Its key.
    pub fn tls_key(&self) -> PathBuf {
        self.state_dir.join("gateway/tls/gateway-key.pem")
    }

    /// The sockets of shared SSH connections, in a folder only the owner can enter (SSH-13). Short on purpose: a socket's
    /// path may hold about a hundred bytes.
    pub fn ssh(&self) -> PathBuf {
        self.state_dir.join("ssh")
    }

    /// What the keepers of forwarded ports say of themselves, in a folder only the owner can enter (SSH-9).
    pub fn tunnels(&self) -> PathBuf {
        self.state_dir.join("tunnels")
    }

    /// Daily JSON-lines logs, in a folder only the owner can enter (LOG-1).
    pub fn logs(&self) -> PathBuf {
        self.state_dir.join("logs")
    }

    /// What a Gateway in the background printed since it was last started.
    pub fn background_output(&self) -> PathBuf {
        self.state_dir.join("logs/background.out")
    }

    /// Zone files for wide-area discovery (DISC-8).
    pub fn dns(&self) -> PathBuf {
        self.state_dir.join("dns")
    }

    /// What the node host of this machine keeps: its name and its Gateway (N-11.3).
    pub fn node_host(&self) -> PathBuf {
        self.state_dir.join("node.json")
    }

    /// The jobs of an older install; read once, never written.
    pub fn legacy_cron_jobs(&self) -> PathBuf {
        self.state_dir.join("cron/jobs.json")
    }

    /// What a node of this machine may run (N-12.1).
    pub fn exec_approvals(&self) -> PathBuf {
        self.state_dir.join("exec-approvals.json")
    }

    /// The browsers of a node of this machine: a folder a profile, which only the owner can enter (N-10.20).
    pub fn browser(&self) -> PathBuf {
        self.state_dir.join("browser")
    }

    /// What the original keeps of people who asked to talk in chats; read once, when its state is taken over.
    pub fn credentials(&self) -> PathBuf {
        self.state_dir.join("credentials")
    }

    /// What was sent to a node of this machine for a terminal, in a folder only the owner can enter (N-10.23).
    pub fn uploads(&self) -> PathBuf {
        self.state_dir.join("uploads")
    }

    /// The default workspace of an agent.
    pub fn workspace(&self, agent_id: &str) -> PathBuf {
        match agent_id {
            "main" => self.state_dir.join("workspace"),
            other => self.state_dir.join(format!("workspace-{other}")),
        }
    }

    /// Lock files (LOCK-1), one folder per user.
    pub fn locks(&self, uid: u32) -> PathBuf {
        self.state_dir.join(format!("tmp/openclaw-{uid}"))
    }
}

fn default_state_dir(home: &Path, profile: &Profile) -> PathBuf {
    if let Some(name) = profile.name() {
        return home.join(format!(".openclaw-{name}"));
    }
    let current = home.join(STATE_FOLDER);
    if current.is_dir() {
        return current;
    }
    LEGACY_STATE.iter().map(|(folder, _)| home.join(folder)).find(|folder| folder.is_dir()).unwrap_or(current)
}

fn default_config(state_dir: &Path) -> PathBuf {
    let current = state_dir.join(CONFIG_NAME);
    if current.is_file() {
        return current;
    }
    LEGACY_STATE.iter().map(|(_, file)| state_dir.join(file)).find(|file| file.is_file()).unwrap_or(current)
}

/// Why the places could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// Neither `OPENCLAW_HOME` nor `HOME` is set.
    #[error("there is no home folder: neither OPENCLAW_HOME nor HOME is set")]
    NoHome,
    /// PROF-1.
    #[error("`{0}` is not a profile name: letters, digits, `_` and `-`, at most 64, starting with a letter or digit")]
    BadProfile(String),
}

impl Explain for PathsError {
    fn code(&self) -> Code {
        match self {
            Self::NoHome => Code("NO_HOME"),
            Self::BadProfile(_) => Code("BAD_PROFILE"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NoHome => Kind::Config,
            Self::BadProfile(_) => Kind::Usage,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::NoHome => vec![Step::advise("set OPENCLAW_STATE_DIR to a folder you own")],
            Self::BadProfile(_) => vec![Step::run("openclaw --profile work status")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROF-5, with the vectors of the rule.
    #[test]
    fn profile_ports_follow_the_published_vectors() {
        for (name, port) in [("rescue", 23532), ("ops", 55291), ("main", 23592), ("work", 41984), ("a", 22220)] {
            assert_eq!(profile_port(name), port, "{name}");
        }
        assert_eq!(Profile::dev().default_port(), 19001);
        assert_eq!(Profile::default().default_port(), 18789);
    }

    /// PROF-1
    #[test]
    fn profile_names_are_checked() {
        for good in ["a", "Work-2_x", &"a".repeat(64)] {
            assert!(Profile::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "../x", "ä", &"a".repeat(65)] {
            assert!(Profile::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Profile::parse("default").unwrap(), Profile::default());
    }

    /// PROF-2, ENV-6, A-1.3
    #[test]
    fn a_profile_has_its_own_folder_unless_one_is_named() {
        let env = Env::of([("HOME", "/home/me")]);
        let work = StatePaths::resolve(&env, Some(Profile::parse("work").unwrap())).unwrap();
        assert_eq!(work.config_file, Path::new("/home/me/.openclaw-work/openclaw.json"));
        let named = StatePaths::resolve(&env.with("OPENCLAW_STATE_DIR", "~/s"), None).unwrap();
        assert_eq!(named.database(), Path::new("/home/me/s/state/openclaw.db"));
        let moved = StatePaths::resolve(&env.with("OPENCLAW_HOME", "/srv"), None).unwrap();
        assert_eq!(moved.state_dir, Path::new("/srv/.openclaw"));
    }

    /// ENV-6
    #[test]
    fn an_old_install_is_found_only_when_no_new_one_exists() {
        let home = tempfile::tempdir().unwrap();
        let env = Env::of([("HOME", home.path().to_str().unwrap())]);
        std::fs::create_dir(home.path().join(".clawdbot")).unwrap();
        std::fs::write(home.path().join(".clawdbot/clawdbot.json"), "{}").unwrap();
        let old = StatePaths::resolve(&env, None).unwrap();
        assert_eq!(old.config_file, home.path().join(".clawdbot/clawdbot.json"));
        std::fs::create_dir(home.path().join(".moltbot")).unwrap();
        assert_eq!(StatePaths::resolve(&env, None).unwrap().state_dir, home.path().join(".moltbot"));
        std::fs::create_dir(home.path().join(".openclaw")).unwrap();
        assert_eq!(StatePaths::resolve(&env, None).unwrap().state_dir, home.path().join(".openclaw"));
    }
}
