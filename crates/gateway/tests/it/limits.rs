//! What a hostile or clumsy client can do: nothing to anybody else (`protocol.md` 1 and 4).

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use kit::{Client, Connect};
use openclaw_gateway::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::house::{House, TOKEN, frame};

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
    owner.send_binary(vec![b' '; 26_214_401]).await.unwrap();
    assert_eq!(owner.closed().await.code, 1009);
    house.owner().await;
}

/// `protocol.md` 1: whoever says nothing, or sends no `connect`, is closed with 1000 and not a frame.
#[tokio::test]
async fn silence_before_connect_ends_with_1000_and_no_frame() {
    let limits = Limits { handshake_timeout: Duration::from_millis(50), ..Limits::default() };
    let house = House::limited(limits).await;
    let mut silent = Client::open(house.address(), &[]).await;
    let closed = silent.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (1000, ""));
    assert!(silent.drain().is_empty());
}

#[test]
fn the_handshake_timeout_can_be_set_by_the_environment_but_not_to_nothing() {
    let of = |value: &str| Limits::of(&base::Env::of([("OPENCLAW_HANDSHAKE_TIMEOUT_MS", value)])).handshake_timeout;
    assert_eq!(of("250"), Duration::from_millis(250));
    assert_eq!(of("0"), Duration::from_secs(15));
    assert_eq!(of("soon"), Duration::from_secs(15));
}

/// `protocol.md` 1: a wrong token is answered late (RATE-2), so what is pipelined behind it waits.
#[tokio::test]
async fn fifteen_frames_may_wait_behind_connect_and_a_sixteenth_may_not() {
    let house = House::start().await;
    let ends = async |frames: usize| {
        let mut client = Client::open(house.address(), &[]).await;
        let id = client.send("connect", &Connect::backend("a-wrong-token").params).await;
        for _ in 0..frames {
            client.send("health", &json!({})).await;
        }
        let refused = client.answer(&id).await.unwrap_err();
        (refused.and_then(|error| error.detail_code().map(str::to_owned)), client.closed().await)
    };
    let (code, closed) = ends(15).await;
    assert_eq!((code.as_deref(), closed.code), (Some("AUTH_TOKEN_MISMATCH"), 1008));
    let (code, closed) = ends(16).await;
    assert_eq!((code, closed.code, closed.reason.as_str()), (None, 1008, "too many pending handshake frames"));
}

/// `protocol.md` 1, N-2.11: a peer that answers pings stays, one that is gone without a word does not.
#[tokio::test]
async fn who_answers_no_ping_is_gone_and_who_answers_stays() {
    let house = House::limited(Limits { ping_interval: Duration::from_millis(400), ..Limits::default() }).await;
    let mut watcher = house.owner().await;
    // It is never read from again, so it never answers a ping.
    let _frozen = house.client(&Connect::node(TOKEN, &kit::device_key())).await;
    let left = |event: &Value| event["presence"].as_array().unwrap().iter().any(|row| row["reason"] == "disconnect");
    watcher.event_where("presence", left).await;
    assert_eq!(watcher.request("health", json!({})).await.unwrap()["ok"], true);
}

/// `protocol.md` 1: answers pile up unread until they are more than may wait.
#[tokio::test]
async fn a_consumer_that_is_too_slow_is_closed_with_1008() {
    let house = House::limited(Limits { max_buffered_bytes: 64 * 1024, ..Limits::default() }).await;
    let mut slow = house.owner().await;
    ask_without_reading(&mut slow).await;
    let closed = slow.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (1008, "slow consumer"));
    house.owner().await;
}

/// N-2.14, `protocol.md` 5: what a slow reader loses it can see in the numbers; its answers all come.
#[tokio::test]
async fn a_slow_reader_loses_events_visibly_and_no_answer() {
    let house = House::limited(Limits { low_mark_bytes: 16 * 1024, ..Limits::default() }).await;
    let mut owner = house.owner().await;
    let mut slow = house.owner().await;
    let asked = ask_without_reading(&mut slow).await;
    // Handled in order: once others hear of this one, all before it have been answered into the queue.
    slow.send("voicewake.set", &json!({"triggers": ["lost"]})).await;
    owner.event("voicewake.changed").await;
    for id in &asked {
        slow.answer(id).await.expect("every answer comes");
    }
    owner.request("voicewake.set", json!({"triggers": ["seen"]})).await.unwrap();
    let event = frame(&mut slow, "voicewake.changed").await;
    assert_eq!(event["payload"]["triggers"], json!(["seen"]), "the one before it was dropped");
    let seen = slow.drain().iter().filter(|frame| frame["seq"].is_number()).count() as u64;
    assert!(event["seq"].as_u64().unwrap() > seen + 1, "the numbers show the gap");
}

/// Asks for more than the kernel takes off the Gateway's hands.
async fn ask_without_reading(client: &mut Client) -> Vec<String> {
    let mut asked = Vec::new();
    for _ in 0..500 {
        asked.push(client.send("config.schema", &json!({})).await);
    }
    asked
}

#[tokio::test]
async fn half_a_request_and_garbage_bytes_harm_nobody() {
    let house = House::start().await;
    let mut half = TcpStream::connect(house.address()).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nupgr").await.unwrap();
    let mut garbage = TcpStream::connect(house.address()).await.unwrap();
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
        r#"{{"type":"req","id":"deep","method":"cron.status","params":{{"a":{}{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    owner.send_text(&deep).await;
    let error = owner.answer("deep").await.unwrap_err().unwrap();
    assert!(error.message.starts_with("invalid cron.status params"), "{}", error.message);
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

/// `protocol.md` 2: an id is opaque; two requests under one id get two answers under it.
#[tokio::test]
async fn two_requests_under_one_id_are_both_answered() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    for method in ["health", "no.such.method"] {
        owner.send_text(&json!({"type": "req", "id": "same", "method": method}).to_string()).await;
    }
    let (first, second) = (owner.answer("same").await, owner.answer("same").await);
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
    owner.request("health", json!({})).await.unwrap();
}

/// TLS-1, `protocol.md` 1: sockets that are to speak TLS and say nothing take the places of their own address only.
#[tokio::test]
async fn a_silent_crowd_on_the_tls_port_keeps_nobody_else_out() {
    let auth = json!({"mode": "token", "token": TOKEN});
    let config = json!({"gateway": {"mode": "local", "auth": auth, "tls": {"enabled": true}}});
    let house = House::with(&config.to_string()).await;
    let mut crowd = Vec::new();
    for _ in 0..600 {
        crowd.push(TcpStream::connect(house.address()).await.unwrap());
    }
    // The last is turned away, so all before it were looked at; a reset says the same as an end.
    let last = crowd.last_mut().unwrap().read(&mut [0]).await;
    assert!(!matches!(last, Ok(1..)), "{last:?}");
    let first = crowd.first().unwrap().try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(first, Err(ErrorKind::WouldBlock), "the others still wait for it to speak");

    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
    let stream = socket.connect(house.address()).await.unwrap();
    let tls = TlsConnector::from(kit::tls::trusting_client());
    let stream = tls.connect("localhost".try_into().unwrap(), stream).await.expect("another address is served");
    Client::connect_on(stream, &Connect::backend(TOKEN)).await.expect("it is let in");
    let stream = UnixStream::connect(house.state().join("gateway.sock")).await.unwrap();
    Client::connect_on(stream, &Connect::backend("")).await.expect("so is the owner, by the local socket");
}
