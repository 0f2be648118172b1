//! A client that comes back goes on where it broke off (RECON-6).

use kit::{Client, Connect};
use serde_json::{Value, json};

use crate::house::{House, TOKEN};

fn device(key: &kit::SigningKey, caps: &[&str]) -> Connect {
    Connect::device(TOKEN, key).caps(caps)
}

/// Where the client is after it heard the event number `seq`.
fn standing(client: &Client, seq: u64) -> Value {
    let server = &client.hello["server"];
    json!({"epoch": server["bootId"], "connId": server["connId"], "seq": seq})
}

async fn words(house: &House, words: std::ops::Range<usize>) {
    let mut owner = house.owner().await;
    for n in words {
        owner.request("voicewake.set", json!({"triggers": [format!("word{n}")]})).await.unwrap();
    }
}

/// The words heard so far, and the numbers they came under.
async fn heard(client: &mut Client) -> (Vec<u64>, Vec<String>) {
    client.request("health", json!({})).await.unwrap();
    let frames: Vec<Value> = client.drain().into_iter().filter(|frame| frame["seq"].is_u64()).collect();
    let numbers = frames.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
    let said = |frame: &Value| frame["payload"]["triggers"][0].as_str().map(str::to_owned);
    (numbers, frames.iter().filter_map(said).collect())
}

/// RECON-6
#[tokio::test]
async fn a_client_that_comes_back_is_sent_exactly_what_it_missed() {
    let house = House::start().await;
    let key = kit::device_key();
    let mut first = house.client(&device(&key, &["resume"])).await;
    assert!(first.hello["features"]["capabilities"].as_array().unwrap().contains(&json!("resume")));
    first.request("sessions.subscribe", json!({})).await.unwrap();
    words(&house, 0..2).await;
    let (numbers, _) = heard(&mut first).await;
    let seq = *numbers.last().unwrap();
    let was = standing(&first, seq);
    first.close().await;
    words(&house, 2..5).await;

    let mut second = house.client(&device(&key, &["resume", "resuming"])).await;
    words(&house, 5..6).await;
    let answer = second.request("link.resume", was.clone()).await.unwrap();
    let (numbers, said) = heard(&mut second).await;
    assert_eq!(said, ["word2", "word3", "word4", "word5"]);
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "no gap, nothing before the answer");
    assert!(answer["replayed"].as_u64().unwrap() <= numbers.len() as u64);
    // The subscription stands again without having been asked for.
    let send = json!({"sessionKey": "main", "message": "/new", "idempotencyKey": "k1"});
    let mut owner = house.owner().await;
    owner.request("chat.send", send).await.unwrap();
    second.event("sessions.changed").await;
}

/// RECON-6: an epoch and an id are no secrets; who asks is proven by the handshake.
#[tokio::test]
async fn nobody_else_is_sent_what_a_client_missed() {
    let house = House::start().await;
    let key = kit::device_key();
    let first = house.client(&device(&key, &["resume"]).scopes(&["operator.read"])).await;
    let was = standing(&first, 0);
    first.close().await;
    words(&house, 0..2).await;
    let stranger = device(&kit::device_key(), &["resume", "resuming"]);
    let wider = device(&key, &["resume", "resuming"]);
    let deviceless = Connect::backend(TOKEN).caps(&["resume", "resuming"]);
    for with in [&stranger, &wider, &deviceless] {
        let mut other = house.client(with).await;
        let answer = other.request("link.resume", was.clone()).await.unwrap();
        assert_eq!(answer["refetch"], true, "{answer}");
        let (_, said) = heard(&mut other).await;
        assert!(said.is_empty(), "{said:?}");
    }
    let mut itself = house.client(&wider.scopes(&["operator.read"])).await;
    let mut past = was.clone();
    past["epoch"] = json!("another run");
    assert_eq!(itself.request("link.resume", past).await.unwrap()["refetch"], true);
    words(&house, 2..3).await;
    assert_eq!(heard(&mut itself).await.1, ["word2"], "after a refetch it hears what comes");
}

/// RECON-6: original clients never notice.
#[tokio::test]
async fn a_client_without_the_cap_is_neither_remembered_nor_held_back() {
    let house = House::start().await;
    let mut plain = house.client(&Connect::backend(TOKEN)).await;
    assert!(!plain.hello["features"]["methods"].as_array().unwrap().contains(&json!("link.resume")));
    words(&house, 0..1).await;
    assert_eq!(heard(&mut plain).await.1, ["word0"]);
    let was = standing(&plain, 0);
    plain.close().await;
    let mut back = house.client(&Connect::backend(TOKEN).caps(&["resume", "resuming"])).await;
    assert_eq!(back.request("link.resume", was).await.unwrap()["refetch"], true);
}
