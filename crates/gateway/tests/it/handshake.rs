//! From the first byte to `hello-ok` (`protocol.md` 1 to 3).

use kit::{Client, Connect};
use serde_json::json;

use crate::house::{House, TOKEN, detail};

/// protocol.md 3.6
#[tokio::test]
async fn hello_tells_an_admin_everything_and_a_probe_little() {
    let house = House::start().await;
    let owner = house.owner().await;
    let hello = &owner.hello;
    assert_eq!((&hello["type"], &hello["protocol"]), (&json!("hello-ok"), &json!(4)));
    assert_eq!(hello["policy"]["maxPayload"], 26_214_400);
    assert_eq!(hello["snapshot"]["presence"][0]["mode"], "gateway");
    assert_eq!(hello["snapshot"]["authMode"], "token");
    assert_eq!(hello["snapshot"]["sessionDefaults"]["mainSessionKey"], "agent:main:main");
    let methods = hello["features"]["methods"].as_array().unwrap();
    assert!(methods.contains(&json!("health")) && !methods.contains(&json!("terminal.open")));

    let probe = Connect::backend(TOKEN)
        .set("/client/id", json!("cli"))
        .set("/client/mode", json!("probe"))
        .set("/scopes", json!([]))
        .set("/minProtocol", json!(3));
    let probe = house.client(&probe).await;
    assert_eq!(probe.hello["auth"]["scopes"], json!([]));
    assert_eq!(probe.hello["snapshot"]["presence"], json!([]));
    assert!(probe.hello["snapshot"].get("configPath").is_none());
}

/// protocol.md 3
#[tokio::test]
async fn the_challenge_has_a_nonce_of_its_own_and_the_servers_time() {
    let house = House::start().await;
    let one = Client::open(house.address(), &[]).await;
    let two = Client::open(house.address(), &[]).await;
    assert_ne!(one.challenge["nonce"], two.challenge["nonce"]);
    assert!(one.challenge["ts"].as_i64().unwrap() > 0);
}

/// protocol.md 3.2, N-2.5
#[tokio::test]
async fn protocol_levels_are_negotiated() {
    let house = House::start().await;
    let level =
        |min: u32, max: u32| Connect::backend(TOKEN).set("/minProtocol", json!(min)).set("/maxProtocol", json!(max));
    let refused = house.refused(&level(5, 9)).await;
    assert_eq!((refused.close.code, refused.close.reason.as_str()), (1002, "protocol mismatch"));
    assert_eq!(detail(&refused, "expectedProtocol"), 4);
    assert_eq!(house.refusal(&level(1, 2)).await, ("PROTOCOL_MISMATCH".into(), 1002));
    let old = house.client(&level(3, 3)).await;
    assert_eq!(old.hello["protocol"], 4);
    assert!(old.hello["auth"]["notice"].is_string(), "an operator on level 3 is told to upgrade");
}

