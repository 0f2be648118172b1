//! What is really run: the programs behind shells and wrappers (N-12.7).
//!
//! `sh -c TEXT` is its text, one segment a command; `nice -n 5 git` is `git`. Whatever starts programs in a way that is
//! not understood here has no segments at all, so that no list lets it through.

use std::path::Path;

use base::shell;

use super::Found;

/// One program that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// The program.
    pub(super) found: Found,
}

/// Shells, as far as their text is read.
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];
/// Programs that do nothing but start another one, and how their own arguments are told from it.
const WRAPPERS: &[(&str, Skip)] =
    &[("env", plain), ("nohup", plain), ("nice", nice), ("stdbuf", stdbuf), ("timeout", timeout)];
/// Programs that start others in ways that are not taken apart.
const CARRIERS: &[&str] = &[
    "ash",
    "busybox",
    "chroot",
    "chrt",
    "csh",
    "doas",
    "fish",
    "flock",
    "ionice",
    "nsenter",
    "parallel",
    "pkexec",
    "runuser",
    "script",
    "setsid",
    "ssh",
    "strace",
    "su",
    "sudo",
    "systemd-run",
    "taskset",
    "tcsh",
    "time",
    "toybox",
    "unshare",
    "watch",
    "xargs",
];
/// What a shell does itself, whatever stands on `PATH`, and can do harm with.
const BUILTINS: &[&str] = &[
    ".",
    ":",
    "[",
    "[[",
    "alias",
    "bg",
    "bind",
    "builtin",
    "case",
    "cd",
    "command",
    "compgen",
    "complete",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "history",
    "if",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "noglob",
    "popd",
    "print",
    "printf",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "repeat",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
    "whence",
    "where",
    "which",
    "while",
    "zmodload",
];
/// Where a shell or wrapper is the one its name says; one that somebody put elsewhere may be anything.
const SYSTEM: &[&str] = &["/bin", "/usr/bin"];
/// Wrappers in wrappers; deeper is not understood.
const DEEPEST: usize = 4;

/// How many words of a wrapper's own come before the program; `None` when that is not understood.
type Skip = fn(&[String]) -> Option<usize>;

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

/// The program comes first, after `--` or not.
fn plain(arguments: &[String]) -> Option<usize> {
    let own = usize::from(arguments.first()? == "--");
    let program = arguments.get(own)?;
    (!program.starts_with('-') && !program.contains('=')).then_some(own)
}

/// `nice -n 5 program`, `nice --adjustment=5 program`.
fn nice(arguments: &[String]) -> Option<usize> {
    let is_number = |text: &str| text.parse::<i16>().is_ok();
    let own = match arguments.first()?.as_str() {
        "-n" => is_number(arguments.get(1)?).then_some(2)?,
        word => match word.strip_prefix("--adjustment=").or_else(|| word.strip_prefix("-n")) {
            Some(number) => is_number(number).then_some(1)?,
            None => 0,
        },
    };
    Some(own + plain(&arguments[own..])?)
}

/// `stdbuf -oL program`.
fn stdbuf(arguments: &[String]) -> Option<usize> {
    let is_mode = |word: &str| {
        let mode = ["-i", "-o", "-e"].iter().find_map(|flag| word.strip_prefix(flag));
        mode.is_some_and(|mode| mode == "L" || (!mode.is_empty() && mode.chars().all(|c| c.is_ascii_digit())))
    };
    let own = arguments.iter().take_while(|word| is_mode(word)).count();
    Some(own + plain(&arguments[own..])?)
}

