//! The section about what commands use by themselves.

use std::io::ErrorKind;
use std::net::TcpListener;

use kit::TOKEN;
use serde_json::json;

use super::{COMMANDS, Laptop, published};

/// SEED-3, CFGC-1. The sentence: a remote target can be persisted, so that commands use it by default. The block of the pages is a valid config as printed, and says what the pages say it does.
#[test]
fn the_published_block_validates_and_names_the_target() {
    let laptop = Laptop::with(&published("ws://127.0.0.1:18789", "your-token"));
    let (exit, valid) = laptop.json(&["config", "validate"]);
    assert_eq!((exit, &valid["valid"], &valid["warnings"]), (0, &json!(true), &json!([])), "{valid}");
    let (exit, target) = laptop.json(&["gateway", "target"]);
    assert_eq!((exit, &target["url"]), (0, &json!("ws://127.0.0.1:18789")), "{target}");
    assert_eq!(target["urlSource"], "config gateway.remote.url");
    assert_eq!(target["credentials"]["token"], "gateway.remote.token");
    let (_, status) = laptop.json(&["status", "--deep"]);
    let doors = "no Gateway runs here";
    assert!(status["securityAudit"]["findings"].to_string().contains(doors), "{status}");
    assert!(!status.to_string().contains("gateway.bind_no_auth"), "{status}");
}

/// SEED-2, CRED-2. The sentences: with `--url` no credentials of config or environment are used; without explicit ones it is
/// an error. `--url` alone is an error before anything is dialled, though config and environment hold valid secrets.
#[test]
fn url_without_a_secret_opens_no_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let laptop = Laptop::with(&published(&url, TOKEN));
    let reports: &[&[&str]] = &[&["status", "--deep"], &["gateway", "status"]];
    for args in COMMANDS.iter().chain(reports) {
        let mut command = laptop.command();
        command.env("OPENCLAW_GATEWAY_TOKEN", TOKEN).env("OPENCLAW_GATEWAY_PASSWORD", TOKEN);
        let (exit, failed) = crate::json(&mut command, &[*args, &["--url", &url]].concat());
        assert_eq!((exit, &failed["error"]["type"]), (4, &json!("gateway_credentials_required")), "{args:?}: {failed}");
        assert!(!failed.to_string().contains(TOKEN));
    }
    listener.set_nonblocking(true).unwrap();
    let waiting = listener.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(waiting, Err(ErrorKind::WouldBlock), "somebody dialled");
    // The same listener does see one that dials.
    let (exit, _) = laptop.json(&["health", "--url", &url, "--token", TOKEN, "--timeout", "300"]);
    assert!(exit != 0 && listener.accept().is_ok());
}
