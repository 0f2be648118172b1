//! The checks that need nothing but a config, and the table of what can be found.

use base::Env;

use super::*;
use crate::args::Globals;
use crate::finding::Severity::{self, Critical, Info, Warn};
use crate::out::Out;

fn order() -> Order {
    Order { selection: Selection::default(), consent: Consent::default(), deep: false }
}

/// What was found: its id, how bad it is, and whether there is a fix.
type Row = (&'static str, Severity, bool);

/// What the config family finds in a text, in order.
fn found(text: &str, env: &[(&str, &str)]) -> Vec<Row> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".openclaw");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("openclaw.json"), text).unwrap();
    let vars = env.iter().copied().chain([("HOME", home.path().to_str().unwrap())]);
    let app = App::new(&Globals::default(), Env::of(vars), Out::plain()).unwrap();
    let look = config::look(&Patient::new(&app, &order()));
    look.found.iter().map(|one| (one.finding.check_id, one.finding.severity, one.fix.is_some())).collect()
}

/// DOC-5, CFG-2, ENV-2, START-1, START-3, START-4, PAIR-16: a config, and what is found in it; with a fix or without.
#[test]
fn each_config_has_its_findings() {
    const AUTH: &str = "auth: {mode: 'token', token: 'a-long-token-of-thirty-characters'}";
    let local = |more: &str| format!("{{gateway: {{mode: 'local', {AUTH}{more}}}}}");
    let rows: Vec<(String, Vec<Row>)> = vec![
        (local(""), vec![]),
        (local(", token: 'x'"), vec![("config.outdated", Critical, false)]),
        ("{gateway: {mode: 'local', token: 'x'}}".into(), vec![("config.outdated", Critical, true)]),
        (local(", bind: '127.0.0.1'"), vec![("config.invalid", Critical, true)]),
        (local(", bind: 7"), vec![("config.invalid", Critical, false)]),
        (local(", prot: 1"), vec![("config.unknown_key", Critical, true)]),
        (local(", host: '10.0.0.1'"), vec![("config.unknown_key", Critical, true)]),
        (local(", nodes: {allowCommands: ['x']}"), vec![("config.outdated", Warn, true)]),
        (local(", reload: {mode: 'restart', debounceMs: 1}"), vec![("config.outdated", Info, true); 2]),
        (local(", controlUi: {allowInsecureAuth: true}"), vec![("config.outdated", Info, true)]),
        (local(", bind: 'custom'"), vec![("config.refused", Critical, false)]),
        (
            "{gateway: {auth: {token: 'a-long-token-of-thirty-characters'}}}".into(),
            vec![("config.mode_missing", Critical, true)],
        ),
        (
            "{gateway: {mode: 'local', bind: 'loopback', remote: {token: 'x'}}}".into(),
            vec![("config.doubtful", Warn, false)],
        ),
        ("{gateway: {mode: 'remote', bind: 'custom', remote: {url: 'wss://h'}}}".into(), vec![]),
        ("{gateway: ".into(), vec![("config.invalid", Critical, false)]),
    ];
    for (text, expected) in rows {
        assert_eq!(found(&text, &[]), expected, "{text}");
    }
    let legacy = found(&local(""), &[("CLAWDBOT_GATEWAY_TOKEN", "another")]);
    let expected = [("config.legacy_variable", Info, false), ("gateway.env_token_overrides_config", Warn, false)];
    assert_eq!(legacy, expected);
}

#[test]
fn what_can_be_found_is_in_one_family_under_one_name() {
    let ids: Vec<&str> = FAMILIES.iter().flat_map(|family| family.ids).copied().collect();
    let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len());
    assert!(FAMILIES.iter().all(|family| !unique.contains(family.name)));
}

/// DOC-6
#[test]
fn another_release_at_the_far_end_is_said() {
    let look = |version: Option<&str>| {
        let told = link::Told { findings: Vec::new(), version: version.map(str::to_owned) };
        let mut look = Look::with("", Vec::new());
        remote::version(&told, &mut look);
        (look.found.first().map(|one| one.finding.detail.clone()), look.passed.first().map(|one| one.is_skipped))
    };
    assert_eq!(look(Some(env!("CARGO_PKG_VERSION"))), (None, Some(false)));
    assert_eq!(look(None), (None, Some(true)));
    assert!(look(Some("2026.9.6")).0.unwrap().contains("2026.9.6"));
}

/// Everything that was found stands in the table of its family, so that `--only` and `--skip` can name it.
#[test]
fn names_of_checks_are_checked_and_the_nearest_is_named() {
    let only = |name: &str| Selection::new(&[name.to_owned()], &[], None);
    assert!(only("config").is_ok() && only("systemd-restart-sec").is_ok() && only("fs.config.symlink").is_ok());
    let failure = only("confg").unwrap_err();
    assert_eq!(failure.exit, 2);
    assert!(failure.message.contains("`config`"), "{}", failure.message);
}
