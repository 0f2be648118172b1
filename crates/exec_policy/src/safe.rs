//! Safe bins (N-12.8): programs an owner trusts with what comes through a pipe, and with nothing else. Not one of their
//! arguments may name a file.

use std::path::Path;

use crate::line::Segment;
use crate::places::is_systems_own;

/// What a program may be given.
struct Profile {
    name: &'static str,
    /// Letters of options that take the next word, when nothing follows them.
    valued: &'static str,
    /// Letters and long names of options that name files or look for some.
    refused: &'static str,
    refused_long: &'static [&'static str],
    /// Words that are no options.
    words: usize,
}

/// The ones whose options are known, sorted by name. Another one gets options only, without a value.
const KNOWN: &[Profile] = &[
    Profile { name: "cut", valued: "bcdf", refused: "", refused_long: &[], words: 0 },
    Profile {
        name: "grep",
        valued: "mABCe",
        refused: "rRfdD",
        refused_long: &["recursive", "dereference-recursive", "file", "directories", "devices", "exclude-from"],
        words: 1,
    },
    Profile { name: "head", valued: "nc", refused: "", refused_long: &[], words: 0 },
    Profile {
        name: "jq",
        valued: "",
        refused: "fL",
        refused_long: &["from-file", "slurpfile", "rawfile", "argfile", "run-tests", "library-path"],
        words: 1,
    },
    Profile {
        name: "sort",
        valued: "kt",
        refused: "oTS",
        refused_long: &["output", "temporary-directory", "compress-program", "files0-from", "random-source"],
        words: 0,
    },
    Profile { name: "tail", valued: "nc", refused: "fF", refused_long: &["follow", "retry", "pid"], words: 0 },
    Profile { name: "tr", valued: "", refused: "", refused_long: &[], words: 2 },
    Profile { name: "uniq", valued: "fsw", refused: "", refused_long: &[], words: 0 },
    Profile { name: "wc", valued: "", refused: "", refused_long: &["files0-from"], words: 0 },
];
const OTHER: Profile = Profile { name: "", valued: "", refused: "", refused_long: &[], words: 0 };

/// Whether `segment` is one of the safe bins, used as one: found by name among the system's own programs, and reading
/// nothing but its input.
pub(crate) fn reads_only_input(bins: &[String], segment: &Segment, cwd: &Path) -> bool {
    let name = segment.found.name();
    let is_listed = bins.iter().any(|bin| bin.trim() == name);
    let is_real = segment.found.by_name && segment.found.is_itself() && is_systems_own(&segment.found.real);
    if !is_listed || !is_real || !segment.exact || crate::scripts::is_interpreter(name) {
        return false;
    }
    let profile = KNOWN.iter().find(|known| known.name == name).unwrap_or(&OTHER);
    profile.accepts(&segment.arguments, cwd)
}

impl Profile {
    fn accepts(&self, arguments: &[String], cwd: &Path) -> bool {
        let (mut words, mut rest) = (0, arguments.iter());
        while let Some(argument) = rest.next() {
            if names_a_file(argument, cwd) {
                return false;
            }
            if let Some(long) = argument.strip_prefix("--").filter(|long| !long.is_empty()) {
                let (name, value) = long.split_once('=').unwrap_or((long, ""));
                // A shortened name counts, too.
                let is_refused = self.refused_long.iter().any(|refused| refused.starts_with(name));
                if is_refused || names_a_file(value, cwd) || (self.name.is_empty() && !value.is_empty()) {
                    return false;
                }
            } else if let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty()) {
                let value = short.char_indices().find(|(_, c)| self.valued.contains(*c));
                let letters = value.map_or(short, |(at, _)| &short[..at]);
                let given = value.map_or("", |(at, c)| &short[at + c.len_utf8()..]);
                let next = if value.is_some() && given.is_empty() { rest.next() } else { None };
                let names = [given, next.map_or("", String::as_str)].iter().any(|value| names_a_file(value, cwd));
                if names || letters.chars().any(|c| self.refused.contains(c)) {
                    return false;
                }
            } else if argument != "-" && argument != "--" {
                words += 1;
            }
        }
        words <= self.words
    }
}

/// Whether a word could be a path, or is one here.
fn names_a_file(word: &str, cwd: &Path) -> bool {
    let is_there = || cwd.join(word).symlink_metadata().is_ok();
    word.contains(['/', '\\', '\0']) || word.starts_with('~') || (!word.is_empty() && word != "-" && is_there())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Places;

    /// N-12.8
    #[test]
    fn a_safe_bin_reads_what_is_piped_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes"), "").unwrap();
        let places = Places::new("/usr/bin:/bin", folder.path().into(), "/root".into());
        let bins = ["grep", "sort", "head", "tr", "uniq", "wc", "cut", "tail", "sh", "rev"].map(String::from);
        let is_safe = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let Some(found) = places.find(&words[0]) else { panic!("there is no `{line}` here") };
            let segment = Segment { found, arguments: words[1..].to_vec(), exact: true, at: 0 };
            reads_only_input(&bins, &segment, folder.path())
        };
        for line in [
            "grep -n x",
            "sort -rn",
            "sort -k 2",
            "sort -k2,2n",
            "head -n 5",
            "head -5",
            "tr a-z A-Z",
            "wc -l",
            "uniq -c",
            "uniq -f 1",
            "cut -d , -f 2",
            "cut -d: -f1",
            "tail -n 3",
            "grep -c -e x",
            "rev",
            "head -",
        ] {
            assert!(is_safe(line), "{line}");
        }
        for line in [
            "grep x notes",
            "grep notes",
            "grep -r x",
            "grep -rn x",
            "grep -f notes",
            "grep --fil=notes x",
            "sort notes",
            "sort -o out",
            "sort -oout",
            "sort -ro out",
            "sort --output=x",
            "sort --comp=sh",
            "head /x",
            "head ~",
            "uniq - out",
            "uniq out",
            "wc --files0-from=-",
            "tail -f",
            "cut -f 1 x",
            "tr a b c",
            "sh -c x",
            "/usr/bin/head",
            "ls",
            "rev x",
            "rev --a=b",
            "grep -m1 x y",
            "head -n notes",
        ] {
            assert!(!is_safe(line), "{line}");
        }
    }

    /// N-12.8
    #[test]
    fn only_the_systems_own_programs_are_safe() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("head");
        std::fs::write(&own, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
        let places = Places::new(folder.path().to_str().unwrap(), "/".into(), "/root".into());
        let segment = Segment { found: places.find("head").unwrap(), arguments: Vec::new(), exact: true, at: 0 };
        assert!(!reads_only_input(&["head".into()], &segment, Path::new("/")));
    }
}
