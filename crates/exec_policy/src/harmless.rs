//! The programs an agent may run when nothing is configured: they read and print, and their options are looked at, since
//! a harmless program often has one option that writes a file or starts another program.

use base::shell::Word;

/// Which arguments a harmless program may be given.
enum Options {
    /// Any.
    All,
    /// All but these: letters after a single dash, and long names without their dashes (abbreviations count too).
    Without(&'static str, &'static [&'static str]),
    /// Whatever the check accepts; never with a pattern, which the check could not see through: `uniq d*` may name two
    /// files, and writes the second.
    Checked(fn(&[&str]) -> bool),
}
use Options::{All, Checked, Without};

/// What may be run, sorted by name.
const HARMLESS: &[(&str, Options)] = &[
    ("arch", All),
    ("b2sum", All),
    ("basename", All),
    ("cat", All),
    ("cd", All),
    ("cksum", All),
    ("cmp", All),
    ("comm", All),
    ("cut", All),
    ("date", Checked(shows_the_date)),
    ("df", All),
    // `-l` pipes its output through `pr`.
    ("diff", Without("l", &["paginate"])),
    ("dirname", All),
    ("du", All),
    ("echo", All),
    ("egrep", All),
    ("expand", All),
    ("false", All),
    ("fgrep", All),
    // `-C` writes a compiled magic file, `-z` starts decompressors.
    ("file", Without("CzZ", &["compile", "uncompress", "uncompress-noreport"])),
    ("find", Checked(finds_only)),
    ("fold", All),
    ("free", All),
    ("grep", All),
    ("groups", All),
    ("head", All),
    ("hexdump", All),
    ("hostname", Checked(|arguments| arguments.is_empty())),
    ("id", All),
    ("jq", All),
    ("ls", All),
    ("md5sum", All),
    ("nl", All),
    ("nproc", All),
    ("od", All),
    ("paste", All),
    // Its other options can show the environment of processes.
    ("ps", Checked(shows_processes)),
    ("pwd", All),
    ("readlink", All),
    ("realpath", All),
    ("rev", All),
    // `--pre` and `--hostname-bin` start programs, `-z` decompressors.
    ("rg", Without("z", &["pre", "pre-glob", "hostname-bin", "search-zip"])),
    ("seq", All),
    ("sha1sum", All),
    ("sha256sum", All),
    ("sha512sum", All),
    // `-o` writes a file, `-T` chooses where temporary ones go.
    ("sort", Without("oT", &["output", "compress-program", "temporary-directory"])),
    ("stat", All),
    ("strings", All),
    ("tac", All),
    ("tail", All),
    ("tr", All),
    // `-o` and `-R` write files.
    ("tree", Without("oR", &["output"])),
    ("true", All),
    ("tty", All),
    ("uname", All),
    // A second file name is written to.
    ("uniq", Checked(reads_one_file)),
    ("uptime", All),
    ("wc", All),
    ("which", All),
    ("whoami", All),
];

/// What the table says of one command.
pub(crate) enum Use {
    /// Nothing against it.
    Harmless,
    /// The program is known but not with these arguments.
    Armed,
    /// Not in the table.
    Unknown,
}

/// Looks a command up.
pub(crate) fn look_up(program: &str, arguments: &[Word]) -> Use {
    let Ok(at) = HARMLESS.binary_search_by_key(&program, |(name, _)| name) else { return Use::Unknown };
    let texts: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    let fine = match &HARMLESS[at].1 {
        All => true,
        Without(letters, names) => !texts.iter().any(|text| has_option(text, letters, names)),
        Checked(check) => check(&texts) && arguments.iter().all(|word| word.glob_at.is_none()),
    };
    if fine && !arguments.iter().any(matches_too_much) && !texts.iter().any(|text| looks_into_processes(text)) {
        Use::Harmless
    } else {
        Use::Armed
    }
}

/// `-o`, `-xo`, `--output`, `--output=x`, `--out`.
fn has_option(text: &str, letters: &str, names: &[&str]) -> bool {
    match text.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next().unwrap_or(long);
            !name.is_empty() && names.iter().any(|bad| bad.starts_with(name))
        }
        None => text.strip_prefix('-').is_some_and(|short| short.contains(|c| letters.contains(c))),
    }
}

/// A pattern at the very beginning of a word can match a file called `-o…`, one at the root of the file system `/proc`.
fn matches_too_much(word: &Word) -> bool {
    word.glob_at.is_some_and(|at| at == 0 || word.text.starts_with('-') || word.text[..at].rfind('/') == Some(0))
}

/// `/proc/<pid>/environ` holds the Gateway's secrets; only a few well-known files of `/proc` are read.
fn looks_into_processes(text: &str) -> bool {
    const FINE: &[&str] =
        &["/proc/cpuinfo", "/proc/meminfo", "/proc/loadavg", "/proc/version", "/proc/uptime", "/proc/mounts"];
    let in_proc = text.split('/').any(|part| part == "proc") && text.contains('/');
    (in_proc || text.contains("environ")) && !FINE.contains(&text)
}

fn shows_the_date(arguments: &[&str]) -> bool {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let fine = match *argument {
            "-u" | "--utc" | "-R" | "--rfc-email" => true,
            "-d" | "-r" => rest.next().is_some(),
            other => {
                ["+", "-I", "--iso-8601", "--rfc-3339=", "--date=", "-d"].iter().any(|start| other.starts_with(start))
            }
        };
        if !fine {
            return false;
        }
    }
    true
}

fn finds_only(arguments: &[&str]) -> bool {
    const ACTS: &[&str] = &["-exec", "-ok", "-delete", "-fprint", "-fls"];
    !arguments.iter().any(|argument| ACTS.iter().any(|act| argument.starts_with(act)))
}

fn shows_processes(arguments: &[&str]) -> bool {
    matches!(arguments, [] | ["aux" | "ax" | "-e" | "-ef" | "-A" | "-aux"])
}

fn reads_one_file(arguments: &[&str]) -> bool {
    arguments.iter().filter(|argument| !argument.starts_with('-') || **argument == "-").count() <= 1
}

/// The names, for the model and for messages.
pub fn harmless_programs<'a>() -> impl Iterator<Item = &'a str> {
    HARMLESS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(HARMLESS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn nothing_in_the_table_runs_other_programs_by_trade() {
        let forbidden = [
            "sh", "bash", "dash", "zsh", "env", "xargs", "awk", "sed", "perl", "python", "python3", "node", "ruby",
            "vi", "vim", "less", "more", "man", "tee", "dd", "cp", "mv", "rm", "ln", "chmod", "chown", "git", "curl",
            "wget", "ssh", "sudo", "nohup", "timeout", "time", "nice", "command", "eval", "exec", "source", ".",
            "test", "[", "printf", "read", "tar",
        ];
        assert!(harmless_programs().all(|name| !forbidden.contains(&name)));
    }
}
