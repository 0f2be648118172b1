//! The order of the checks, and ways to get around them, with programs of this machine.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn words(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|word| (*word).to_owned()).collect()
}

fn places() -> Places {
    Places::new("/usr/bin:/bin:relative:", "/usr/bin".into(), "/root".into())
}

fn rules(defaults: &Value) -> Effective {
    Document::from_value(json!({"version": 1, "defaults": defaults})).unwrap().effective(None, Host::Node)
}

fn verdict(defaults: &Value, argv: &[&str]) -> Verdict {
    let (argv, places) = (words(argv), places());
    let wish = Wish { line: Line::Argv(&argv), places: &places, extras: Extras::default() };
    judge(&rules(defaults), &wish).verdict
}

/// The denial, when nobody can be asked.
fn alone(defaults: &Value, argv: &[&str]) -> Result<Admitted, Denied> {
    match verdict(defaults, argv) {
        Verdict::Allowed(admitted) => Ok(admitted),
        Verdict::Ask { otherwise, .. } => otherwise,
        Verdict::Denied(denied) => Err(denied),
    }
}

/// N-11.10, N-12.2, N-12.4
#[test]
fn the_order_of_the_checks() {
    let listed = json!([{"pattern": "ls"}]);
    let nothing = alone(&json!({}), &["ls"]).unwrap_err();
    assert_eq!((nothing.code(), nothing.reason()), ("SYSTEM_RUN_DENIED", "approval-required"));
    assert!(nothing.to_string().starts_with("approval required: "), "{nothing}");
    let off = verdict(&json!({"ask": "off"}), &["ls"]);
    let Verdict::Denied(off) = off else { panic!("nobody is to be asked: {off:?}") };
    assert_eq!((off.code(), off.reason()), ("SYSTEM_RUN_DENIED", "allowlist-miss"));
    assert!(off.to_string().starts_with("allowlist miss: "), "{off}");
    let deny = verdict(&json!({"security": "deny", "ask": "always", "allowlist": listed}), &["ls"]);
    let Verdict::Denied(deny) = deny else { panic!("an approval goes no further: {deny:?}") };
    assert_eq!((deny.code(), deny.reason()), ("SYSTEM_RUN_DISABLED", "security=deny"));
    assert_eq!(verdict(&json!({"allowlist": listed}), &["ls", "-l"]), Verdict::Allowed(Admitted::ByList));
    assert_eq!(verdict(&json!({"security": "full"}), &["anything"]), Verdict::Allowed(Admitted::Fully));
    let always = |mut more: Value| {
        more["ask"] = json!("always");
        verdict(&more, &["ls"])
    };
    let why = |verdict: Verdict| match verdict {
        Verdict::Ask { why, otherwise } => (why, otherwise),
        other => panic!("nobody is asked: {other:?}"),
    };
    let (reason, otherwise) = why(always(json!({"allowlist": listed})));
    assert_eq!(reason, Miss::Everything, "the list never silences `always`");
    assert_eq!(otherwise.unwrap_err().reason(), "approval-required");
    assert_eq!(why(always(json!({"security": "full"}))).1.unwrap_err().reason(), "approval-required");
    let fallback = why(always(json!({"askFallback": "full", "allowlist": listed}))).1;
    assert_eq!(fallback, Ok(Admitted::ByList), "no more than its rule");
    assert_eq!(alone(&json!({"askFallback": "full"}), &["ls"]).unwrap_err().reason(), "allowlist-miss");
}

/// N-12.3, N-12.4, N-15.8: every combination of what an owner and a caller say, by what becomes of a program that is on
/// the list and of one that is not.
#[test]
fn the_matrix_of_owner_and_caller() {
    let securities = [Security::Deny, Security::Allowlist, Security::Full];
    let asks = [Ask::Off, Ask::OnMiss, Ask::Always];
    let places = places();
    for (own, own_ask) in securities.into_iter().flat_map(|one| asks.map(|ask| (one, ask))) {
        for (asked, asked_ask) in securities.into_iter().flat_map(|one| asks.map(|ask| (one, ask))) {
            let defaults = json!({"security": own, "ask": own_ask, "allowlist": [{"pattern": "ls"}]});
            let requested = Requested { security: Some(asked), ask: Some(asked_ask) };
            let rules = rules(&defaults).narrowed(requested);
            let outcome = |program: &str| {
                let argv = words(&[program]);
                let wish = Wish { line: Line::Argv(&argv), places: &places, extras: Extras::default() };
                match judge(&rules, &wish).verdict {
                    Verdict::Allowed(_) => "run",
                    Verdict::Ask { .. } => "ask",
                    Verdict::Denied(_) => "no",
                }
            };
            let (security, ask) = (own.min(asked), own_ask.max(asked_ask));
            let expected = match (security, ask) {
                (Security::Deny, _) => ("no", "no"),
                (_, Ask::Always) => ("ask", "ask"),
                (Security::Full, _) => ("run", "run"),
                (Security::Allowlist, Ask::OnMiss) => ("run", "ask"),
                (Security::Allowlist, Ask::Off) => ("run", "no"),
            };
            assert_eq!((outcome("ls"), outcome("id")), expected, "{own:?} {own_ask:?} {asked:?} {asked_ask:?}");
        }
    }
}

