//! The link to the page: one page, once.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Client, Connect, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::{binary, json as as_json};

/// How long a browser may take to start and sign in.
const PATIENCE: Duration = Duration::from_secs(60);

fn link(gateway: &TestGateway) -> Value {
    let (exit, link) = as_json(&mut gateway.command(), &["dashboard", "--no-open"]);
    assert_eq!(exit, 0, "{link}");
    link
}

/// CON-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_signs_one_page_in_once_and_holds_no_lasting_secret() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let link = link(&gateway);
    let page = format!("http://127.0.0.1:{}/", gateway.address().port());
    assert_eq!((&link["url"], &link["httpUrl"], &link["tokenIncluded"]), (&json!(page), &json!(page), &json!(false)));
    assert!(link["browserBootstrapExpiresAtMs"].is_i64() && !link.to_string().contains(TOKEN), "{link}");
    let token = link["browserUrl"].as_str().unwrap().split_once("#bootstrapToken=").unwrap().1;
    let as_page = || {
        Connect::device("", &kit::device_key())
            .set("/client/id", json!("openclaw-control-ui"))
            .set("/client/mode", json!("webchat"))
            .auth(json!({"bootstrapToken": token}))
            .header("origin", page.trim_end_matches('/'))
    };
    let signed_in = Client::connect(gateway.address(), &as_page()).await.unwrap_or_else(|no| panic!("{:?}", no.error));
    assert_eq!(signed_in.hello["auth"]["method"], "bootstrap-token");
    signed_in.close().await;
    let again = Client::connect(gateway.address(), &as_page()).await.err().and_then(|refused| refused.error).unwrap();
    assert_eq!(again.detail_code(), Some("AUTH_BOOTSTRAP_TOKEN_INVALID"));
}

/// CON-3: what is asked for by name.
#[test]
fn the_lasting_token_is_in_the_link_only_when_asked_for() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (_, link) = as_json(&mut gateway.command(), &["dashboard", "--include-token"]);
    assert_eq!((&link["tokenIncluded"], &link["browserBootstrapExpiresAtMs"]), (&json!(true), &Value::Null));
    assert!(link["url"].as_str().unwrap().ends_with(&format!("/#token={TOKEN}")), "{link}");
}

/// Stopped when dropped.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// CON-3: the page itself, in a real browser.
#[test]
fn the_page_signs_in_by_the_link() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let link = link(&gateway);
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).arg(link["browserUrl"].as_str().unwrap());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _browser = Browser(command.spawn().expect("chromium is installed (.ci/run does)"));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, devices) = as_json(&mut gateway.command(), &["devices", "list"]);
        let page =
            devices["paired"].as_array().into_iter().flatten().find(|row| row["clientId"] == "openclaw-control-ui");
        if let Some(page) = page {
            assert_eq!((&page["approvedVia"], &page["scopes"]), (&json!("bootstrap"), &json!(["operator.read"])));
            return;
        }
        assert!(Instant::now() < deadline, "the page did not sign in: {devices}");
        // Nothing tells another process that a device was paired; this is the poll itself.
        std::thread::park_timeout(Duration::from_millis(200));
    }
}
