//! Whose wrong credentials are counted together (RATE).

use kit::Connect;
use serde_json::{Value, json};

use crate::house::{House, TOKEN, detail};

/// RATE-3: a page on this machine is not this machine's owner.
#[tokio::test]
async fn a_page_that_guesses_is_locked_out_alone_even_on_loopback() {
    let house = House::start().await;
    let page = |origin: &str, token: &str| {
        Connect::device(token, &kit::device_key())
            .set("/client/id", json!("openclaw-control-ui"))
            .set("/client/mode", json!("webchat"))
            .header("origin", origin)
    };
    for _ in 0..10 {
        assert_eq!(house.refusal(&page("http://localhost:3000", "wrong")).await.0, "AUTH_TOKEN_MISMATCH");
    }
    assert_eq!(house.refusal(&page("http://LOCALHOST:3000/", TOKEN)).await.0, "AUTH_RATE_LIMITED");
    house.client(&page("http://localhost:5173", TOKEN)).await;
    house.owner().await;
}

/// RATE-7
#[tokio::test]
async fn a_paired_device_is_charged_for_its_own_mistakes_and_in_one_role() {
    let house = House::start().await;
    let key = kit::device_key();
    let node = house.client(&Connect::node(TOKEN, &key)).await;
    assert!(node.hello["auth"]["deviceToken"].is_string());
    let with = |token: Value| Connect::node("", &key).auth(json!({"deviceToken": token}));
    for _ in 0..10 {
        assert_eq!(house.refusal(&with(json!("old"))).await.0, "AUTH_DEVICE_TOKEN_MISMATCH");
    }
    let refused = house.refused(&with(node.hello["auth"]["deviceToken"].clone())).await;
    assert_eq!(detail(&refused, "code"), "AUTH_RATE_LIMITED");
    let operator = Connect::device("", &key).auth(json!({"deviceToken": "old"}));
    assert_eq!(house.refusal(&operator).await.0, "AUTH_DEVICE_TOKEN_MISMATCH", "its other role is not locked");
    house.client(&Connect::device(TOKEN, &kit::device_key())).await;
}
