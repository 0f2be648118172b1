//! Lines that are understood, lines that are not, and a shell as the judge of both.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// Every bare name stands in /usr/bin, but for one; every absolute path is a program.
fn find(name: &str) -> Option<Found> {
    match name {
        "missing" | "" => None,
        path if path.starts_with('/') => Some(at(Path::new(path).into(), false)),
        path if path.contains('/') => Some(at(Path::new("/work").join(path), false)),
        name => Some(at(Path::new("/usr/bin").join(name), true)),
    }
}

fn at(path: PathBuf, by_name: bool) -> Found {
    Found { real: path.clone(), path, by_name }
}

fn programs(argv: &[&str]) -> Result<Vec<String>, String> {
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    let segments = segments(Line::Argv(&argv), &find)?;
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

/// N-12.6, N-12.7
#[test]
fn a_segment_knows_its_arguments_and_where_it_stands() {
    let of = |argv: &[&str]| {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let found = segments(Line::Argv(&argv), &find).unwrap();
        found.into_iter().map(|one| (one.arguments.join(" "), one.exact, one.at)).collect::<Vec<_>>()
    };
    assert_eq!(of(&["git", "log", "~"]), [("log ~".into(), true, 0)], "no shell looks at it");
    assert_eq!(of(&["nice", "-n", "5", "git", "log"]), [("log".into(), true, 3)]);
    assert_eq!(of(&["sh", "-c", "ls a; nice git 'b c'"]), [("a".into(), true, 2), ("b c".into(), true, 2)]);
    assert_eq!(of(&["env", "sh", "-c", "ls a* | wc"]), [("a*".into(), false, 3), (String::new(), true, 3)]);
    assert!(!of(&["sh", "-c", "ls ~/x '~'"])[0].1);
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
        std::fs::write(bin.join(name), format!("#!/bin/sh\necho {name} >> {}/ran\n", home.path().display())).unwrap();
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
    assert_eq!(really_run("ls && git; nice -n 5 ls $(evil)"), ["ls", "git", "evil", "ls"]);
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
