//! The flags that every command has, or every command that talks to a Gateway.

use std::process::Command;

use kit::TestGateway;
use serde_json::json;

use crate::{alone, binary, run};

/// CLI-1
#[test]
fn root_flags_stand_before_or_after_the_command() {
    let home = tempfile::tempdir().unwrap();
    for (flags, folder) in [(&["--profile", "work"][..], ".openclaw-work"), (&["--dev"], ".openclaw-dev")] {
        let before = run(&mut alone(&home), &[flags, &["config", "file"]].concat());
        let after = run(&mut alone(&home), &[&["config", "file"], flags].concat());
        assert_eq!(before, after);
        assert!(before.0 == 0 && before.1.contains(&format!("/{folder}/openclaw.json")), "{before:?}");
    }
    for level in ["silent", "fatal", "error", "warn", "info", "debug", "trace"] {
        for args in [["--log-level", level, "config", "file"], ["config", "file", "--log-level", level]] {
            assert_eq!(run(&mut alone(&home), &args).0, 0, "{args:?}");
        }
    }
    let version = run(&mut alone(&home), &["--version"]);
    for flag in ["-V", "-v"] {
        assert_eq!(run(&mut alone(&home), &[flag]), version);
    }
    assert_eq!(run(&mut alone(&home), &["-h"]).1, run(&mut alone(&home), &["--help"]).1);
}

/// CLI-1: a stream that is no terminal has no colour unless it is forced, and `--no-color` wins.
#[test]
fn colour_is_for_terminals_and_for_those_who_force_it() {
    let home = tempfile::tempdir().unwrap();
    let colours = |args: &[&str], name: &str, value: &str| {
        let mut command: Command = alone(&home);
        command.env(name, value);
        run(&mut command, &[&["status"], args].concat()).1.contains('\u{1b}')
    };
    assert!(!colours(&[], "TERM", "xterm"));
    assert!(colours(&[], "FORCE_COLOR", "1"));
    assert!(!colours(&["--no-color"], "FORCE_COLOR", "1"));
    assert!(!colours(&["--json"], "FORCE_COLOR", "1"));
}

/// CLI-2
#[test]
fn every_command_that_talks_to_the_gateway_has_all_its_flags() {
    let home = tempfile::tempdir().unwrap();
    let commands: &[&[&str]] = &[
        &["gateway", "status"],
        &["gateway", "health"],
        &["gateway", "probe"],
        &["gateway", "call"],
        &["gateway", "agent"],
        &["health"],
        &["status"],
        &["agent"],
        &["chat"],
        &["sessions"],
        &["sessions", "export"],
        &["devices", "list"],
        &["devices", "approve"],
        &["devices", "rotate"],
        &["nodes"],
        &["nodes", "list"],
        &["nodes", "approve"],
        &["nodes", "invoke"],
        &["nodes", "camera", "snap"],
        &["models", "list"],
        &["models", "status"],
        &["logs"],
        &["dashboard"],
        &["system", "presence"],
    ];
    for command in commands {
        let help = run(&mut alone(&home), &[command, &["--help"][..]].concat()).1;
        for flag in [
            "--url",
            "--token",
            "--password",
            "--timeout",
            "--json",
            "--expect-final",
            "--token-file",
            "--password-file",
            "--tls-fingerprint",
            "--ssh",
            "--via",
        ] {
            assert!(help.contains(&format!("{flag} ")), "{command:?} has no {flag}");
        }
    }
}

/// CLI-11: whatever asks on a terminal has an answer, or a usage error that names the flag, without one.
#[test]
fn nothing_waits_for_an_answer_where_nobody_can_give_one() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    for args in [&["setup"][..], &["setup", "--non-interactive", "--yes"], &["chat"], &["dashboard"]] {
        assert_eq!(run(&mut gateway.command(), args).0, 0, "{args:?}");
    }
    let (exit, stdout, stderr) = run(&mut gateway.command(), &["devices", "clear"]);
    assert_eq!((exit, stdout.as_str()), (2, ""));
    assert!(stderr.contains("openclaw devices clear --yes"), "{stderr}");
    assert_eq!(run(&mut gateway.command(), &["devices", "clear", "--yes"]).0, 0);
    let (exit, _, stderr) = run(&mut gateway.command(), &["setup", "--mode", "remote"]);
    assert!(exit == 2 && stderr.contains("--remote-url"), "{stderr}");
}