/// `timeout -k 5 -s TERM 10s program`.
fn timeout(arguments: &[String]) -> Option<usize> {
    let is_time = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let mut own = 0;
    loop {
        match arguments.get(own)?.as_str() {
            "-k" if is_time(arguments.get(own + 1)?) => own += 2,
            "-s" if arguments.get(own + 1)?.chars().all(|c| c.is_ascii_alphanumeric()) => own += 2,
            "--foreground" | "--preserve-status" => own += 1,
            word if is_time(word) => return Some(own + 1 + plain(&arguments[own + 1..])?),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every bare name stands in /usr/bin, but for one; every absolute path is a program.
    fn find(name: &str) -> Option<Found> {
        match name {
            "missing" | "" => None,
            path if path.starts_with('/') => Some(Found { path: path.into(), by_name: false }),
            path if path.contains('/') => Some(Found { path: Path::new("/work").join(path), by_name: false }),
            name => Some(Found { path: Path::new("/usr/bin").join(name), by_name: true }),
        }
    }

    fn programs(argv: &[&str]) -> Result<Vec<String>, String> {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let segments = segments(&argv, &find)?;
        Ok(segments.into_iter().map(|segment| segment.found.path.to_str().unwrap().to_owned()).collect())
    }

    /// N-12.7
    #[test]
    fn programs_behind_shells_and_wrappers_are_found() {
        for (argv, expected) in [
            (&["git", "log"][..], &["/usr/bin/git"][..]),
            (&["/opt/x/tool", "-c", "anything"], &["/opt/x/tool"]),
            (
                &["/bin/sh", "-lc", "ls -l | head && git log; date || true"],
                &["/usr/bin/ls", "/usr/bin/head", "/usr/bin/git", "/usr/bin/date", "/usr/bin/true"],
            ),
            (&["bash", "-c", "nice -n 5 git log 2>/dev/null"], &["/usr/bin/git"]),
            (&["env", "git"], &["/usr/bin/git"]),
            (&["env", "--", "nohup", "git"], &["/usr/bin/git"]),
            (&["nice", "git"], &["/usr/bin/git"]),
            (&["nice", "-n", "-5", "git"], &["/usr/bin/git"]),
            (&["nice", "--adjustment=5", "git"], &["/usr/bin/git"]),
            (&["stdbuf", "-oL", "-e0", "git"], &["/usr/bin/git"]),
            (&["timeout", "--foreground", "-k", "1s", "-s", "KILL", "5m", "git"], &["/usr/bin/git"]),
            (&["timeout", "5", "sh", "-c", "ls; pwd"], &["/usr/bin/ls", "/usr/bin/pwd"]),
            (&["sh", "-c", "ls *.txt 'a;b' \"c|d\""], &["/usr/bin/ls"]),
        ] {
            assert_eq!(programs(argv).unwrap(), expected, "{argv:?}");
        }
    }

    /// N-12.5, N-12.7
    #[test]
    fn what_is_not_understood_has_no_segments() {
        for argv in [
            &[][..],
            &[""],
            &["missing"],
            &["env"],
            &["env", "-i", "git"],
            &["env", "LD_PRELOAD=x", "git"],
            &["env", "-S", "git"],
            &["nice", "-n", "git"],
            &["nice", "-n", "x", "git"],
            &["nice", "-z", "git"],
            &["stdbuf", "-oX", "git"],
            &["timeout", "git"],
            &["timeout", "-k", "git"],
            &["timeout", "5"],
            &["xargs", "git"],
            &["sudo", "git"],
            &["/usr/bin/busybox", "sh"],
            &["flock", "f", "git"],
            &["time", "git"],
            &["SUDO", "git"],
            &["bash5", "-c", "missing"],
            &["ssh", "host", "git"],
            &["setsid", "git"],
            &["sh"],
            &["sh", "script.sh"],
            &["sh", "-s"],
            &["sh", "-c", "ls", "ls"],
            &["sh", "-ic", "ls"],
            &["sh", "-c", "ls", "-c", "rm"],
            &["sh", "-x", "-c", "ls"],
            &["/tmp/sh", "-c", "ls"],
            &["./env", "ls"],
            &["/tmp/nice", "ls"],
            &["sh", "-c", ""],
            &["sh", "-c", "ls > f"],
            &["sh", "-c", "ls >> f"],
            &["sh", "-c", "cat < f"],
            &["sh", "-c", "ls $(rm x)"],
            &["sh", "-c", "ls `rm x`"],
            &["sh", "-c", "ls\nrm x"],
            &["sh", "-c", "(ls)"],
            &["sh", "-c", "ls |& cat"],
            &["sh", "-c", "ls & rm"],
            &["sh", "-c", "X=1 ls"],
            &["sh", "-c", "$X"],
            &["sh", "-c", "eval ls"],
            &["sh", "-c", ". ./x"],
            &["sh", "-c", "cd /tmp; ./x"],
            &["sh", "-c", "exec ls"],
            &["sh", "-c", "command ls"],
            &["sh", "-c", "~/x"],
            &["sh", "-c", "env * ls"],
            &["sh", "-c", "ls || missing"],
            &["sh", "-c", "sh -c 'eval x'"],
            &["sh", "-c", "trap ls EXIT"],
            &["sh", "-c", "printf -v PATH x"],
            &["sh", "-c", "if ls"],
            &["sh", "-c", "alias ls=rm"],
            &["env", "env", "env", "env", "env", "git"],
        ] {
            assert!(programs(argv).is_err(), "{argv:?}: {:?}", programs(argv));
        }
    }

    /// Words, joints and tricks of a shell, run together or not.
    fn text() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "ls", "git", "evil", "nice", "env", "-n", "5", ";", "|", "||", "&&", "&", "\n", "'", "\"", "\\", "$X",
            "$(evil)", "`evil`", "(", ")", ">", "<", "f", "=", "*", "eval", "sh", "-c", "'evil'", "e''vil", "\\evil",
        ]);
        let spaced = prop::collection::vec((pieces, prop::bool::weighted(0.8)), 1..9);
        spaced.prop_map(|parts| parts.into_iter().flat_map(|(part, gap)| [part, if gap { " " } else { "" }]).collect())
    }

    /// What `sh` really starts for `text`, when every program only writes down its name.
    fn really_run(text: &str) -> Vec<String> {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for name in ["ls", "git", "evil", "f", "5", "-n", "-c"] {
            std::fs::write(bin.join(name), format!("#!/bin/sh\necho {name} >> {}/ran\n", home.path().display()))
                .unwrap();
            std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["nice", "env", "sh"] {
            std::os::unix::fs::symlink(Path::new("/usr/bin").join(name), bin.join(name)).unwrap();
        }
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", text]).env_clear().env("PATH", &bin).env("X", "evil").current_dir(&bin);
        let none = std::process::Stdio::null;
        shell.stdin(none()).stdout(none()).stderr(none()).status().unwrap();
        let ran = std::fs::read_to_string(home.path().join("ran")).unwrap_or_default();
        ran.lines().map(str::to_owned).collect()
    }

    /// The oracle below is worth nothing if it sees nothing.
    #[test]
    fn the_shell_tells_what_it_starts() {
        assert_eq!(really_run("ls | git; nice -n 5 ls $(evil)"), ["ls", "git", "evil", "ls"]);
        assert_eq!(programs(&["sh", "-c", "env git; nice -n 5 ls"]).unwrap(), ["/usr/bin/git", "/usr/bin/ls"]);
        assert_eq!(really_run("env git; nice -n 5 ls"), ["git", "ls"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// N-12.7: a shell never starts a program that was not found in its text.
        #[test]
        fn nothing_runs_that_was_not_seen(text in text()) {
            if let Ok(seen) = programs(&["sh", "-c", &text]) {
                for ran in really_run(&text) {
                    prop_assert!(seen.contains(&format!("/usr/bin/{ran}")), "{text:?} ran {ran}, seen were {seen:?}");
                }
            }
        }
    }
}
