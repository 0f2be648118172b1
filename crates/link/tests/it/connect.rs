//! The handshake and what it does with refusals.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base::{Explain as _, Secret};
use link::{Connect, Credentials, Device, DialError, Source, Target, TokenStore, connect};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wire::connect::ConnectParams;
use wire::{Role, device_auth};

use crate::server::{Gateway, NONCE};

fn with_token(how: Connect, token: &str) -> Connect {
    Connect { credentials: Credentials { token: Some(Secret::new(token)), ..<_>::default() }, ..how }
}

/// PAIR-1, AUTH-10: what goes over the wire is signed over this connection's nonce and the server's clock.
#[tokio::test]
async fn a_connect_is_signed_and_its_device_token_kept() {
    let (heard_tx, mut heard) = tokio::sync::mpsc::unbounded_channel::<Value>();
    let gateway = Gateway::play(move |_, mut peer| {
        let heard = heard_tx.clone();
        async move {
            heard.send(peer.welcome(30_000).await).unwrap();
            peer.hear().await;
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let tokens = TokenStore::beside(&folder.path().join("device.json"));
    let device = Device::from_seed(&[7; 32]);
    let how = Connect {
        device: Some(device.clone()),
        tokens: Some(tokens.clone()),
        scopes: vec!["operator.read".into()],
        ..with_token(gateway.how(), "shared")
    };
    let (client, _events) = connect(&how).await.unwrap();
    assert_eq!(client.instance_id(), Some("gw-1"));
    assert_eq!(client.hello().auth.scopes.names(), ["operator.read"]);

    let frame = heard.recv().await.unwrap();
    let params: ConnectParams = serde_json::from_value(frame["params"].clone()).unwrap();
    assert!(params.check().is_ok());
    assert_eq!(params.auth.as_ref().unwrap().token.as_ref().unwrap().as_str(), "shared");
    let proof = params.device.clone().unwrap();
    assert!(device_auth::verify(&params, &proof, NONCE, base::now_ms()).is_ok());

    let kept = tokens.get(&gateway.target.origin(), device.id(), Role::Operator).unwrap();
    assert_eq!(kept.token.expose(), "device-token-1");
    let again = Connect { credentials: Credentials::default(), ..how };
    let _second = connect(&again).await.unwrap();
    let auth = heard.recv().await.unwrap()["params"]["auth"].clone();
    assert_eq!(auth, json!({"token": "device-token-1", "deviceToken": "device-token-1"}));
}

/// AUTH-11: a stored token the Gateway calls wrong is dropped for that origin.
#[tokio::test]
async fn a_refused_device_token_is_forgotten() {
    let gateway = Gateway::play(|_, mut peer| async move {
        let frame = peer.challenge().await;
        let details = json!({"code": "AUTH_DEVICE_TOKEN_MISMATCH"});
        let error =
            json!({"code": "INVALID_REQUEST", "message": "unauthorized: device token mismatch", "details": details});
        peer.refuse(&frame["id"], error).await;
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let tokens = TokenStore::beside(&folder.path().join("device.json"));
    let device = Device::from_seed(&[7; 32]);
    let token = link::StoredToken { token: Secret::new("old"), scopes: vec![] };
    tokens.put(&gateway.target.origin(), device.id(), Role::Operator, &token).unwrap();
    let how = Connect { device: Some(device.clone()), tokens: Some(tokens.clone()), ..gateway.how() };
    let error = connect(&how).await.unwrap_err();
    assert_eq!((error.code().0, error.kind().exit_code()), ("AUTH_DEVICE_TOKEN_MISMATCH", 4));
    assert!(error.to_string().contains("device token mismatch"));
    assert!(tokens.get(&gateway.target.origin(), device.id(), Role::Operator).is_none());
}

/// AUTH-11: a wrong shared token is followed once by the stored device token.
#[tokio::test]
async fn a_wrong_shared_token_is_followed_once_by_the_stored_one() {
    let gateway = Gateway::play(|number, mut peer| async move {
        if number == 1 {
            let connect = peer.welcome(30_000).await;
            assert_eq!(connect["params"]["auth"]["token"], "stored");
            peer.hear().await;
            return;
        }
        let frame = peer.challenge().await;
        let details = json!({"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": true});
        let error =
            json!({"code": "INVALID_REQUEST", "message": "unauthorized: gateway token mismatch", "details": details});
        peer.refuse(&frame["id"], error).await;
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let tokens = TokenStore::beside(&folder.path().join("device.json"));
    let device = Device::from_seed(&[9; 32]);
    let token = link::StoredToken { token: Secret::new("stored"), scopes: vec![] };
    tokens.put(&gateway.target.origin(), device.id(), Role::Operator, &token).unwrap();
    let how = with_token(Connect { device: Some(device), tokens: Some(tokens), ..gateway.how() }, "wrong");
    assert!(connect(&how).await.is_ok());
    let error = connect(&how).await.unwrap_err();
    assert_eq!(error.code().0, "AUTH_TOKEN_MISMATCH");
    assert_eq!(gateway.accepted.load(Ordering::SeqCst), 3, "the second try is spent once per process");
}

/// WS-3, PROBE-13: each way of not getting through has its own name.
#[tokio::test]
async fn each_failure_to_connect_has_its_name_and_exit_code() {
    let closed_port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let web = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let login = answering(b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n").await;
    let mute = answering(b"").await;
    let cases = [
        (format!("ws://127.0.0.1:{closed_port}"), "GATEWAY_REFUSED", 3),
        (format!("ws://127.0.0.1:{web}"), "NOT_A_GATEWAY", 3),
        (format!("ws://127.0.0.1:{login}"), "PROXY_IN_FRONT", 4),
        (format!("ws://127.0.0.1:{mute}"), "GATEWAY_TIMEOUT", 3),
        ("ws://no-such-host-here.local".to_owned(), "GATEWAY_DNS", 3),
        ("ws://example.com".to_owned(), "PLAINTEXT_REFUSED", 1),
        (format!("wss://127.0.0.1:{closed_port}"), "GATEWAY_REFUSED", 3),
    ];
    for (url, code, exit) in cases {
        let target = Target::parse(&url, Source::Flag).unwrap();
        let timeout = Duration::from_millis(400);
        let error = connect(&Connect { timeout, ..Connect::new(target, <_>::default()) }).await.unwrap_err();
        // Without a resolver the system may only notice when the time is up.
        let dns_slow = code == "GATEWAY_DNS" && error.code().0 == "GATEWAY_TIMEOUT";
        assert!(error.code().0 == code || dns_slow, "{url}: {error:?}");
        assert_eq!(error.kind().exit_code(), exit, "{url}");
        assert!(!error.next().is_empty(), "{url} has a next step");
    }
}

/// A listener that answers every connection with `bytes` and keeps it open.
async fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let _read = stream.read(&mut request).await;
                let _written = stream.write_all(bytes).await;
                let _end = stream.read(&mut request).await;
            });
        }
    });
    port
}

/// The reference client treats a challenge without a valid `ts` as broken; so do we.
#[tokio::test]
async fn a_broken_challenge_is_not_a_gateway() {
    let gateway = Gateway::play(|_, mut peer| async move {
        peer.say(json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "x", "ts": -1}})).await;
        peer.hear().await;
    })
    .await;
    let error = connect(&gateway.how()).await.unwrap_err();
    assert!(matches!(error, DialError::NotAGateway { .. }), "{error:?}");
}
