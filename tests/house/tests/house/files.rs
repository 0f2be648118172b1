//! Every file is reachable, says what it is for, and is finished.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::house::{Source, crates, root, sources};

#[test]
fn every_file_is_part_of_its_crate() {
    for name in crates() {
        let folder = format!("crates/{name}");
        let files = sources(&folder);
        let mut reached = BTreeSet::new();
        let roots = files.iter().filter(|file| is_root(&file.path, &folder));
        for file in roots {
            reach(file, &files, &mut reached);
        }
        for file in &files {
            assert!(reached.contains(&file.path), "no `mod` leads to {}", file.path);
        }
    }
}

/// `src/lib.rs`, `src/main.rs`, `src/bin/*.rs`, `build.rs`, and each test, example and benchmark of its own.
fn is_root(path: &str, folder: &str) -> bool {
    let inside = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
    let parts: Vec<&str> = inside.split('/').collect();
    matches!(
        parts.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["tests" | "benches" | "examples", _]
            | ["tests" | "benches" | "examples", _, "main.rs"]
    )
}

/// Follows every `mod x;` of `file`.
fn reach(file: &Source, files: &[Source], reached: &mut BTreeSet<String>) {
    if !reached.insert(file.path.clone()) {
        return;
    }
    for module in modules(file) {
        if let Some(found) = files.iter().find(|other| Path::new(&other.path) == module) {
            reach(found, files, reached);
        }
    }
}

/// Paths the `mod` lines of a file may lead to.
fn modules(file: &Source) -> Vec<PathBuf> {
    let path = Path::new(&file.path);
    let folder = path.parent().unwrap();
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let own = is_root(&file.path, &format!("crates/{}", file.krate())) || stem == "mod";
    let inner = if own { folder.to_owned() } else { folder.join(stem) };
    let (mut found, mut named) = (Vec::new(), None);
    for line in file.text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            named = Some(folder.join(path));
        } else if let Some(name) = module_of(line) {
            match named.take() {
                Some(path) => found.push(path),
                None => found.extend([inner.join(format!("{name}.rs")), inner.join(name).join("mod.rs")]),
            }
        }
    }
    found
}

/// `x` of `pub(crate) mod x;`.
fn module_of(line: &str) -> Option<&str> {
    let before = line.strip_suffix(';')?;
    let (visibility, name) = before.rsplit_once("mod ")?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && (visibility.trim().is_empty() || visibility.starts_with("pub"))).then_some(name)
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for folder in ["crates", "tests"] {
        for file in sources(folder) {
            let first = file.text.lines().next().unwrap_or_default();
            assert!(first.starts_with("//! ") && first.len() > 12, "{} opens with {first:?}", file.path);
        }
    }
}

/// Shows the longest files, for the eye: `cargo test -p openclaw-house longest -- --nocapture`. A number would only
/// make files that stay just below it.
#[test]
fn the_longest_files_are_listed() {
    let mut files = sources("crates");
    files.sort_by_key(|file| std::cmp::Reverse(file.text.lines().count()));
    for file in files.iter().take(20) {
        println!("{:5} {}", file.text.lines().count(), file.path);
    }
}

#[test]
fn nothing_is_left_half_done() {
    for file in sources("crates").iter().filter(|file| !file.is_test()) {
        for (at, line) in file.product_lines() {
            for word in ["todo!(", "unimplemented!(", "dbg!("] {
                assert!(!line.contains(word), "{}:{at} has {word}", file.path);
            }
        }
        assert!(file.text.trim() != "//! placeholder", "{} is a placeholder", file.path);
    }
    assert!(root().join("LICENSE").is_file());
}
