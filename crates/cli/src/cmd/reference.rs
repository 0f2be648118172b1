//! `docs/cli.md`, made from the same tree that parses the command line. The test below fails while the page and the
//! program differ; `UPDATE_DOCS=1 cargo test -p openclaw-cli --bin openclaw reference` writes the page anew.

use std::fmt::Write as _;

use clap::{Arg, Command};

use crate::exit::EXIT_CODES;

const INTRO: &str = "\
# The command line

Every command and flag that is built, made from the program's own `--help` by a test; do not edit by hand.
`openclaw help COMMAND` says the same in a terminal.
";

/// The whole page.
fn page() -> String {
    let mut tree = super::tree().term_width(200);
    tree.build();
    let mut page = INTRO.to_owned();
    let status = tree.find_subcommand("status").expect("a command with every flag of a client");
    for (title, heading, about) in [
        ("Flags of every command", "Everywhere", "They may stand before or after the command."),
        ("Flags of every command that talks to a Gateway", "Gateway", "Commands below that take them say so."),
        ("How to get to the Gateway's host", "Gateway through SSH", "They may stand before or after the command."),
    ] {
        let shared = status.get_arguments().filter(|arg| arg.get_help_heading() == Some(heading));
        let _ = write!(page, "\n## {title}\n\n{about}\n\n{}", flags(shared));
    }
    let _ = write!(page, "\n## Exit codes\n\n```\n{EXIT_CODES}\n```\n");
    below(&tree).into_iter().for_each(|command| describe(&mut page, command, "openclaw"));
    page
}

/// What is built below a command, by name.
fn below(command: &Command) -> Vec<&Command> {
    let mut built: Vec<&Command> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
    built.sort_by_key(|below| below.get_name());
    built
}

fn describe(page: &mut String, command: &Command, above: &str) {
    let path = format!("{above} {}", command.get_name());
    let level = if above.contains(' ') { "###" } else { "##" };
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(page, "\n{level} `{path}`\n\n{}.", about.trim_end_matches('.'));
    let own = |arg: &&Arg| !arg.is_hide_set() && arg.get_help_heading().is_none() && arg.get_id() != "help";
    let is_client = command.get_arguments().any(|arg| arg.get_id() == "token_file" && arg.get_help_heading().is_some());
    page.push_str(if is_client { " Takes the flags of a client of the Gateway.\n" } else { "\n" });
    let rows = flags(command.get_arguments().filter(own));
    if !rows.is_empty() {
        let _ = write!(page, "\n{rows}");
    }
    below(command)
        .into_iter()
        .filter(|below| below.get_name() != "help")
        .for_each(|below| describe(page, below, &path));
}

/// A table of flags and arguments; empty without any.
fn flags<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let mut rows: Vec<String> = args.filter(|arg| !arg.is_hide_set()).map(row).collect();
    if !rows.is_empty() {
        rows.insert(0, "| | |\n| --- | --- |\n".into());
    }
    rows.concat()
}

fn row(arg: &Arg) -> String {
    let value = match arg.get_value_names() {
        Some(names) if arg.get_action().takes_values() => names.join(" "),
        _ => String::new(),
    };
    let names = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long} {value}"),
        (None, Some(long)) => format!("--{long} {value}"),
        (Some(short), None) => format!("-{short} {value}"),
        (None, None) if arg.is_required_set() => value,
        (None, None) => format!("[{value}]"),
    };
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> =
        arg.get_possible_values().iter().map(|choice| format!("`{}`", choice.get_name())).collect();
    if arg.get_action().takes_values() && !choices.is_empty() {
        help += &format!(": {}", choices.join(", "));
    }
    let aliases: Vec<String> =
        arg.get_visible_aliases().into_iter().flatten().map(|alias| format!("`--{alias}`")).collect();
    if !aliases.is_empty() {
        help += &format!("; also {}", aliases.join(", "));
    }
    format!("| `{}` | {} |\n", names.trim(), help.replace('|', "\\|"))
}

/// CLI-13: the page and the program say the same.
#[test]
fn the_page_of_the_command_line_says_what_the_program_takes() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(new, old)| new != old);
    assert!(
        page == written,
        "docs/cli.md is out of step (first difference: {differs:?}); run UPDATE_DOCS=1 cargo test -p openclaw-cli --bin openclaw reference"
    );
}