/// N-12.5, N-12.6, N-12.7
#[test]
fn every_program_must_be_on_the_list_by_where_it_is() {
    let document = json!({"allowlist": [{"pattern": "ls"}, {"pattern": "/usr/bin/h*"}, {"pattern": "/**/env"},
        {"pattern": "sh"}, {"pattern": "cat", "argPattern": "^x$"}]});
    assert_eq!(alone(&document, &["sh", "-c", "ls -l | head -3"]), Ok(Admitted::ByList));
    assert_eq!(alone(&document, &["cat", "x"]), Ok(Admitted::ByList));
    for argv in [
        &["cat", "x", "y"][..],
        &["cat"],
        &["/tmp/ls"],
        &["./ls"],
        &["/usr/bin/../bin/head"],
        &["sh", "-c", "ls; id"],
        &["env", "id"],
        &["sh", "x"],
        &["sh", "-c", "ls > x"],
    ] {
        assert!(alone(&document, argv).is_err(), "{argv:?}");
    }
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// N-12.5, N-12.7, N-15.8: ways known to us of running something else than what is listed.
#[test]
fn escapes_are_not_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    for name in ["tool", "evil", "ls", "t\u{43e}\u{43e}l", "TOOL"] {
        program(&here.join(name), "#!/bin/sh\n");
    }
    for (name, target) in [("git", "evil"), ("shell", "/bin/sh"), ("runner", "/usr/bin/env"), ("up", "..")] {
        symlink(target, here.join(name)).unwrap();
    }
    let at = |name: &str| here.join(name).display().to_string();
    let list = json!({"allowlist": [{"pattern": "tool"}, {"pattern": "git"}, {"pattern": "shell"}, {"pattern": "runner"},
        {"pattern": at("git")}, {"pattern": at("tool")}, {"pattern": "/usr/bin/l?"}]});
    let places = Places::new(&format!("{}:/usr/bin:/bin", here.display()), here.clone(), "/root".into());
    let judged = |argv: &[&str]| {
        let argv = words(argv);
        let wish = Wish { line: Line::Argv(&argv), places: &places, extras: Extras::default() };
        judge(&rules(&list), &wish).verdict
    };
    for argv in [&["tool"][..], &["./tool"], &["sh", "-c", "tool a; tool b"], &["env", "tool"], &["/usr/bin/ls"]] {
        assert_eq!(judged(argv), Verdict::Allowed(Admitted::ByList), "{argv:?}");
    }
    let evil = at("evil");
    for argv in [
        &["evil"][..],
        &["sh", "-c", "tool; evil"],
        &["sh", "-c", "tool\nevil"],
        &["sh", "-c", "tool && evil"],
        &["sh", "-c", "tool | evil"],
        &["sh", "-c", "tool & evil"],
        &["sh", "-c", "tool $(evil)"],
        &["sh", "-c", "tool `evil`"],
        &["sh", "-c", "tool <(evil)"],
        &["sh", "-c", "tool > tool"],
        &["sh", "-c", "PATH=/tmp tool"],
        &["sh", "-c", "alias tool=evil; tool"],
        &["sh", "-c", "cd /tmp && tool"],
        &["sh", "-c", ". tool"],
        &["sh", "-c", "tool # ", "evil"],
        &["sh", "-ic", "tool"],
        &["sh", "tool"],
        &["env", "PATH=/tmp", "tool"],
        &["env", "-S", "tool evil"],
        &["env", "-i", "tool"],
        &["env", "evil"],
        &["nice", "evil"],
        &["xargs", "tool"],
        &["sudo", "tool"],
        &["find", ".", "-exec", "tool", "{}", "+"],
        // Links: what is really run is what is judged.
        &["git"],
        &["./git"],
        &[&at("git")],
        &["shell", "-c", "evil"],
        &["shell", "-c", "tool"],
        &["runner", "tool"],
        &["runner", "evil"],
        // Paths that are not what they look like, and names that nearly are.
        &["./up/tool"],
        &["../tool"],
        &["up/usr/bin/ls"],
        &["TOOL"],
        &["t\u{43e}\u{43e}l"],
        &["tool "],
        &["tool\u{200b}"],
        &["too\u{6c}\u{301}"],
        &["ls"],
        &[&evil],
        &[""],
    ] {
        assert!(!matches!(judged(argv), Verdict::Allowed(_)), "{argv:?} may run");
    }
    let Verdict::Ask { why, .. } = judged(&["git"]) else { panic!("a person may decide") };
    assert!(why.to_string().contains("is a link to") && why.to_string().contains("evil"), "{why}");
}

