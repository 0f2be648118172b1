//! The commands, one file each; a new one is a line in [`ALL`].

mod asked;
mod browser;
mod camera;
mod device;
mod environment;
mod exec_approvals;
mod files;
mod list_dir;
mod location;
mod media;
mod notify;
mod prepare;
mod program;
mod run;
mod screen;
mod upload;
mod which;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Env;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use self::environment::without_secrets;
use crate::browser::Browsers;
use crate::files::Roots;
use crate::serve::Voice;

/// One thing this machine can be asked for.
pub(crate) trait Command: Sync {
    /// Its name, such as `system.run`.
    fn name(&self) -> &'static str;
    /// The family it belongs to, such as `system`.
    fn cap(&self) -> &'static str;
    /// Whether this machine has what it takes.
    fn is_offered(&self, _: &Host) -> bool {
        true
    }
    /// Does it. Dropping the future stops whatever it has begun.
    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>>;
}

/// Every command.
pub(crate) const ALL: &[&dyn Command] = &[
    &run::Run,
    &prepare::Prepare,
    &exec_approvals::Get,
    &exec_approvals::Set,
    &which::Which,
    &notify::Notify,
    &list_dir::ListDir,
    &device::Info,
    &device::Status,
    &files::Fetch,
    &files::Stat,
    &files::Write,
    &files::Create,
    &files::List,
    &files::Pack,
    &upload::Upload,
    &browser::Proxy,
    &screen::Snapshot,
    &screen::Record,
    &camera::List,
    &camera::Snap,
    &camera::Clip,
    &location::Get,
];

/// The names of all commands.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|command| command.name())
}

/// What a command is given.
#[derive(Clone)]
pub(crate) struct Cx {
    /// This machine.
    pub(crate) host: Arc<Host>,
    /// The way back, before the answer.
    pub(crate) voice: Voice,
}

/// This machine, as commands know it.
#[derive(Debug)]
pub(crate) struct Host {
    /// The environment of this process.
    pub(crate) env: Env,
    /// The user's home.
    pub(crate) home: PathBuf,
    /// The owner's word about what may be run.
    pub(crate) exec_approvals: PathBuf,
    /// How the guard of a program is started; the program follows.
    pub(crate) guard: Vec<PathBuf>,
    /// What people call it.
    pub(crate) name: Option<String>,
    /// The version of this program.
    pub(crate) version: String,
    /// The folders whose files may be asked for.
    pub(crate) roots: Roots,
    /// Where what is sent for a terminal is kept.
    pub(crate) uploads: PathBuf,
    /// What else the owner says.
    pub(crate) settings: config::NodeHost,
    /// The browsers, where there are any and they may be used.
    pub(crate) browsers: Option<Browsers>,
}

impl Host {
    /// `PATH`, as programs are looked for.
    pub(crate) fn path(&self) -> String {
        self.env.raw("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
    }

    /// A path as a caller writes it: `~` is the home, and where it does not begin at the root, it begins there too.
    pub(crate) fn place(&self, text: &str) -> PathBuf {
        place(&self.home, text)
    }
}

/// The same for who knows only the home.
pub(crate) fn place(home: &Path, text: &str) -> PathBuf {
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => home.join(text),
    }
}

/// Why a command was not done (N-10.27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// The params are not what they should be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: "INVALID_REQUEST", message: message.into() }
    }

    /// It cannot be done here, or not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { code: "UNAVAILABLE", message: message.into() }
    }
}

/// The params as a command's own type; none are an empty object.
pub(crate) fn read<T: DeserializeOwned>(params: Value) -> Result<T, Refusal> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_json::from_value(params).map_err(|error| Refusal::invalid(format!("invalid params: {error}")))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::serve::Words;

    /// A machine whose home is `home`.
    pub(crate) fn cx(home: &Path) -> Cx {
        let host = Host {
            env: Env::of([("PATH", "/usr/bin:/bin")]),
            home: home.to_owned(),
            exec_approvals: home.join("exec-approvals.json"),
            guard: Vec::new(),
            name: None,
            version: "0".into(),
            roots: Roots::default(),
            uploads: home.join("uploads"),
            settings: config::NodeHost::default(),
            browsers: None,
        };
        Cx { host: Arc::new(host), voice: Voice::nowhere() }
    }

    /// A machine of a test's own: its home, and a folder of programs that stand for the outside world.
    pub(crate) struct Machine(tempfile::TempDir);

    impl Machine {
        pub(crate) fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            std::fs::create_dir(home.path().join("bin")).unwrap();
            Self(home)
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// A program that does what the shell makes of `script`.
        pub(crate) fn program(&self, name: &str, script: &str) {
            let path = self.path("bin").join(name);
            std::fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }

        pub(crate) fn without(&self, name: &str) {
            std::fs::remove_file(self.path("bin").join(name)).unwrap();
        }

        /// The machine with these variables besides.
        pub(crate) fn cx(&self, env: &[(&str, &str)]) -> Cx {
            self.built(env, |_| {})
        }

        /// The machine as its owner set it up.
        pub(crate) fn with(&self, settings: impl FnOnce(&mut config::NodeHost)) -> Cx {
            self.built(&[], settings)
        }

        fn built(&self, env: &[(&str, &str)], settings: impl FnOnce(&mut config::NodeHost)) -> Cx {
            let cx = cx(self.0.path());
            let mut host = Arc::into_inner(cx.host).unwrap();
            // The test's programs are found first and see the system's; nothing else of it is found by name.
            let bin = self.path("bin").to_string_lossy().into_owned();
            host.env = Env::of([("PATH", bin.as_str())].into_iter().chain(env.iter().copied()));
            settings(&mut host.settings);
            Cx { host: Arc::new(host), voice: cx.voice }
        }
    }

    /// A picture of one colour, as PNG.
    pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::DynamicImage::new_rgb8(width, height).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    /// The same, with what its commands say kept.
    pub(crate) fn heard(home: &Path) -> (Cx, Words) {
        let (voice, words) = Voice::heard();
        (Cx { voice, ..cx(home) }, words)
    }

    #[test]
    fn every_command_has_a_name_of_its_own_within_its_family() {
        let unique: BTreeSet<_> = names().collect();
        assert_eq!(unique.len(), ALL.len());
        for command in ALL {
            let family = command.name().split('.').next();
            assert!(family == Some(command.cap()) || command.cap() == "file", "{}", command.name());
        }
    }
}
