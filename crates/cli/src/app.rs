//! What every command is given: the environment, the places of the profile, and how to speak.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base::{Env, PathsError, Profile, StatePaths};
use link::Passphrase;

use crate::args::{Globals, LogLevel, SshFlags};
use crate::exit::Failure;
use crate::out::Out;

/// One run of the command.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) env: Env,
    pub(crate) paths: StatePaths,
    pub(crate) out: Out,
    /// How much to log, when somebody said.
    pub(crate) log_level: Option<LogLevel>,
    /// Whether the `dev` profile was asked for by `--dev`.
    pub(crate) dev: bool,
    /// How to get to the Gateway's host.
    pub(crate) ssh: SshFlags,
    /// The passphrase that was asked for, once for the whole command.
    pub(crate) unlocked: OnceLock<(PathBuf, Passphrase)>,
    config: OnceLock<config::Loaded>,
}

impl App {
    /// Resolves the profile and its places; says once which legacy variables were used (ENV-2).
    pub(crate) fn new(globals: &Globals, env: Env, out: Out) -> Result<Self, Failure> {
        let profile = match (&globals.profile, globals.dev) {
            (Some(_), true) => return Err(Failure::usage("Cannot combine --dev with --profile")),
            (Some(name), false) => Some(Profile::parse(name)?),
            (None, true) => Some(Profile::dev()),
            (None, false) => None,
        };
        let paths = resolve(&env, profile)?;
        let named = env.get("LOG_LEVEL").and_then(|name| clap::ValueEnum::from_str(&name, true).ok());
        let log_level = globals.log_level.or(named);
        let app = Self {
            env,
            paths,
            out,
            log_level,
            dev: globals.dev,
            ssh: globals.ssh.clone(),
            unlocked: OnceLock::new(),
            config: OnceLock::new(),
        };
        app.warn_of_legacy_names();
        Ok(app)
    }

    /// The config, read once.
    pub(crate) fn config(&self) -> Result<&config::Loaded, Failure> {
        if let Some(loaded) = self.config.get() {
            return Ok(loaded);
        }
        let loaded = config::load(&self.paths.config_file, &self.env)?;
        Ok(self.config.get_or_init(|| loaded))
    }

    /// The same, with a config that is read anew.
    pub(crate) fn afresh(&self) -> Self {
        let (env, paths, out) = (self.env.clone(), self.paths.clone(), self.out.clone());
        Self {
            env,
            paths,
            out,
            log_level: self.log_level,
            dev: self.dev,
            ssh: self.ssh.clone(),
            unlocked: self.unlocked.clone(),
            config: OnceLock::new(),
        }
    }

    /// The same, with the places looked for anew as well: what was found by an earlier name may have been moved.
    pub(crate) fn anew(&self) -> Result<Self, Failure> {
        let paths = resolve(&self.env, Some(self.paths.profile.clone()))?;
        Ok(Self { paths, ..self.afresh() })
    }

    /// The same, for commands that go through SSH to `host`, as with `--ssh`.
    pub(crate) fn through(&self, host: &link::SshTarget) -> Self {
        let ssh = SshFlags { ssh: Some(host.to_string()), ..self.ssh.clone() };
        Self { ssh, ..self.afresh() }
    }

    /// The port the config names.
    pub(crate) fn config_port(&self) -> Option<u16> {
        self.config().ok()?.config.gateway.port
    }

    /// The config file, for people.
    pub(crate) fn config_file(&self) -> &Path {
        &self.paths.config_file
    }

    fn warn_of_legacy_names(&self) {
        // Asked for here so that one warning names them all, whichever part reads them later.
        for name in ["GATEWAY_URL", "GATEWAY_TOKEN", "GATEWAY_PASSWORD", "GATEWAY_PORT", "STATE_DIR", "CONFIG_PATH"] {
            let _noted = self.env.get(name);
        }
        let used = self.env.legacy_used();
        if used.is_empty() {
            return;
        }
        let names: Vec<String> = used.iter().map(|(old, new)| format!("{old} (now {new})")).collect();
        self.out.warn(&format!("legacy environment variables in use: {}", names.join(", ")));
    }
}

/// PROF-2: a profile asked for by flag replaces one inherited from the environment, with its places.
fn resolve(env: &Env, profile: Option<Profile>) -> Result<StatePaths, PathsError> {
    let inherited = env.get("PROFILE").filter(|name| name != "default");
    let asked = profile.as_ref().and_then(Profile::name);
    let foreign = asked.is_some() && inherited.is_some() && inherited.as_deref() != asked;
    if !foreign {
        return StatePaths::resolve(env, profile);
    }
    let own = |name: &str| !name.ends_with("_STATE_DIR") && !name.ends_with("_CONFIG_PATH");
    StatePaths::resolve(&Env::of(env.vars().filter(|(name, _)| own(name))), profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROF-2
    #[test]
    fn a_profile_named_by_flag_replaces_the_places_of_an_inherited_one() {
        let env = Env::of([
            ("HOME", "/h"),
            ("OPENCLAW_PROFILE", "ops"),
            ("OPENCLAW_STATE_DIR", "/h/.openclaw-ops"),
            ("OPENCLAW_CONFIG_PATH", "/h/.openclaw-ops/openclaw.json"),
        ]);
        let work = resolve(&env, Some(Profile::parse("work").unwrap())).unwrap();
        assert_eq!(work.state_dir, Path::new("/h/.openclaw-work"));
        let same = resolve(&env, None).unwrap();
        assert_eq!(same.state_dir, Path::new("/h/.openclaw-ops"));
    }

    /// PROF-1
    #[test]
    fn dev_and_profile_do_not_go_together() {
        let globals = Globals { dev: true, profile: Some("work".into()), ..Globals::default() };
        let failure = App::new(&globals, Env::of([("HOME", "/h")]), Out::plain()).unwrap_err();
        assert_eq!(failure.message, "Cannot combine --dev with --profile");
        assert_eq!(failure.exit, 2);
    }
}
