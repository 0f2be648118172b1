//! What is really run: the programs behind shells and wrappers (N-12.7).
//!
//! `sh -c TEXT` is its text, one segment a command; `nice -n 5 git` is `git`. Whatever starts programs in a way that is
//! not understood here has no segments at all, so that no list lets it through.

mod names;
mod wrappers;

use base::shell::{self, Simple};

use self::names::{BUILTINS, CARRIERS};
use self::wrappers::WRAPPERS;
use crate::places::{Found, is_systems_own};

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub enum Line<'a> {
    /// A program and its arguments.
    Argv(&'a [String]),
    /// A text that `sh -c` gets.
    Text(&'a str),
}

/// One program that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The program.
    pub(crate) found: Found,
    /// What it is given.
    pub(crate) arguments: Vec<String>,
    /// Whether it is given just that; a shell makes other words of patterns and of `~`.
    pub(crate) exact: bool,
    /// Which word of the command line names it; for a text, the word that holds it.
    pub(crate) at: usize,
}

/// Shells, as far as their text is read.
pub(crate) const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];
/// Wrappers in wrappers; deeper is not understood.
const DEEPEST: usize = 4;
/// Where the text of `sh -c TEXT` stands.
pub(crate) const TEXT_AT: usize = 2;

/// The programs that a line runs, in order.
///
/// # Errors
/// What is not understood about it.
pub(crate) fn segments(line: Line<'_>, find: &dyn Fn(&str) -> Option<Found>) -> Result<Vec<Segment>, String> {
    let mut reader = Reader { find, segments: Vec::new() };
    match line {
        Line::Argv(argv) => reader.take(&Words { argv, by_shell: false, exact: true, at: 0, in_text: false }, 0)?,
        Line::Text(text) => reader.text(text, TEXT_AT, 0)?,
    }
    Ok(reader.segments)
}

/// The programs of one command of a text.
///
/// # Errors
/// What is not understood about it.
pub(crate) fn of_command(command: &Simple, find: &dyn Fn(&str) -> Option<Found>) -> Result<Vec<Segment>, String> {
    let mut reader = Reader { find, segments: Vec::new() };
    reader.command(command, TEXT_AT, 0)?;
    Ok(reader.segments)
}

struct Reader<'a> {
    find: &'a dyn Fn(&str) -> Option<Found>,
    segments: Vec<Segment>,
}

/// Words on their way to a program.
struct Words<'a> {
    argv: &'a [String],
    by_shell: bool,
    exact: bool,
    at: usize,
    /// Whether `at` is the text that holds them all.
    in_text: bool,
}

impl Words<'_> {
    /// Where the word `further` on from the program stands.
    const fn place(&self, further: usize) -> usize {
        if self.in_text { self.at } else { self.at + further }
    }
}

/// What a program is beside itself.
enum Kind {
    Plain,
    Wrapper(wrappers::Skip),
    Shell,
}

impl Reader<'_> {
    fn take(&mut self, words: &Words<'_>, depth: usize) -> Result<(), String> {
        let [name, arguments @ ..] = words.argv else { return Err("there is no program".into()) };
        if depth > DEEPEST {
            return Err("it is wrapped too deeply".into());
        }
        if words.by_shell && (BUILTINS.contains(&name.as_str()) || name.starts_with('~')) {
            return Err(format!("`{name}` is up to the shell"));
        }
        let found = (self.find)(name).ok_or_else(|| format!("there is no program `{name}`"))?;
        let kind = kind_of(&found)?;
        if matches!(kind, Kind::Plain) {
            let arguments = arguments.to_vec();
            self.segments.push(Segment { found, arguments, exact: words.exact, at: words.at });
            return Ok(());
        }
        if !is_systems_own(&found.path) {
            return Err(format!("`{}` may be anything", found.path.display()));
        }
        let called = found.name();
        match kind {
            Kind::Wrapper(skip) => {
                let own =
                    skip(arguments).ok_or_else(|| format!("`{called}` is called in a way that is not understood"))?;
                let at = words.place(1 + own);
                self.take(&Words { argv: &arguments[own..], by_shell: false, at, ..*words }, depth + 1)
            }
            Kind::Shell | Kind::Plain => {
                let [flag, text] = arguments else { return Err(format!("`{called}` runs more than a line of text")) };
                if !matches!(flag.as_str(), "-c" | "-lc") {
                    return Err(format!("`{called} {flag}` is not understood"));
                }
                self.text(text, words.place(TEXT_AT), depth)
            }
        }
    }

    /// The text of `sh -c TEXT`, and of `sh -lc TEXT`.
    fn text(&mut self, text: &str, at: usize, depth: usize) -> Result<(), String> {
        if text.contains(['\n', '\r']) {
            return Err("the text has several lines".into());
        }
        let commands = shell::parse(text).map_err(|obscure| format!("the text uses {}", obscure.0))?;
        commands.iter().try_for_each(|command| self.command(command, at, depth))
    }

    fn command(&mut self, command: &Simple, at: usize, depth: usize) -> Result<(), String> {
        let argv: Vec<String> = command.words.iter().map(|word| word.text.clone()).collect();
        // A pattern among a wrapper's words may turn into options of it, or into another program.
        let has_glob = command.words.iter().any(|word| word.glob_at.is_some());
        let first = argv.first().map(String::as_str).unwrap_or_default();
        let name = std::path::Path::new(first).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let starts_others =
            WRAPPERS.iter().map(|(wrapper, _)| wrapper).chain(SHELLS).any(|other| is_called(name, other));
        if has_glob && starts_others {
            return Err(format!("`{name}` is given a pattern"));
        }
        // A shell puts a home folder in place of `~`, and zsh a program in place of `=`.
        let exact = !has_glob && !argv.iter().any(|word| word.contains('~') || word.starts_with('='));
        self.take(&Words { argv: &argv, by_shell: true, exact, at, in_text: true }, depth + 1)
    }
}

/// What a program is, by the name it is called by and by the one it really has.
fn kind_of(found: &Found) -> Result<Kind, String> {
    let (called, really) = (found.name(), found.real_name());
    if let Some(name) =
        [called, really].into_iter().find(|name| CARRIERS.iter().any(|carrier| is_called(name, carrier)))
    {
        return Err(format!("`{name}` starts other programs"));
    }
    let wrapper = |name: &str| WRAPPERS.iter().find(|(wrapper, _)| is_called(name, wrapper)).map(|(_, skip)| *skip);
    let is_shell = |name: &str| SHELLS.iter().any(|shell| is_called(name, shell));
    match (wrapper(called), is_shell(called)) {
        (Some(skip), _) => Ok(Kind::Wrapper(skip)),
        (None, true) => Ok(Kind::Shell),
        (None, false) if wrapper(really).is_some() || is_shell(really) => {
            Err(format!("`{}` is `{really}` by another name", found.path.display()))
        }
        (None, false) => Ok(Kind::Plain),
    }
}

/// Whether a program is the one meant, under the spelling of this system and with a version behind its name, such as
/// `bash5` or `xargs.exe`.
pub(crate) fn is_called(name: &str, meant: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_prefix(meant).is_some_and(|rest| {
        rest.is_empty() || rest == ".exe" || rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
    })
}

#[cfg(test)]
mod tests;
