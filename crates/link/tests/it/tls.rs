//! TLS against servers with each kind of certificate, and ports that speak the other language.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Explain as _;
use kit::tls::{TestCa, TestPair};
use link::supervise::Failure;
use link::{Connect, DialError, Distrust, Pin, PinStore, Pins, Source, Target, connect, fetch_leaf};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::server::{Gateway, Peer};

const PATIENCE: Duration = Duration::from_secs(30);

async fn welcome(_: usize, mut peer: Peer) {
    peer.welcome(30_000).await;
    peer.hear().await;
}

async fn gateway(pair: &TestPair) -> Gateway {
    Gateway::play_tls(pair.server(), welcome).await
}

/// What was wrong, and the code for scripts.
async fn fault(how: &Connect) -> (Distrust, &'static str) {
    let error = connect(how).await.unwrap_err();
    let code = error.code().0;
    match error {
        DialError::Tls(fault) => (fault.why, code),
        other => panic!("{other:?}"),
    }
}

/// TLS-7, N-2.13: the pin alone decides; name, authority and dates do not.
#[tokio::test]
async fn a_pinned_certificate_is_taken_whatever_it_says() {
    let ca = TestCa::new();
    for pair in [TestPair::self_signed(), ca.issue("other.example"), ca.issue_expired("127.0.0.1")] {
        let gateway = gateway(&pair).await;
        let how = Connect { pin: Some(Pin::of_der(&pair.der)), ..gateway.how() };
        let (client, _events) = connect(&how).await.unwrap();
        client.close().await;
    }
}

/// TLS-7, RECON-3: refused before one byte of HTTP, with both fingerprints, and not tried again.
#[tokio::test]
async fn a_wrong_pin_ends_it_before_the_upgrade_request() {
    let pair = TestPair::self_signed();
    let gateway = gateway(&pair).await;
    let pinned = Pin::of_der(b"another certificate");
    let how = Connect { pin: Some(pinned), ..gateway.how() };
    let error = connect(&how).await.unwrap_err();
    let shown = Pin::of_der(&pair.der).to_string();
    let said = error.to_string();
    assert!(said.starts_with("gateway tls fingerprint mismatch"), "{said}");
    assert!(said.contains(&shown) && said.contains(&pinned.to_string()), "{said}");
    assert_eq!((error.code().0, error.kind().exit_code()), ("TLS_PIN_MISMATCH", 3));
    assert_eq!(Failure::of(&error), Failure::Final(error.code()));
    assert_eq!(gateway.upgrades.load(Ordering::SeqCst), 0, "no upgrade request left");
}

/// TLS-7: at once, without a socket.
#[tokio::test]
async fn a_pin_needs_wss() {
    let gateway = Gateway::play(welcome).await;
    let how = Connect { pin: Some(Pin::of_der(b"x")), ..gateway.how() };
    let error = connect(&how).await.unwrap_err();
    assert_eq!(error.to_string(), "gateway tls fingerprint requires wss:// gateway url");
    assert_eq!(gateway.accepted.load(Ordering::SeqCst), 0);
}

/// TLS-3, TLS-9: without a pin the authorities decide, and each way to fail has its name.
#[tokio::test]
async fn without_a_pin_unknown_expired_and_wrong_host_are_told_apart() {
    let ca = TestCa::new();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, ca.pem()).unwrap();
    let with_roots = |gateway: &Gateway| Connect { roots: Some(roots.clone()), ..gateway.how() };

    let good = gateway(&ca.issue("127.0.0.1")).await;
    connect(&with_roots(&good)).await.unwrap().0.close().await;
    let (why, code) = fault(&good.how()).await;
    assert!(matches!(why, Distrust::Unknown { .. }), "{why:?}");
    assert_eq!(code, "TLS_NOT_TRUSTED");

    let alone = gateway(&TestPair::self_signed()).await;
    let (why, _) = fault(&with_roots(&alone)).await;
    assert!(matches!(why, Distrust::Unknown { .. }), "{why:?}");
    let error = connect(&alone.how()).await.unwrap_err();
    assert!(error.next().iter().any(|step| step.text().contains("gateway tls show")), "{:?}", error.next());

    let old = gateway(&ca.issue_expired("127.0.0.1")).await;
    let (why, code) = fault(&with_roots(&old)).await;
    assert!(matches!(why, Distrust::Expired { .. }), "{why:?}");
    assert_eq!(code, "TLS_CERTIFICATE_EXPIRED");

    let other = gateway(&ca.issue("other.example")).await;
    let (why, code) = fault(&with_roots(&other)).await;
    assert!(matches!(&why, Distrust::WrongHost { reason } if reason.contains("other.example")), "{why:?}");
    assert_eq!(code, "TLS_WRONG_HOST");

    std::fs::write(&roots, "no certificate").unwrap();
    let (why, _) = fault(&with_roots(&good)).await;
    assert!(matches!(why, Distrust::Roots { .. }), "{why:?}");
}

