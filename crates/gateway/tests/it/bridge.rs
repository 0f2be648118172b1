//! The Bridge of the oldest apps, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use kit::{Client, Connect};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use crate::house::{House, TOKEN};
use crate::nodes::{call, describe};

/// Nothing a test waits for takes longer on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// An app that speaks lines.
struct App {
    read: BufReader<ReadHalf<Box<dyn Wire>>>,
    write: WriteHalf<Box<dyn Wire>>,
}

impl App {
    async fn dial(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    fn over(stream: impl Wire + 'static) -> Self {
        let stream: Box<dyn Wire> = Box::new(stream);
        let (read, write) = tokio::io::split(stream);
        Self { read: BufReader::new(read), write }
    }

    async fn bytes(&mut self, bytes: &[u8]) {
        self.write.write_all(bytes).await.unwrap();
        self.write.flush().await.unwrap();
    }

    async fn say(&mut self, line: Value) {
        self.bytes(format!("{line}\n").as_bytes()).await;
    }

    /// The next line; null at the end.
    async fn hears(&mut self) -> Value {
        let mut line = String::new();
        let read = self.read.read_line(&mut line);
        match tokio::time::timeout(PATIENCE, read).await.expect("the Gateway says something") {
            Ok(0) | Err(_) => Value::Null,
            Ok(_) => serde_json::from_str(&line).unwrap(),
        }
    }

    /// The next line of a kind.
    async fn kind(&mut self, kind: &str) -> Value {
        loop {
            let line = self.hears().await;
            assert!(!line.is_null(), "the connection ended before {kind}");
            if line["type"] == kind {
                return line;
            }
        }
    }

    /// Says something and answers what the next line refuses it with.
    async fn refused(&mut self, line: Value) -> (String, String) {
        self.say(line).await;
        let refusal = self.hears().await;
        let error = if refusal["type"] == "res" { refusal["error"].clone() } else { refusal };
        (text(&error["code"]), text(&error["message"]))
    }

    /// Calls a method.
    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.say(json!({"type": "req", "id": "r", "method": method, "paramsJSON": params.to_string()})).await;
        self.kind("res").await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn config(bridge: &Value, nodes: &Value) -> String {
    let mut on = json!({"enabled": true, "port": 0, "bind": "loopback"});
    on.as_object_mut().unwrap().extend(bridge.as_object().unwrap().clone());
    let auth = json!({"mode": "token", "token": TOKEN});
    json!({"gateway": {"mode": "local", "auth": auth, "nodes": nodes}, "bridge": on}).to_string()
}

async fn house() -> House {
    House::with(&config(&json!({}), &json!({}))).await
}

fn who(id: &str) -> Value {
    json!({"nodeId": id, "displayName": "Phone", "platform": "iOS 18.0", "deviceFamily": "iPhone", "version": "1.2",
        "commands": ["camera.list", "system.run"], "permissions": {"camera": true}})
}

fn with(kind: &str, mut who: Value, more: Value) -> Value {
    who["type"] = json!(kind);
    who.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    who
}

fn hello(who: &Value, token: &str) -> Value {
    with("hello", who.clone(), json!({"token": token}))
}

/// Pairs a new node, with the owner's word; the connection, and its token.
async fn paired(house: &House, owner: &mut Client, who: &Value) -> (App, String) {
    let mut app = App::dial(house.bridge()).await;
    app.say(with("pair-request", who.clone(), json!({}))).await;
    let asked = owner.event_where("device.pair.requested", |asked| asked["deviceId"] == who["nodeId"]).await;
    owner.request("device.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let token = text(&app.hears().await["token"]);
    assert_eq!(app.hears().await["type"], "hello-ok");
    (app, token)
}

/// The same, with what it offers approved.
async fn approved(house: &House, owner: &mut Client, who: &Value) -> (App, String) {
    let (app, token) = paired(house, owner, who).await;
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == who["nodeId"]).await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    (app, token)
}

/// N-14.1, N-14.3, N-14.4, N-14.5, N-14.6, N-14.7, N-14.11, N-14.12, N-14.14, N-9.2: from the first line to an answer.
#[tokio::test]
async fn a_node_is_paired_approved_asked_and_answers() {
    let house = house().await;
    let mut owner = house.owner().await;
    let phone = who("ios-1");
    let mut app = App::dial(house.bridge()).await;
    assert_eq!(app.refused(hello(&phone, "")).await, ("NOT_PAIRED".into(), "pairing required".into()));
    app.say(with("pair-request", phone.clone(), json!({}))).await;
    let asked = owner.event("device.pair.requested").await;
    assert_eq!((&asked["deviceId"], &asked["displayName"]), (&json!("ios-1"), &json!("Phone")), "{asked}");
    assert_eq!(app.refused(json!({"type": "ping", "id": "1"})).await.0, "UNAUTHORIZED", "it waits");
    owner.request("device.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let pair_ok = app.hears().await;
    assert_eq!(pair_ok["type"], "pair-ok");
    let hello_ok = app.hears().await;
    assert_eq!((&hello_ok["type"], &hello_ok["mainSessionKey"]), (&json!("hello-ok"), &json!("agent:main:main")));
    let words: Value = serde_json::from_str(&text(&app.kind("event").await["payloadJSON"])).unwrap();
    assert_eq!(words["triggers"], json!(["openclaw", "claude", "computer"]));

    let asks = owner.event("node.pair.requested").await;
    assert_eq!((&asks["commands"], &asks["caps"]), (&json!(["camera.list"]), &json!(["camera", "canvas"])), "{asks}");
    let early = owner.request("node.invoke", call("ios-1", "camera.list", "k0")).await.unwrap_err();
    assert!(early.message.contains("openclaw nodes approve "), "{early:?}");
    owner.request("node.pair.approve", json!({"requestId": asks["requestId"]})).await.unwrap();
    let row = describe(&mut owner, "ios-1").await;
    assert_eq!(
        (&row["connected"], &row["clientMode"], &row["commands"]),
        (&json!(true), &json!("bridge"), &json!(["camera.list"]))
    );
    let never = owner.request("node.invoke", call("ios-1", "system.run", "k1")).await.unwrap_err();
    assert!(never.message.contains("not in the list for this kind of device"), "{never:?}");
    let presence = owner.request("system-presence", json!({})).await.unwrap();
    let here = presence.as_array().unwrap().iter().find(|row| row["deviceId"] == "ios-1").unwrap();
    assert_eq!((&here["reason"], &here["ip"]), (&json!("node-connected"), &json!("127.0.0.1")));

    let waiting = owner.send("node.invoke", &call("ios-1", "camera.list", "k2")).await;
    let invoke = app.kind("invoke").await;
    assert_eq!((&invoke["command"], &invoke["paramsJSON"]), (&json!("camera.list"), &json!("{\"bins\":[\"sh\"]}")));
    app.say(json!({"type": "invoke-res", "id": invoke["id"], "ok": true, "payloadJSON": "{\"devices\":[]}"})).await;
    assert_eq!(owner.answer(&waiting).await.unwrap()["payload"], json!({"devices": []}));
    let waiting = owner.send("node.invoke", &call("ios-1", "camera.list", "k3")).await;
    let invoke = app.kind("invoke").await;
    let error = json!({"code": "CAMERA_DISABLED", "message": "off"});
    app.say(json!({"type": "invoke-res", "id": invoke["id"], "ok": false, "error": error})).await;
    assert_eq!(owner.answer(&waiting).await.unwrap_err().unwrap().message, "CAMERA_DISABLED: off");

    app.say(json!({"type": "event", "event": "node.host.stats", "payloadJSON": "{\"cpuCount\":6}"})).await;
    assert_eq!(owner.event("node.hostStats").await["hostStats"]["cpuCount"], 6, "the same events as everywhere");
    app.say(json!({"type": "ping", "id": "7"})).await;
    assert_eq!(app.kind("pong").await["id"], "7");
    owner.request("voicewake.set", json!({"triggers": ["hey"]})).await.unwrap();
    assert_eq!(app.kind("event").await["payloadJSON"], "{\"triggers\":[\"hey\"]}");
    let waiting = owner.send("node.invoke", &call("ios-1", "camera.list", "k4")).await;
    app.kind("invoke").await;
    drop(app);
    assert!(owner.answer(&waiting).await.unwrap_err().unwrap().message.starts_with("DISCONNECTED"));
    let left = |presence: &Value| {
        let rows = presence["presence"].as_array().unwrap();
        rows.iter().any(|row| row["deviceId"] == "ios-1" && row["reason"] == "node-disconnected")
    };
    owner.event_where("presence", left).await;

    let token = text(&pair_ok["token"]);
    let mut again = App::dial(house.bridge()).await;
    let mut changed = phone.clone();
    changed["platform"] = json!("macos");
    changed["deviceFamily"] = json!("Mac");
    changed.as_object_mut().unwrap().remove("commands");
    again.say(hello(&changed, &token)).await;
    assert_eq!(again.hears().await["type"], "hello-ok");
    let row = describe(&mut owner, "ios-1").await;
    assert_eq!(
        (&row["platform"], &row["commands"]),
        (&json!("iOS 18.0"), &json!(["camera.list"])),
        "as it was approved"
    );
}

/// N-14.5, N-14.9: what is refused before a node has proven itself, and that the connection goes on.
#[tokio::test]
async fn nothing_but_hello_and_a_request_counts_before_a_node_is_in() {
    let house = house().await;
    let mut owner = house.owner().await;
    let (first, token) = paired(&house, &mut owner, &who("n-1")).await;
    drop(first);
    let mut app = App::dial(house.bridge()).await;
    app.bytes(b"\n  \n").await;
    for (line, code) in [
        (json!({"type": "ping", "id": "1"}), "UNAUTHORIZED"),
        (json!({"type": "event", "event": "node.host.stats", "payloadJSON": "{}"}), "UNAUTHORIZED"),
        (json!({"type": "invoke-res", "id": "1", "ok": true}), "UNAUTHORIZED"),
        (json!({"type": "req", "id": "1", "method": "health"}), "UNAUTHORIZED"),
        (json!({"type": "invoke", "id": "1", "command": "x"}), "INVALID_REQUEST"),
        (json!({"type": "res", "id": "1", "ok": true}), "INVALID_REQUEST"),
        (json!({"type": "moon"}), "INVALID_REQUEST"),
        (json!([1]), "INVALID_REQUEST"),
        (json!({"type": "hello"}), "INVALID_REQUEST"),
        (json!({"type": "hello", "nodeId": "a b"}), "INVALID_REQUEST"),
        (json!({"type": "pair-request", "nodeId": "0f".repeat(32)}), "INVALID_REQUEST"),
        (hello(&who("n-1"), ""), "UNAUTHORIZED"),
        (hello(&who("n-1"), "wrong"), "UNAUTHORIZED"),
        (hello(&who("n-2"), &token), "NOT_PAIRED"),
    ] {
        assert_eq!(app.refused(line.clone()).await.0, code, "{line}");
    }
    app.say(json!({"type": "pong"})).await;
    let line = hello(&who("n-1"), &token).to_string();
    let (head, tail) = line.split_at(line.len() / 2);
    app.bytes(head.as_bytes()).await;
    app.bytes(format!("{tail}\r\n{}\n", json!({"type": "ping", "id": "9"})).as_bytes()).await;
    assert_eq!(app.hears().await["type"], "hello-ok", "in two pieces, with another line behind it");
    assert_eq!(app.kind("pong").await["id"], "9");
    assert_eq!(app.refused(hello(&who("n-1"), &token)).await.0, "INVALID_REQUEST", "it is in already");
}

/// N-14.1: what no line may be ends the connection, before and after.
#[tokio::test]
async fn lines_that_are_too_long_or_no_text_end_the_connection_and_nothing_else() {
    let house = house().await;
    let mut owner = house.owner().await;
    for rubbish in [vec![b'x'; 70 * 1024], b"\xff\xfe\n".to_vec()] {
        let mut app = App::dial(house.bridge()).await;
        app.bytes(&rubbish).await;
        assert_eq!(app.hears().await["code"], "INVALID_REQUEST");
        assert_eq!(app.hears().await, Value::Null);
    }
    let (mut app, _) = approved(&house, &mut owner, &who("n-1")).await;
    let waiting = owner.send("node.invoke", &call("n-1", "camera.list", "k1")).await;
    let invoke = app.kind("invoke").await;
    let large = "x".repeat(8 * 1024 * 1024);
    let answer = json!({"type": "invoke-res", "id": invoke["id"], "ok": true, "payloadJSON": json!(large).to_string()});
    app.say(answer).await;
    let got = owner.answer(&waiting).await.unwrap();
    assert_eq!(got["payload"].as_str().map(str::len), Some(large.len()), "what fits a frame fits a line");
    let waiting = owner.send("node.invoke", &call("n-1", "camera.list", "k2")).await;
    app.kind("invoke").await;
    let chunk = vec![b'x'; 1024 * 1024];
    for _ in 0..26 {
        if app.write.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let ended = owner.answer(&waiting).await.unwrap_err().unwrap();
    assert!(ended.message.starts_with("DISCONNECTED"), "{ended:?}");
}

/// N-14.10: a node calls few methods, with no more than reading and writing.
#[tokio::test]
async fn a_node_calls_only_what_the_bridge_lets_through() {
    let bridge = json!({});
    let house = House::with(&config(&bridge, &json!({}))).await;
    let mut owner = house.owner().await;
    let (mut app, _) = paired(&house, &mut owner, &who("n-1")).await;
    assert_eq!(
        app.request("voicewake.get", json!({})).await["payloadJSON"].as_str().map(|it| it.contains("claude")),
        Some(true)
    );
    for method in ["health", "sessions.list", "models.list", "config.get", "chat.history"] {
        let answer = app.request(method, json!({"sessionKey": "main"})).await;
        assert_eq!(answer["ok"], json!(true), "{method}: {answer}");
    }
    for method in ["node.list", "node.invoke", "device.pair.list", "exec.approvals.get", "agent", "node.event", "moon"]
    {
        let answer = app.request(method, json!({})).await;
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["details"]["method"]),
            (&json!("FORBIDDEN"), &json!(method))
        );
    }
    let raw = json!({"raw": "{}"});
    for method in ["config.set", "config.patch", "sessions.reset", "sessions.delete", "sessions.compact", "chat.inject"]
    {
        assert_eq!(app.request(method, raw.clone()).await["error"]["code"], "FORBIDDEN", "{method}");
    }
    app.say(json!({"type": "req", "id": "r", "method": "health", "paramsJSON": "{"})).await;
    assert_eq!(app.kind("res").await["error"]["code"], "INVALID_REQUEST");
    house.rewrite(&config(&json!({"allowAdminMethods": true}), &json!({})));
    owner.event("config.changed").await;
    let answer = app.request("sessions.reset", json!({"key": "agent:main:nobody"})).await;
    assert_ne!(answer["error"]["message"], "Method not allowed", "{answer}");
    let still = app.request("device.pair.list", json!({})).await;
    assert_eq!(still["error"]["message"], "Method not allowed", "the list stays the list");
}

/// N-14.6, N-14.8, N-14.14, N-3.17: no, too late, again, removed; and one connection a node.
#[tokio::test]
async fn a_word_counts_for_the_connection_that_waits_and_a_removed_node_is_out() {
    let house = house().await;
    let mut owner = house.owner().await;
    let mut app = App::dial(house.bridge()).await;
    app.say(with("pair-request", who("n-1"), json!({}))).await;
    let asked = owner.event("device.pair.requested").await;
    owner.request("device.pair.reject", json!({"requestId": asked["requestId"]})).await.unwrap();
    let refusal = app.hears().await;
    assert_eq!((&refusal["code"], &refusal["message"]), (&json!("UNAUTHORIZED"), &json!("pairing rejected")));

    app.say(with("pair-request", who("n-1"), json!({}))).await;
    let asked = owner.event("device.pair.requested").await;
    let mut second = App::dial(house.bridge()).await;
    second.say(with("pair-request", who("n-1"), json!({}))).await;
    // It waits as soon as it is told that it is not in.
    assert_eq!(second.refused(json!({"type": "ping", "id": "1"})).await.0, "UNAUTHORIZED");
    owner.request("device.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let token = text(&second.kind("pair-ok").await["token"]);
    second.kind("hello-ok").await;
    assert_eq!(app.hears().await["code"], "UNAUTHORIZED", "the newest one waits for the node");

    let mut third = App::dial(house.bridge()).await;
    third.say(hello(&who("n-1"), &token)).await;
    assert_eq!(third.hears().await["type"], "hello-ok");
    while second.hears().await != Value::Null {}
    assert_eq!(describe(&mut owner, "n-1").await["connected"], json!(true));

    let mut repair = App::dial(house.bridge()).await;
    repair.say(with("pair-request", who("n-1"), json!({}))).await;
    let asked = owner.event("device.pair.requested").await;
    assert_eq!(asked["isRepair"], json!(true));
    owner.request("device.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let fresh = text(&repair.kind("pair-ok").await["token"]);
    assert_ne!(fresh, token);
    let mut old = App::dial(house.bridge()).await;
    assert_eq!(old.refused(hello(&who("n-1"), &token)).await.0, "UNAUTHORIZED", "a new approval is a new token");
    repair.kind("hello-ok").await;

    owner.request("node.pair.remove", json!({"nodeId": "n-1"})).await.unwrap();
    while repair.hears().await != Value::Null {}
    assert_eq!(old.refused(hello(&who("n-1"), &fresh)).await.0, "NOT_PAIRED");
}

/// N-14.6: a request from another address takes the place of the one a person may be looking at, so that no yes is given to
/// one node and taken by another.
#[tokio::test]
async fn a_request_belongs_to_the_address_it_came_from() {
    let house = house().await;
    let mut owner = house.owner().await;
    let mut app = App::dial(house.bridge()).await;
    app.say(with("pair-request", who("n-1"), json!({}))).await;
    let asked = owner.event("device.pair.requested").await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = App::over(socket.connect(house.bridge()).await.unwrap());
    other.say(with("pair-request", who("n-1"), json!({}))).await;
    assert_eq!(app.hears().await["message"], "pairing rejected");
    let asks = owner.event("device.pair.requested").await;
    assert_eq!(asks["remoteIp"], "127.0.0.2");
    let gone = owner.request("device.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap_err();
    assert_eq!(gone.message, "unknown requestId");
    owner.request("device.pair.approve", json!({"requestId": asks["requestId"]})).await.unwrap();
    assert_eq!(other.hears().await["type"], "pair-ok");
}

/// N-14.5, N-14.14: a device with a key is none of the Bridge's, and a token of its is good for nothing there.
#[tokio::test]
async fn a_device_with_a_key_does_not_come_in_by_a_token() {
    let house = house().await;
    let key = kit::device_key();
    let node = house.client(&Connect::node(TOKEN, &key)).await;
    let token = text(&node.hello["auth"]["deviceToken"]);
    let mut app = App::dial(house.bridge()).await;
    assert_eq!(app.refused(hello(&who(&kit::device_id(&key)), &token)).await.0, "INVALID_REQUEST");
    assert!(house.refused(&Connect::node(TOKEN, &key).set("/client/mode", json!("bridge"))).await.error.is_some());
}

/// N-14.2, N-14.9: a peer that says nothing is let go, and so is one that only guesses.
#[tokio::test]
async fn a_connection_that_proves_nothing_ends() {
    let limits = openclaw_gateway::Limits { handshake_timeout: Duration::from_millis(300), ..<_>::default() };
    let house = House::made(&config(&json!({}), &json!({})), limits, "").await;
    let mut silent = App::dial(house.bridge()).await;
    assert_eq!(silent.hears().await["message"], "handshake timeout");
    assert_eq!(silent.hears().await, Value::Null);
    let house = self::house().await;
    let mut noisy = App::dial(house.bridge()).await;
    for _ in 0..=32 {
        noisy.say(json!({"type": "ping", "id": "1"})).await;
    }
    let mut last = Value::Null;
    loop {
        match noisy.hears().await {
            Value::Null => break,
            line => last = line,
        }
    }
    assert_eq!(last["message"], "too many refused lines");
    let off = House::start().await;
    assert!(off.bridges().is_empty(), "it listens only where it was asked for");
}

/// N-14.2: with the Gateway's own certificate, and for peers of TLS 1.2.
#[tokio::test]
async fn the_bridge_speaks_tls_with_the_gateways_own_certificate() {
    let house = House::with(&config(&json!({"tls": {"enabled": true}}), &json!({}))).await;
    let mut owner = house.owner().await;
    let name = rustls::pki_types::ServerName::from(house.bridge().ip());
    let older = tokio_rustls::TlsConnector::from(kit::tls::older_client());
    let stream = TcpStream::connect(house.bridge()).await.unwrap();
    let mut app = App::over(older.connect(name, stream).await.unwrap());
    app.say(with("pair-request", who("n-1"), json!({}))).await;
    let asked = owner.event("device.pair.requested").await;
    owner.request("device.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    assert_eq!(app.hears().await["type"], "pair-ok");
    assert!(house.state().join("gateway/tls/gateway-cert.pem").is_file());
    let mut plain = App::dial(house.bridge()).await;
    plain.say(hello(&who("n-1"), "x")).await;
    let mut line = String::new();
    tokio::time::timeout(PATIENCE, plain.read.read_line(&mut line)).await.unwrap().unwrap();
    assert!(line.starts_with("HTTP/1.1 400"), "plaintext is told so: {line}");
}
