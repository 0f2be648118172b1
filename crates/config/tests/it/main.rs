//! The crate from outside: files in, values or problems out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

extern crate openclaw_config as config;

mod edit;
mod load;
mod originals;
mod properties;
mod schema;
mod start;

use std::path::{Path, PathBuf};

use base::Env;
use config::{Loaded, Problems};

/// A folder with a config in it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    pub(crate) env: Env,
}

impl Home {
    /// An empty folder and an empty environment.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: Env::default() }
    }

    /// A folder whose `openclaw.json` holds `text`.
    pub(crate) fn with(text: &str) -> Self {
        let home = Self::new();
        home.write("openclaw.json", text);
        home
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.env = self.env.with(name, value);
        self
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("openclaw.json")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        config::load(&self.file(), &self.env)
    }

    /// The problems as lines, with the folder's name taken out.
    pub(crate) fn problems(&self) -> Vec<String> {
        let problems = self.load().expect_err("this config has problems").0;
        problems.iter().map(|problem| problem.to_string().replace(&format!("{}/", self.path().display()), "")).collect()
    }
}

/// What `text` loads as, in an environment with nothing in it.
pub(crate) fn loaded(text: &str) -> Loaded {
    Home::with(text).load().unwrap_or_else(|problems| panic!("{problems}"))
}
