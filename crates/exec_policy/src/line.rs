//! What is really run: the programs behind shells and wrappers (N-12.7).
//!
//! `sh -c TEXT` is its text, one segment a command; `nice -n 5 git` is `git`. Whatever starts programs in a way that is
//! not understood here has no segments at all, so that no list lets it through.

mod names;
mod wrappers;

use std::path::Path;

use base::shell;

use self::names::{BUILTINS, CARRIERS};
use self::wrappers::WRAPPERS;
use super::Found;

/// One program that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// The program.
    pub(super) found: Found,
}

/// Shells, as far as their text is read.
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];
/// Where a shell or wrapper is the one its name says; one that somebody put elsewhere may be anything.
const SYSTEM: &[&str] = &["/bin", "/usr/bin"];
/// Wrappers in wrappers; deeper is not understood.
const DEEPEST: usize = 4;

/// The programs that `argv` runs, in order.
///
/// # Errors
/// What is not understood about it.
pub(super) fn segments(argv: &[String], find: &dyn Fn(&str) -> Option<Found>) -> Result<Vec<Segment>, String> {
    let mut reader = Reader { find, segments: Vec::new() };
    reader.take(argv, false, 0)?;
    Ok(reader.segments)
}

struct Reader<'a> {
    find: &'a dyn Fn(&str) -> Option<Found>,
    segments: Vec<Segment>,
}

impl Reader<'_> {
    fn take(&mut self, argv: &[String], by_shell: bool, depth: usize) -> Result<(), String> {
        let [name, arguments @ ..] = argv else { return Err("there is no program".into()) };
        if depth > DEEPEST {
            return Err("it is wrapped too deeply".into());
        }
        if by_shell && (BUILTINS.contains(&name.as_str()) || name.starts_with('~')) {
            return Err(format!("`{name}` is up to the shell"));
        }
        let found = (self.find)(name).ok_or_else(|| format!("there is no program `{name}`"))?;
        let called = found.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let wrapper = WRAPPERS.iter().find(|(wrapper, _)| is_called(called, wrapper));
        let shell = SHELLS.iter().any(|shell| is_called(called, shell));
        if CARRIERS.iter().any(|carrier| is_called(called, carrier)) {
            return Err(format!("`{called}` starts other programs"));
        }
        if wrapper.is_none() && !shell {
            self.segments.push(Segment { found });
            return Ok(());
        }
        if !is_systems_own(&found.path) {
            return Err(format!("`{}` may be anything", found.path.display()));
        }
        match wrapper {
            Some((_, skip)) => {
                let own =
                    skip(arguments).ok_or_else(|| format!("`{called}` is called in a way that is not understood"))?;
                self.take(&arguments[own..], false, depth + 1)
            }
            None => self.text(called, arguments, depth),
        }
    }

    /// The text of `sh -c TEXT`, and of `sh -lc TEXT`.
    fn text(&mut self, shell: &str, arguments: &[String], depth: usize) -> Result<(), String> {
        let [flag, text] = arguments else { return Err(format!("`{shell}` runs more than a line of text")) };
        if !matches!(flag.as_str(), "-c" | "-lc") {
            return Err(format!("`{shell} {flag}` is not understood"));
        }
        if text.contains(['\n', '\r']) {
            return Err("the text has several lines".into());
        }
        let commands = shell::parse(text).map_err(|obscure| format!("the text uses {}", obscure.0))?;
        commands.iter().try_for_each(|command| {
            let words: Vec<String> = command.words.iter().map(|word| word.text.clone()).collect();
            // A pattern among a wrapper's words may turn into options of it, or into another program.
            let has_glob = command.words.iter().any(|word| word.glob_at.is_some());
            let first = words.first().map(String::as_str).unwrap_or_default();
            let name = Path::new(first).file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let starts_others =
                WRAPPERS.iter().map(|(wrapper, _)| wrapper).chain(SHELLS).any(|other| is_called(name, other));
            match has_glob && starts_others {
                true => Err(format!("`{name}` is given a pattern")),
                false => self.take(&words, true, depth + 1),
            }
        })
    }
}

/// Whether a program is the one meant, under the spelling of this system and with a version behind its name, such as
/// `bash5` or `xargs.exe`.
fn is_called(name: &str, meant: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_prefix(meant).is_some_and(|rest| {
        rest.is_empty() || rest == ".exe" || rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
    })
}

fn is_systems_own(path: &Path) -> bool {
    path.parent().is_some_and(|folder| SYSTEM.iter().any(|system| folder == Path::new(system)))
}

#[cfg(test)]
mod tests;
