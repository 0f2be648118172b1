//! The names of the product that are not built yet: they exist, say so, and fail with `NOT_BUILT`, never as unknown.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::exit::Failure;

/// Command paths, parents that are built first.
const PATHS: &[&str] = &[
    "acp",
    "agents",
    "attach",
    "backup",
    "browser",
    "clawbot",
    "configure",
    "directory",
    "docs",
    "hooks",
    "memory",
    "plugins",
    "resume",
    "sandbox",
    "secrets",
    "skills",
    "tui",
    "update",
    "webhooks",
    "gateway diagnostics",
    "gateway resume",
    "gateway stability",
    "gateway suspend",
    "gateway usage-cost",
    "models auth",
    "models aliases",
    "models fallbacks",
    "models image-fallbacks",
    "models scan",
    "models set-image",
    "nodes push",
    "sessions archive",
    "sessions cleanup",
    "sessions compact",
    "sessions delete",
    "sessions tail",
];

/// Adds every reserved name to the tree, out of sight of the list of commands.
pub(super) fn graft(root: Command) -> Command {
    let names = PATHS.iter().filter(|path| !path.contains(' ')).copied().collect::<Vec<_>>().join(", ");
    let root = root.after_help(format!("Not built yet: {names}"));
    PATHS.iter().fold(root, |root, path| match path.split_once(' ') {
        None => root.subcommand(reserved(path)),
        Some((parent, name)) => root.mut_subcommand(parent, |parent| parent.subcommand(reserved(name))),
    })
}

fn reserved(name: &'static str) -> Command {
    let rest =
        Arg::new("rest").action(ArgAction::Append).num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    Command::new(name).about("Not built yet").hide(true).arg(rest.hide(true))
}

/// The reserved path the command line chose, if it did.
pub(super) fn chosen(matches: &ArgMatches) -> Option<&'static str> {
    let (first, below) = matches.subcommand()?;
    let path = match below.subcommand() {
        Some((second, _)) => format!("{first} {second}"),
        None => first.to_owned(),
    };
    PATHS.iter().find(|reserved| path == **reserved || first == **reserved).copied()
}

/// What somebody who chose a reserved path is told.
pub(super) fn failure(path: &str) -> Failure {
    let command = format!("openclaw {path}");
    Failure::not_built(&command).run("openclaw --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_reserved_twice() {
        let unique: std::collections::BTreeSet<_> = PATHS.iter().collect();
        assert_eq!(unique.len(), PATHS.len());
    }
}