/// protocol.md 3
#[tokio::test]
async fn what_is_no_connect_is_refused_in_its_own_way() {
    let house = House::start().await;
    let said = |text: &'static str| {
        let address = house.address();
        async move {
            let mut client = Client::open(address, &[]).await;
            client.send_text(text).await;
            client.closed().await
        }
    };
    assert_eq!(said("garbage").await.code, 1000);
    let frame = said(r#"{"type":"event","event":"x"}"#).await;
    assert_eq!((frame.code, frame.reason.as_str()), (1008, "invalid request frame"));
    let early = said(r#"{"type":"req","id":"1","method":"health"}"#).await;
    assert_eq!((early.code, early.reason.as_str()), (1008, "invalid handshake: first request must be connect"));
}

/// protocol.md 3.1
#[tokio::test]
async fn connect_params_are_strict() {
    let house = House::start().await;
    let wrong = |pointer: &str, value| Connect::backend(TOKEN).set(pointer, value);
    for (connect, words) in [
        (wrong("/surprise", json!(1)), "unexpected property 'surprise'"),
        (wrong("/client/id", json!("nobody")), "/client/id"),
        (wrong("/client/mode", json!("operator")), "/client/mode"),
        (wrong("/client/version", json!("")), "/client/version"),
        (wrong("/role", json!("king")), "invalid role"),
    ] {
        let refused = house.refused(&connect).await;
        let message = refused.error.unwrap().message;
        assert!(message.contains(words), "{message}");
        assert_eq!(refused.close.code, 1008);
    }
}

/// protocol.md 3.4, 3.5, PAIR-1, PAIR-2
#[tokio::test]
async fn each_lie_about_a_device_has_its_own_refusal() {
    let house = House::start().await;
    let key = kit::device_key();
    let lie = |change| Connect::device(TOKEN, &key).tamper(change);
    for (connect, code) in [
        (lie(|proof| proof.nonce = "00000000-replayed".into()), "DEVICE_AUTH_NONCE_MISMATCH"),
        (lie(|proof| proof.nonce = " ".into()), "DEVICE_AUTH_NONCE_REQUIRED"),
        (lie(|proof| proof.signed_at -= 121_500), "DEVICE_AUTH_SIGNATURE_EXPIRED"),
        (lie(|proof| proof.signed_at += 1), "DEVICE_AUTH_SIGNATURE_INVALID"),
        (lie(|proof| proof.id = "0".repeat(64)), "DEVICE_AUTH_DEVICE_ID_MISMATCH"),
    ] {
        assert_eq!(house.refusal(&connect).await, (code.into(), 1008));
    }
}

/// SEED-5: clients of the earlier names sign without a nonce, have ids that only apps may keep (N-2.3) and fields that are gone.
/// Each is told of the protocol, which an update mends; a client of today with the same mistake is told of the mistake.
#[tokio::test]
async fn a_client_of_the_earlier_pages_hears_of_the_protocol() {
    let house = House::start().await;
    let proof = json!({"id": "ab", "publicKey": "ab", "signature": "ab", "signedAt": 1_769_000_000_000_i64});
    let mistakes =
        [("/device", proof), ("/client/id", json!("clawdbot-control-ui")), ("/client/id", json!("moltbot-tui"))];
    for (pointer, value) in mistakes {
        let today = Connect::backend(TOKEN).set(pointer, value.clone());
        let january = today.clone().set("/minProtocol", json!(3)).set("/maxProtocol", json!(3));
        let refused = house.refused(&january).await;
        assert_eq!((refused.close.code, refused.close.reason.as_str()), (1002, "protocol mismatch"), "{value}");
        assert_eq!(
            (detail(&refused, "code"), detail(&refused, "expectedProtocol")),
            (&json!("PROTOCOL_MISMATCH"), &json!(4))
        );
        let refused = house.refused(&today).await;
        assert_eq!(refused.close.code, 1008, "{value}");
        assert!(refused.error.unwrap().message.starts_with("invalid connect params"), "{value}");
    }
}

/// protocol.md 3: of two mistakes the earlier rule answers.
#[tokio::test]
async fn the_first_rule_that_does_not_hold_is_the_answer() {
    let house = House::start().await;
    let mut wrong = Connect::device("wrong", &kit::device_key())
        .set("/client/id", json!("openclaw-control-ui"))
        .set("/client/mode", json!("webchat"))
        .set("/surprise", json!(1));
    wrong.key = None;
    wrong = wrong.set("/minProtocol", json!(5)).set("/maxProtocol", json!(5)).set("/role", json!("king"));
    let message = |refused: kit::Refused| refused.error.unwrap().message;
    assert!(message(house.refused(&wrong).await).starts_with("invalid connect params"));
    wrong.params.as_object_mut().unwrap().remove("surprise");
    assert_eq!(message(house.refused(&wrong).await), "protocol mismatch");
    wrong = wrong.set("/minProtocol", json!(4));
    assert_eq!(message(house.refused(&wrong).await), "invalid role");
    wrong = wrong.set("/role", json!("operator"));
    assert_eq!(house.refusal(&wrong).await.0, "CONTROL_UI_ORIGIN_NOT_ALLOWED");
    wrong = wrong.header("origin", "http://localhost:5173");
    assert_eq!(house.refusal(&wrong).await.0, "CONTROL_UI_DEVICE_IDENTITY_REQUIRED");
    wrong.key = Some(kit::device_key());
    wrong = wrong.tamper(|proof| proof.signed_at += 1);
    assert_eq!(house.refusal(&wrong).await.0, "DEVICE_AUTH_SIGNATURE_INVALID");
    wrong.tamper = None;
    assert_eq!(house.refusal(&wrong).await.0, "AUTH_TOKEN_MISMATCH");
}

/// SVC-5
#[tokio::test]
async fn a_stop_is_announced_and_then_the_socket_closes_with_1012() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let ((), (event, closed)) =
        tokio::join!(house.stop(), async { (owner.event("shutdown").await, owner.closed().await) });
    assert_eq!(event["reason"], "gateway stopping");
    assert_eq!((closed.code, closed.reason.as_str()), (1012, "service restart"));
}
