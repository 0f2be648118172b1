//! What the config says, as accounts.

use base::Env;
use channels::access::DirectPolicy;
use channels::{Streaming, TokenSource};
use serde_json::json;

use super::accounts;

/// C-2.2
#[test]
fn the_token_comes_from_the_file_then_the_config_then_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, " 1:file \n").unwrap();
    let env = Env::of([("TELEGRAM_BOT_TOKEN", "1:env")]);
    let cases = [
        (json!({"tokenFile": file, "botToken": "1:config"}), TokenSource::File, "1:file"),
        (json!({"botToken": "1:config"}), TokenSource::Config, "1:config"),
        (json!({}), TokenSource::Env, "1:env"),
    ];
    for (section, source, token) in cases {
        let account = accounts(&json!({"telegram": section}), &env).remove(0);
        assert_eq!((account.token_source, account.token.unwrap().expose()), (source, token));
        assert!(account.usable.is_ok());
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let account = accounts(&json!({"telegram": {"tokenFile": link, "botToken": "1:config"}}), &env).remove(0);
    assert!(account.usable.unwrap_err().why.contains("no regular file"));
    assert!(account.token.is_none(), "a token that cannot be had is not replaced by another");
    let named = accounts(&json!({"telegram": {"accounts": {"work": {}}}}), &env).remove(0);
    assert_eq!(named.token_source, TokenSource::None);
    assert!(named.usable.unwrap_err().next.contains("channels.telegram.accounts.work.botToken"));
    assert!(accounts(&json!({}), &env).is_empty());
}

/// C-2.3
#[test]
fn an_account_lies_over_the_root() {
    let section = json!({"telegram": {
        "botToken": "1:root", "allowFrom": [1, "tg:2"], "historyLimit": 7, "streaming": {"mode": "off"},
        "groups": {"-100": {"requireMention": false}, "-200": {}},
        "accounts": {
            "work": {"botToken": "2:work", "allowFrom": ["*"], "dmPolicy": "open", "groups": {"-300": {}}},
            "off": {"botToken": "3:off", "enabled": false},
        },
    }});
    let all = accounts(&section, &Env::default());
    let ids: Vec<_> = all.iter().map(|account| (account.id.as_str(), account.enabled)).collect();
    assert_eq!(ids, [("default", true), ("work", true), ("off", false)]);
    assert_eq!(all[0].access.allow, ["1", "2"]);
    assert_eq!(all[1].access.groups.as_ref().unwrap().keys().collect::<Vec<_>>(), ["-300"]);
    assert_eq!(all[1].style.history, 7);
    assert_eq!(all[1].style.streaming, [Streaming::Off, Streaming::Off]);
    assert_eq!(all[1].access.allow, ["1", "2"], "a star in an account does not widen the root");
    assert_eq!(all[1].access.direct, DirectPolicy::Allowlist);
}

/// C-2.4
#[test]
fn one_bot_is_one_account() {
    let section = json!({"telegram": {"accounts": {"a": {"botToken": "1:x"}, "b": {"botToken": "1:x"}}}});
    let all = accounts(&section, &Env::default());
    assert!(all[0].usable.is_ok());
    let why = all[1].usable.clone().unwrap_err().why;
    assert!(why.contains("`b` has the same token as `a`"), "{why}");
    assert!(!why.contains("1:x"));
}

/// C-2.6
#[test]
fn only_what_needs_a_restart_changes_the_mark() {
    let mark = |more: serde_json::Value| {
        let mut section = json!({"telegram": {"botToken": "1:x"}});
        for (key, value) in more.as_object().unwrap() {
            section["telegram"][key] = value.clone();
        }
        accounts(&section, &Env::default()).remove(0).mark
    };
    let plain = mark(json!({}));
    for same in [json!({"allowFrom": [1]}), json!({"dmPolicy": "disabled"}), json!({"historyLimit": 3})] {
        assert_eq!(mark(same.clone()), plain, "{same}");
    }
    let others = [
        json!({"botToken": "1:y"}),
        json!({"apiRoot": "http://127.0.0.1:1"}),
        json!({"webhookUrl": "https://x.example/t", "webhookSecret": "s"}),
        json!({"customCommands": [{"command": "a", "description": "b"}]}),
        json!({"enabled": false}),
    ];
    for other in others {
        assert_ne!(mark(other.clone()), plain, "{other}");
    }
    assert!(!plain.contains("1:x"));
}

/// C-2.5
#[test]
fn a_token_in_the_api_root_is_a_problem_that_does_not_repeat_it() {
    let text = json!({"channels": {"telegram": {"apiRoot": "https://api.telegram.org/bot1:secret"}}}).to_string();
    let file = std::path::Path::new("/nowhere/openclaw.json");
    let problems = config::load_text(&text, file, &Env::default()).err().unwrap().to_string();
    assert!(
        problems.contains("channels.telegram.apiRoot") && problems.contains("leave `/bot<token>` out"),
        "{problems}"
    );
    assert!(!problems.contains("secret"), "{problems}");
}

/// C-2.1
#[test]
fn what_january_wrote_means_the_same_today() {
    let style = |more: serde_json::Value| {
        let mut section = json!({"telegram": {"botToken": "1:x"}});
        for (key, value) in more.as_object().unwrap() {
            section["telegram"][key] = value.clone();
        }
        accounts(&section, &Env::default()).remove(0).style
    };
    for (written, mode) in [
        (json!({"streamMode": "block"}), Streaming::Block),
        (json!({"blockStreaming": true}), Streaming::Block),
        (json!({"streaming": "off", "streamMode": "partial"}), Streaming::Off),
        (json!({"streaming": true}), Streaming::Partial),
        (json!({"streaming": {"mode": "progress"}, "streamMode": "off"}), Streaming::Progress),
    ] {
        assert_eq!(style(written.clone()).streaming, [mode; 2], "{written}");
    }
    assert_eq!(style(json!({})).streaming, [Streaming::Partial, Streaming::Off]);
    assert!(style(json!({"chunkMode": "newline"})).cut_at_blank_lines);
    assert_eq!(style(json!({"mediaMaxMb": 5, "textChunkLimit": 9000})).media_max, 5 * 1024 * 1024);
}