/// A listener that answers each connection with `said` and closes.
async fn stranger(said: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 4096];
            let _some = stream.read(&mut heard).await;
            stream.write_all(said).await.unwrap();
        }
    });
    port
}

/// PROBE-13
#[tokio::test]
async fn each_port_that_speaks_the_other_language_is_named() {
    let how = |url: String| Connect::new(Target::parse(&url, Source::ConfigRemote).unwrap(), <_>::default());
    for said in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.9\r\n"] {
        let (why, code) = fault(&how(format!("wss://127.0.0.1:{}", stranger(said).await))).await;
        assert_eq!((why, code), (Distrust::PlaintextPort, "TLS_TO_PLAINTEXT_PORT"));
    }
    let alert = &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46][..];
    let page = b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port";
    for said in [alert, page] {
        let (why, code) = fault(&how(format!("ws://127.0.0.1:{}", stranger(said).await))).await;
        assert_eq!((why, code), (Distrust::TlsPort, "PLAINTEXT_TO_TLS_PORT"));
    }
    let plain = Gateway::play(welcome).await;
    let (why, _) = fault(&how(format!("wss://127.0.0.1:{}", plain.target.port()))).await;
    assert!(matches!(why, Distrust::PlaintextPort | Distrust::Handshake { .. }), "{why:?}");
}

/// TLS-12: announced over a pinned connection, in `hello-ok` or later, and taken from then on.
#[tokio::test]
async fn an_announced_certificate_is_kept_and_taken_after_the_renewal() {
    let (old, new) = (TestPair::self_signed(), TestPair::self_signed());
    let next = Pin::of_der(&new.der);
    let said = next.to_string();
    let before = Gateway::play_tls(old.server(), move |_, mut peer| {
        let announced = json!({"type": "event", "event": "tls.next", "payload": {"fingerprint": said}, "seq": 1});
        async move {
            peer.welcome(30_000).await;
            peer.say(announced).await;
            peer.hear().await;
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let store = PinStore::beside(&folder.path().join("device.json"));
    let pin = Pin::of_der(&old.der);
    let how = Connect { pin: Some(pin), pin_store: Some(store.clone()), ..before.how() };
    let (client, mut events) = connect(&how).await.unwrap();
    assert!(matches!(events.next().await, link::Happened::Event(event) if event.event == "tls.next"));
    client.close().await;
    let origin = before.target.origin();
    assert_eq!(store.pins(&origin, pin), Pins { current: pin, next: Some(next) });

    // The same origin cannot be had twice at once, so what was learnt is moved to that of the renewed one.
    let after = gateway(&new).await;
    store.seen(&after.target.origin(), pin, pin, Some(next)).unwrap();
    let renewed = Connect { target: after.target.clone(), ..how };
    connect(&renewed).await.unwrap().0.close().await;
    assert_eq!(store.pins(&after.target.origin(), pin), Pins::only(next), "the old one is gone");
}

/// TLS-11: seen without being believed; whoever looks sends nothing.
#[tokio::test]
async fn a_certificate_can_be_looked_at_before_it_is_trusted() {
    let pair = TestPair::self_signed();
    let gateway = gateway(&pair).await;
    let leaf = fetch_leaf(&gateway.target, None, PATIENCE).await.unwrap();
    assert_eq!((leaf.pin, leaf.trusted), (Pin::of_der(&pair.der), false));
    assert_eq!(leaf.der, pair.der);
    assert_eq!(gateway.upgrades.load(Ordering::SeqCst), 0);
}
