//! One library a job: what `deny.toml` forbids and excuses, held without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::house::read;

/// Every package of the lock file, with its versions.
fn locked() -> BTreeMap<String, Vec<String>> {
    let mut packages = BTreeMap::<String, Vec<String>>::new();
    let value = |line: &str| line.split('"').nth(1).unwrap().to_owned();
    let lock = read("Cargo.lock");
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("name = ") {
            packages.entry(value(line)).or_default().push(value(lines.next().unwrap()));
        }
    }
    assert!(packages.len() > 100, "the lock file is read");
    packages
}

/// The `crate = "…"` of each entry of a list in `deny.toml`, and the one library that may bring it all the same.
fn listed(list: &str) -> Vec<(String, Option<String>)> {
    let text = read("deny.toml");
    let from = text.split_once(&format!("\n{list} = [")).unwrap().1;
    let entries = from.split_once("\n]").unwrap().0.lines().filter(|line| line.contains("crate = "));
    let wrapper = |line: &str| Some(line.split_once("wrappers = [\"")?.1.split_once('"')?.0.to_owned());
    entries.map(|line| (line.split('"').nth(1).unwrap().to_owned(), wrapper(line))).collect()
}

/// Who depends on `name` directly.
fn dependents(name: &str) -> Vec<String> {
    let args = ["tree", "--locked", "--offline", "--target=all", "--prefix=depth", "--edges=normal,build", "--depth=1"];
    let tree = Command::new(env!("CARGO")).args(args).args(["--invert", name, "-popenclaw-cli"]).output().unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    let direct = text.lines().filter_map(|line| line.strip_prefix('1'));
    direct.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Every package that is built into the binary, on any platform; the lock file also holds what no feature asks for.
fn built() -> BTreeSet<String> {
    let args =
        ["tree", "--locked", "--offline", "--target=all", "--prefix=none", "--edges=normal,build", "-popenclaw-cli"];
    let tree = Command::new(env!("CARGO")).args(args).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_forbidden_library_came_in() {
    let packages = built();
    assert!(packages.contains("rustls"), "the tree is read");
    let forbidden = listed("deny");
    assert!(forbidden.len() > 2, "the list is read");
    for (name, wrapper) in forbidden {
        if let Some(wrapper) = wrapper {
            assert!(dependents(&name).iter().all(|who| *who == wrapper), "only {wrapper} may bring {name}");
            continue;
        }
        assert!(!packages.contains(&name), "{name} is built in; deny.toml says why it must not be");
    }
}

#[test]
fn every_library_stands_once_or_is_excused() {
    let excused = listed("skip");
    for (name, versions) in locked().iter().filter(|(_, versions)| versions.len() > 1) {
        let old = &versions[..versions.len() - 1];
        for version in old {
            let named = excused.iter().filter_map(|(entry, _)| entry.split_once(':')).any(|(crate_name, prefix)| {
                crate_name == name && (version == prefix || version.starts_with(&format!("{prefix}.")))
            });
            assert!(named, "{name} {version} stands beside {}; deny.toml does not excuse it", versions.last().unwrap());
        }
    }
}
