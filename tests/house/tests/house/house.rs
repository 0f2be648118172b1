//! The repository as text: where it is, which files it has, and which part of a file is product.

use std::path::{Path, PathBuf};

/// The root of the repository. Asked when the test runs, not when it was compiled: a build cache serves several
/// checkouts, and the one that filled it may be gone.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&package).join("../..").canonicalize().unwrap()
}

/// A text file, read.
pub(crate) struct Source {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

impl Source {
    /// The crate's short name, for a file under `crates/`.
    pub(crate) fn krate(&self) -> &str {
        self.path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or_default()
    }

    /// Whether all of the file is test code.
    pub(crate) fn is_test(&self) -> bool {
        !self.path.starts_with("crates/") || self.path.contains("/tests/") || self.path.ends_with("tests.rs")
    }

    /// The lines before the first `#[cfg(test)]`, numbered from 1, comments left out; our test modules come last.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let until = if self.is_test() { "" } else { "#[cfg(test)]" };
        let lines = self.text.lines().take_while(move |line| until.is_empty() || line.trim() != until);
        lines.enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(at, line)| (at + 1, line))
    }
}

/// Every Rust file under `folder`, in order.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let (root, mut found) = (root(), Vec::new());
    walk(&root.join(folder), &mut |path| {
        if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            found.push(Source { path: name, text: std::fs::read_to_string(path).unwrap() });
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Short names of the crates.
pub(crate) fn crates() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A file of the repository as text.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        if path.is_dir() && name != "target" && name != "node_modules" {
            walk(&path, visit);
        } else if path.is_file() {
            visit(&path);
        }
    }
}