/// N-12.6, N-12.7: what "always" writes down lets just that through again, and leaves nothing for what it does not see
/// through.
#[test]
fn always_is_about_just_that() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    std::fs::write(here.join("x.py"), "1").unwrap();
    program(&here.join("own"), "#!/bin/sh\n");
    let places = Places::new("/usr/bin:/bin", here.clone(), "/root".into());
    let mut document = Document::default();
    let of = |document: &Document, places: &Places, argv: &[&str]| {
        let argv = words(argv);
        let wish = Wish { line: Line::Argv(&argv), places, extras: Extras::default() };
        let rules = document.effective(None, Host::Node);
        (judge(&rules, &wish).verdict, coverage(&rules, &wish))
    };
    let asked = ["sh", "-lc", "nice -n 5 ls -l && id"];
    let (before, missing) = of(&document, &places, &asked);
    assert!(matches!(before, Verdict::Ask { .. }) && missing.complete, "{before:?} {missing:?}");
    let patterns: Vec<_> = missing.entries.iter().map(|entry| entry.pattern.as_str()).collect();
    assert!(patterns.iter().any(|path| path.ends_with("/ls")) && patterns.len() == 2, "{patterns:?}");
    assert!(document.allow_always(None, &missing.entries));
    assert_eq!(of(&document, &places, &asked).0, Verdict::Allowed(Admitted::ByList));
    assert_eq!(of(&document, &places, &["ls", "-l"]).0, Verdict::Allowed(Admitted::ByList));
    assert!(of(&document, &places, &asked).1.entries.is_empty(), "nothing is missing any more");
    let elsewhere = Places { cwd: "/".into(), ..places.clone() };
    assert!(matches!(of(&document, &elsewhere, &asked).0, Verdict::Ask { .. }));
    for argv in [&["ls"][..], &["ls", "-l", "x"], &["sh", "-c", "ls -l; id -u"]] {
        assert!(matches!(of(&document, &places, argv).0, Verdict::Ask { .. }), "{argv:?}");
    }
    for argv in [
        &["sh", "-c", "ls $X"][..],
        &["sh", "-c", "ls *"],
        &["sh", "-c", "ls ~"],
        &["sh", "-c", "ls > out"],
        &["sh", "x.py"],
        &["sh", "-c", "ls; eval id"],
        &["nosuchprogram"],
        &["./own"],
        &["sudo", "ls"],
    ] {
        assert_eq!(of(&document, &places, argv).1, Coverage::default(), "{argv:?}");
    }
}

/// N-12.8, N-12.9: what counts besides the list, and only where it is said.
#[test]
fn safe_bins_and_skills_count_where_they_are_named() {
    let (places, bins) = (Places::new("/usr/bin:/bin", "/".into(), "/root".into()), words(&["head", "tr"]));
    let judged = |document: &Value, extras: Extras<'_>, text: &str| {
        let argv = words(&["sh", "-c", text]);
        let wish = Wish { line: Line::Argv(&argv), places: &places, extras };
        judge(&rules(document), &wish).verdict == Verdict::Allowed(Admitted::ByList)
    };
    let safe = Extras { safe_bins: &bins, ..Extras::default() };
    assert!(judged(&json!({}), safe, "head -n 3 | tr a b") && !judged(&json!({}), Extras::default(), "head -n 3"));
    assert!(!judged(&json!({}), safe, "head -n 3 /etc/passwd") && !judged(&json!({}), safe, "/usr/bin/head"));
    let skills = Extras { skills: &bins, ..Extras::default() };
    let wanted = json!({"autoAllowSkills": true});
    assert!(judged(&wanted, skills, "head -n 3 /etc/passwd") && !judged(&json!({}), skills, "head"));
    assert!(!judged(&wanted, skills, "/usr/bin/head") && !judged(&wanted, skills, "tail"));
}

/// N-12.7: in an agent's text, a change of the folder unsettles whatever depends on it.
#[test]
fn a_text_that_goes_elsewhere_is_not_judged_by_where_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    program(&here.join("tool"), "");
    let places = Places::new("/usr/bin:/bin", here.clone(), "/root".into());
    let list = json!({"allowlist": [{"pattern": here.join("tool").display().to_string()}]});
    let judged = |text: &str| {
        let extras = Extras { harmless: true, ..Extras::default() };
        let wish = Wish { line: Line::Text(text), places: &places, extras };
        let judged = judge(&rules(&list), &wish);
        (judged.verdict == Verdict::Allowed(Admitted::ByList), judged.used.len())
    };
    assert_eq!((judged("ls; ./tool x | head"), judged("cd /tmp; ls")), ((true, 1), (true, 0)));
    assert_eq!((judged("cd /tmp; ./tool"), judged("./tool\nls")), ((false, 0), (false, 0)));
    assert!(judged("cd /tmp; /usr/bin/env ls").0 == judged("/usr/bin/env ls").0);
}
