//! The order of the checks, with programs of this machine.

use super::*;

fn judged(document: &str, argv: &[&str]) -> Result<Admitted, Denied> {
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    let places = Places::new("/usr/bin:/bin:relative:", "/usr/bin".into(), "/root".into());
    judge(&Document::parse(document).unwrap(), &Wish { argv: &argv, agent: None, places: &places })
}

fn with(defaults: &str) -> String {
    format!(r#"{{"version": 1, "defaults": {{{defaults}}}}}"#)
}

/// N-11.10, N-12.2, N-12.4
#[test]
fn the_order_of_the_checks() {
    let listed = r#""allowlist": [{"pattern": "ls"}]"#;
    let nothing = judged(&with(""), &["ls"]).unwrap_err();
    assert_eq!((nothing.code(), nothing.reason()), ("SYSTEM_RUN_DENIED", "approval-required"));
    assert!(nothing.to_string().starts_with("approval required: "), "{nothing}");
    let off = judged(&with(r#""ask": "off""#), &["ls"]).unwrap_err();
    assert_eq!((off.code(), off.reason()), ("SYSTEM_RUN_DENIED", "allowlist-miss"));
    assert!(off.to_string().starts_with("allowlist miss: "), "{off}");
    let deny = judged(&with(&format!(r#""security": "deny", {listed}"#)), &["ls"]).unwrap_err();
    assert_eq!((deny.code(), deny.reason()), ("SYSTEM_RUN_DISABLED", "security=deny"));
    assert_eq!(judged(&with(listed), &["ls", "-l"]), Ok(Admitted::ByList));
    assert_eq!(judged(&with(r#""security": "full""#), &["anything"]), Ok(Admitted::Fully));
    let always = |rest: &str| judged(&with(&format!(r#""ask": "always", {rest}"#)), &["ls"]);
    assert_eq!(always(listed).unwrap_err().reason(), "approval-required", "the list never silences `always`");
    assert_eq!(always(r#""security": "full""#).unwrap_err().reason(), "approval-required");
    assert_eq!(always(&format!(r#""askFallback": "full", {listed}"#)), Ok(Admitted::ByList), "no more than its rule");
    assert_eq!(judged(&with(r#""askFallback": "full""#), &["ls"]).unwrap_err().reason(), "allowlist-miss");
}

/// N-12.5, N-12.6, N-12.7
#[test]
fn every_program_must_be_on_the_list_by_where_it_is() {
    let document = with(
        r#""allowlist": [{"pattern": "ls"}, {"pattern": "/usr/bin/h*"}, {"pattern": "/**/env"},
            {"pattern": "sh"}, {"pattern": "cat", "argPattern": "^x$"}]"#,
    );
    assert_eq!(judged(&document, &["sh", "-c", "ls -l | head -3"]), Ok(Admitted::ByList));
    for argv in [
        &["cat", "x"][..],
        &["/tmp/ls"],
        &["./ls"],
        &["/usr/bin/../bin/head"],
        &["sh", "-c", "ls; id"],
        &["env", "id"],
        &["sh", "x"],
        &["sh", "-c", "ls > x"],
    ] {
        assert!(judged(&document, argv).is_err(), "{argv:?}");
    }
}

/// N-12.5: a folder of `PATH` that depends on where one stands is none.
#[test]
fn programs_are_found_in_absolute_folders_only() {
    let places = Places::new("bin::/usr/bin", "/".into(), "/root".into());
    assert_eq!(places.path_value(), "/usr/bin");
    assert!(places.find("ls").unwrap().by_name);
    assert_eq!(places.find("./usr/./bin/ls").unwrap().path, Path::new("/usr/bin/ls"));
    for name in ["", ".", "..", "nosuchprogram", "/usr", "/usr/bin/../bin/ls", "/nosuch/ls"] {
        assert_eq!(places.find(name), None, "{name}");
    }
}
