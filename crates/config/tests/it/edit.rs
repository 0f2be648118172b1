//! Editing: what is asked for changes, nothing else does, and nothing broken is ever written.

use std::os::unix::fs::PermissionsExt as _;

use base::Explain as _;
use config::edit::{Applied, Change, EditError, apply, backups, get, parse_value, prepare};
use config::{Path, Restart};
use serde_json::{Value, json};

use crate::Home;

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

impl Home {
    fn change(&self, change: Change) -> Result<Applied, EditError> {
        apply(&self.file(), &self.env, None, change)
    }

    fn put(&self, at: &str, value: Value) -> Result<Applied, EditError> {
        self.change(Change::Set { path: path(at), value })
    }

    fn take(&self, at: &str) -> Result<Applied, EditError> {
        self.change(Change::Unset { path: path(at) })
    }
}

const COMMENTED: &str = "// mine
{
  gateway: {
    mode: 'local', // here
    port: 0x4965,
    /* why */ bind: \"loopback\",
  },

  // models
  agents: { defaults: { model: \"a/b\" } }
}
";

/// CFGC-4: comments, order, spelling and blank lines survive.
#[test]
fn an_edit_keeps_comments_and_everything_else() {
    let home = Home::with(COMMENTED);
    home.put("gateway.port", json!(19000)).unwrap();
    assert_eq!(home.text(), COMMENTED.replace("0x4965", "19000"));
    home.put("gateway.auth.mode", json!("token")).unwrap();
    home.put("agents.defaults.maxConcurrent", json!(2)).unwrap();
    home.put("session", json!({"dmScope": "per-peer", "identityLinks": {"me": ["telegram:1", "x:2"]}})).unwrap();
    home.take("gateway.mode").unwrap();
    insta::assert_snapshot!(home.text(), @r#"
    // mine
    {
      gateway: {
        port: 19000,
        /* why */ bind: "loopback",
        auth: {
          mode: "token"
        },
      },

      // models
      agents: { defaults: { model: "a/b", maxConcurrent: 2 } },
      session: {
        dmScope: "per-peer",
        identityLinks: {
          me: ["telegram:1", "x:2"]
        }
      }
    }
    "#);
}

/// CFGC-1
#[test]
fn list_places_and_quoted_keys_are_paths_too() {
    let home = Home::with("{\n  \"agents\": {\n    \"list\": [\n      { \"id\": \"a\" }\n    ]\n  }\n}\n");
    home.put("agents.list[0].name", json!("A")).unwrap();
    home.put("agents.list[1]", json!({"id": "b"})).unwrap();
    home.put(r#"agents.defaults.models["x/y.z"].alias"#, json!("z")).unwrap();
    home.put("bindings[0].agentId", json!("a")).unwrap();
    insta::assert_snapshot!(home.text(), @r#"
    {
      "agents": {
        "list": [
          { "id": "a", "name": "A" },
          {
            "id": "b"
          }
        ],
        "defaults": {
          "models": {
            "x/y.z": {
              "alias": "z"
            }
          }
        }
      },
      "bindings": [
        {
          "agentId": "a"
        }
      ]
    }
    "#);
    let error = home.put("agents.list[7]", json!({})).unwrap_err();
    assert_eq!(error.code().0, "CONFIG_PATH_BLOCKED");
    home.take("agents.list[0]").unwrap();
    assert_eq!(home.load().unwrap().config.agents.entries[0].id, "b");
}

/// CFG-7, CFG-9: a new file is private and says who wrote it.
#[test]
fn a_file_is_made_when_there_is_none() {
    let home = Home::new();
    let applied = home.put("gateway.mode", json!("local")).unwrap();
    assert_eq!((applied.before_hash, applied.restart), (None, Restart::Required));
    assert_eq!(std::fs::metadata(home.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let loaded = home.load().unwrap();
    assert_eq!(loaded.config.gateway.mode, Some(config::Mode::Local));
    assert!(loaded.source["meta"]["lastTouchedAt"].is_string());
    assert_eq!(loaded.hash.as_deref(), Some(applied.hash.as_str()));
    assert!(
        home.text().starts_with("{\n  \"gateway\": {\n    \"mode\": \"local\"\n  },\n  \"meta\": {\n"),
        "{}",
        home.text()
    );
}

/// CFG-9: a hand-written file is not given a `meta` block, and one that is there is kept true.
#[test]
fn meta_is_kept_only_where_it_is() {
    let home = Home::with("{ gateway: { mode: 'local' } }");
    home.put("gateway.port", json!(1)).unwrap();
    assert_eq!(home.text(), "{ gateway: { mode: 'local', port: 1 } }");
    let home = Home::with(r#"{ meta: { lastTouchedVersion: "2026.1.1" } }"#);
    home.put("gateway.port", json!(1)).unwrap();
    assert_ne!(home.load().unwrap().source["meta"]["lastTouchedVersion"], "2026.1.1");
}

/// CFG-7
#[test]
fn five_backups_are_kept_and_a_link_is_not_followed() {
    let home = Home::with("{ gateway: { port: 1 } }");
    for port in 2..=8 {
        home.put("gateway.port", json!(port)).unwrap();
    }
    let kept = backups(&home.file());
    let texts: Vec<_> = kept.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert_eq!(texts, [7, 6, 5, 4, 3].map(|port| format!("{{ gateway: {{ port: {port} }} }}")));
    assert!(kept[0].ends_with("openclaw.json.bak") && kept[4].ends_with("openclaw.json.bak.4"));

    let link = home.path().join("link.json");
    std::os::unix::fs::symlink(home.file(), &link).unwrap();
    let error = apply(&link, &home.env, None, Change::Replace("{}".into())).unwrap_err();
    assert_eq!(error.code().0, "CONFIG_IS_LINK");
}

/// CFG-4, CFG-5: what the daemon would refuse is not written, with the daemon's own words.
#[test]
fn a_combination_the_daemon_refuses_is_not_written() {
    let home = Home::with("{ gateway: { mode: 'local' } }");
    let before = home.text();
    for (patch, code) in [
        (json!({"bind": "lan"}), "GATEWAY_BIND_WITHOUT_AUTH"),
        (json!({"tailscale": {"mode": "funnel"}, "auth": {"token": "t"}}), "TAILSCALE_FUNNEL_NEEDS_PASSWORD"),
        (json!({"tailscale": {"mode": "serve"}, "bind": "lan", "auth": {"token": "t"}}), "TAILSCALE_NEEDS_LOOPBACK"),
        (json!({"tailscale": {"mode": "serve"}, "auth": {"mode": "none"}}), "TAILSCALE_NEEDS_AUTH"),
        (json!({"bind": "custom"}), "CUSTOM_BIND_HOST_INVALID"),
        (json!({"auth": {"token": "a", "password": "b"}}), "GATEWAY_AUTH_MODE_AMBIGUOUS"),
        (json!({"auth": {"mode": "trusted-proxy"}}), "TRUSTED_PROXY_INCOMPLETE"),
    ] {
        let error = home.change(Change::MergePatch(json!({"gateway": patch}))).unwrap_err();
        assert_eq!(error.code().0, code, "{error}");
        assert_eq!(home.text(), before);
    }
    home.change(Change::MergePatch(json!({"gateway": {"bind": "lan", "auth": {"token": "t"}}}))).unwrap();
}

/// CFG-5: a config that is already refused can be mended one step at a time.
#[test]
fn a_broken_config_can_be_mended_step_by_step() {
    let home = Home::with("{ gateway: { bind: 'custom', tailscale: { mode: 'funnel' }, prot: 1, tokn: 2 } }");
    assert!(home.take("gateway.prot").unwrap().loaded.is_none());
    home.take("gateway.tokn").unwrap();
    let applied = home.put("gateway.customBindHost", json!("127.0.0.1")).unwrap();
    assert_eq!(applied.warnings.len(), 1, "{:?}", applied.warnings);
    home.put("gateway.auth.password", json!("p")).unwrap();
    assert_eq!(config::refusals(&home.load().unwrap().config, &Default::default(), &home.env), []);
}

#[test]
fn a_stale_hash_and_an_invalid_value_leave_no_trace() {
    let home = Home::with("{ gateway: { port: 1 } }");
    let hash = home.load().unwrap().hash.unwrap();
    let set = |value| Change::Set { path: path("gateway.port"), value };
    apply(&home.file(), &home.env, Some(&hash), set(json!(2))).unwrap();
    let error = apply(&home.file(), &home.env, Some(&hash), set(json!(3))).unwrap_err();
    assert_eq!(error.code().0, "CONFIG_CHANGED");
    assert_eq!(home.put("gateway.port", json!(70_000)).unwrap_err().code().0, "CONFIG_INVALID");
    assert_eq!(home.change(Change::Replace("{ nonsense".into())).unwrap_err().code().0, "CONFIG_INVALID");
    assert_eq!(home.text(), "{ gateway: { port: 2 } }");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2, "the file and one backup");
}

/// CFGC-1, CFGC-2: the schema knows which paths there are; a dry run writes nothing.
#[test]
fn unknown_and_missing_paths_are_told_apart() {
    let home = Home::with("{ gateway: { port: 1 }, plugins: { a: 1 } }");
    let error = home.put("gateway.prot", json!(1)).unwrap_err().to_string();
    assert_eq!(error, "Unknown config path: gateway.prot (did you mean `gateway.port`?)");
    assert_eq!(home.take("gateway.bind").unwrap_err().to_string(), "Config path not found: gateway.bind");
    home.put("plugins.b.c", json!(2)).unwrap();
    let source = home.load().unwrap().source;
    assert_eq!(get(&source, &path("plugins.b.c")).unwrap(), 2);
    assert!(matches!(get(&source, &path("gateway.bind")), Err(EditError::NotFound(_))));
    assert!(matches!(get(&source, &path("gateway.nope")), Err(EditError::UnknownPath { .. })));
    let before = home.text();
    let change = Change::Set { path: path("gateway.port"), value: json!(9) };
    assert!(prepare(&home.file(), &home.env, None, change).unwrap().text.contains("port: 9"));
    assert_eq!(home.text(), before);
}

/// CFGC-1
#[test]
fn a_typed_value_is_json5_or_text() {
    assert_eq!(parse_value("{ a: 1 }", false).unwrap(), json!({"a": 1}));
    assert_eq!(parse_value("lan", false).unwrap(), json!("lan"));
    assert_eq!(parse_value("0x10", false).unwrap(), json!(16));
    assert_eq!(parse_value("lan", true).unwrap_err().kind().exit_code(), 2);
}

/// CFG-6: what was shown redacted means "as it was" when it comes back.
#[test]
fn a_redacted_secret_is_kept() {
    let text =
        "{ gateway: { auth: { token: '${TOKEN}', mode: 'token' } }, agents: { defaults: { workspace: '${DIR}/w' } },
  channels: { telegram: { botToken: '1:a' } } }";
    let home = Home::with(text).set("TOKEN", "t0p").set("DIR", "/srv");
    let shown = config::redact(&home.load().unwrap().source);
    assert_eq!(shown["gateway"]["auth"]["token"], base::REDACTED);
    home.change(Change::MergePatch(shown.clone())).unwrap();
    assert_eq!(home.text(), text, "nothing was changed, so nothing changes");
    for (at, value) in [("gateway.auth", &shown["gateway"]["auth"]), ("channels", &shown["channels"])] {
        home.put(at, value.clone()).unwrap();
    }
    assert_eq!(home.text(), text);
    home.change(Change::Replace(config::redact_text(text).replace("/w", "/v"))).unwrap();
    assert_eq!(home.text(), text.replace("/w", "/v"));
    let error = home.put("gateway.remote.token", json!(base::REDACTED)).unwrap_err();
    assert_eq!(error.code().0, "CONFIG_REDACTED_VALUE");
}

/// CFG-6: elements of a list are known by their id.
#[test]
fn secrets_in_lists_follow_the_id() {
    let text = r#"{ plugins: { list: [{ id: "a", token: "ta" }, { id: "b", token: "tb" }] } }"#;
    let home = Home::with(text);
    let shown = config::redact(&home.load().unwrap().source);
    let last = shown["plugins"]["list"][1].clone();
    home.put("plugins.list", json!([last])).unwrap();
    assert_eq!(home.load().unwrap().source["plugins"]["list"], json!([{"id": "b", "token": "tb"}]));
    let replaced = r#"{ plugins: { list: [{ id: "b", token: "__OPENCLAW_REDACTED__" }] } }"#;
    home.change(Change::Replace(replaced.into())).unwrap();
    assert!(home.text().contains("tb"));
}

#[test]
fn a_merge_patch_takes_out_what_is_null() {
    let home = Home::with("{ gateway: { port: 1, bind: 'loopback' }, session: { mainKey: 'x' } }");
    let patch =
        json!({"gateway": {"bind": null, "port": 2}, "session": null, "logging": {"level": "debug", "file": null}});
    let applied = home.change(Change::MergePatch(patch)).unwrap();
    assert_eq!(home.load().unwrap().source, json!({"gateway": {"port": 2}, "logging": {"level": "debug"}}));
    assert_eq!(applied.restart, Restart::Required);
}

#[test]
fn what_an_included_file_says_is_not_changed_here() {
    let home = Home::with("{ agents: { $include: './agents.json5' } }");
    let included = home.write("agents.json5", "{ defaults: { skipBootstrap: true }, list: [{ id: 'a' }] }");
    let error = home.take("agents.defaults.skipBootstrap").unwrap_err();
    assert!(
        matches!(&error, EditError::Included { files, .. } if files == &[included.canonicalize().unwrap()]),
        "{error}"
    );
    assert_eq!(home.put("agents.list", json!([{"id": "b"}])).unwrap_err().code().0, "CONFIG_INCLUDED");
    home.put("agents.defaults.skipBootstrap", json!(false)).unwrap();
    assert_eq!(home.text(), "{ agents: { $include: './agents.json5', defaults: { skipBootstrap: false } } }");
    assert!(!home.load().unwrap().config.agents.defaults.skip_bootstrap);
}

#[test]
fn a_read_only_config_is_left_alone() {
    let home = Home::with("{}").set("OPENCLAW_CONFIG_READONLY", "1");
    assert_eq!(home.put("gateway.port", json!(1)).unwrap_err().code().0, "CONFIG_READ_ONLY");
    assert_eq!(home.text(), "{}");
}
