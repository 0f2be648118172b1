//! What a hostile or clumsy client can do: nothing to anybody else (`protocol.md` 1 and 4).

use kit::{Client, Connect};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::house::{House, TOKEN};

#[tokio::test]
async fn a_large_frame_before_connect_closes_with_1009() {
    let house = House::start().await;
    let mut client = Client::open(house.address(), &[]).await;
    client.send_text(&"x".repeat(65_537)).await;
    assert_eq!(client.closed().await.code, 1009);
    house.owner().await;
}

#[tokio::test]
async fn after_hello_a_large_frame_passes_and_25_mib_and_one_does_not() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let answer = owner.request("health", json!({"padding": "x".repeat(1 << 20)})).await.unwrap();
    assert_eq!(answer["ok"], true);
    let _cut_short = owner.send_binary(vec![b' '; 26_214_401]).await;
    assert!(matches!(owner.closed().await.code, 1009 | 1006));
    house.owner().await;
}

#[tokio::test]
async fn half_a_request_and_garbage_bytes_harm_nobody() {
    let house = House::start().await;
    let mut half = tokio::net::TcpStream::connect(house.address()).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nupgr").await.unwrap();
    let mut garbage = tokio::net::TcpStream::connect(house.address()).await.unwrap();
    garbage.write_all(&[0xff; 4096]).await.unwrap();
    let mut answer = Vec::new();
    let _reset = garbage.read_to_end(&mut answer).await;
    house.owner().await;
}

/// protocol.md 2
#[tokio::test]
async fn deep_json_and_broken_text_are_ignored_or_answered_and_the_line_stays() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    owner.send_text("not json").await;
    owner.send_text(&"[".repeat(100_000)).await;
    let deep = format!(
        r#"{{"type":"req","id":"deep","method":"cron.list","params":{{"a":{}{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    owner.send_text(&deep).await;
    let error = owner.answer("deep").await.unwrap_err().unwrap();
    assert!(error.message.starts_with("invalid cron.list params"), "{}", error.message);
    owner.send_text(r#"{"type":"req","id":"7","method":"health","extra":1}"#).await;
    let error = owner.answer("7").await.unwrap_err().unwrap();
    assert!(error.message.starts_with("invalid request frame"), "{}", error.message);
    owner.send_binary(br#"{"type":"req","id":"8","method":"health"}"#.to_vec()).await.unwrap();
    assert_eq!(owner.answer("8").await.unwrap()["ok"], true);
}

#[tokio::test]
async fn ten_thousand_requests_at_once_are_all_answered() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let mut last = String::new();
    for _ in 0..10_000 {
        last = owner.send("gateway.identity.get", &json!({})).await;
    }
    assert!(owner.answer(&last).await.is_ok());
}

/// protocol.md 4
#[tokio::test]
async fn errors_come_in_the_order_of_the_protocol() {
    let house = House::start().await;
    let mut admin = house.owner().await;
    let message = |error: wire::ErrorShape| error.message;
    assert_eq!(message(admin.request("no.such", json!({})).await.unwrap_err()), "unknown method: no.such");
    let not_built = admin.request("terminal.open", json!({})).await.unwrap_err();
    assert_eq!(not_built.detail_code(), Some("NOT_BUILT"));
    let mut reader = house.client(&Connect::backend(TOKEN).scopes(&["operator.read"])).await;
    assert_eq!(message(reader.request("no.such", json!({})).await.unwrap_err()), "missing scope: operator.admin");
    let scoped = reader.request("config.set", json!({})).await.unwrap_err();
    assert_eq!(scoped.details.unwrap()["missingScope"], "operator.admin");
    let second = reader.request("connect", json!({})).await.unwrap_err();
    assert_eq!(message(second), "missing scope: operator.admin");
    let params = admin.request("device.pair.remove", json!({})).await.unwrap_err();
    assert_eq!(message(params), "invalid device.pair.remove params: at root: must have required property 'deviceId'");
}

#[tokio::test]
async fn the_eleventh_call_in_the_wrong_role_ends_the_connection() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    for _ in 0..11 {
        let error = owner.request("node.event", json!({"event": "x"})).await.unwrap_err();
        assert_eq!(error.message, "unauthorized role: operator");
    }
    let closed = owner.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (1008, "repeated unauthorized calls"));
}
