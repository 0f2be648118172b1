//! session_status: the card, and the choice of a model.

use serde_json::json;

use super::Bench;

///
#[tokio::test]
async fn the_card_tells_how_the_session_stands() {
    let bench = Bench::new();
    let missing = bench.error("session_status", json!({})).await;
    assert!(missing.contains("no session `agent:main:main`"), "{missing}");
    bench.session().await;
    let card = bench.text("session_status", json!({"sessionKey": "current"})).await;
    for part in
        ["OpenClaw 1.2.3", "session agent:main:main", "model demo/offline (default)", "thinking default", "runtime "]
    {
        assert!(card.contains(part), "{part} in {card}");
    }
}

///
#[tokio::test]
async fn a_model_is_chosen_and_default_clears_the_choice() {
    let bench = Bench::new();
    bench.session().await;
    let card = bench.text("session_status", json!({"model": "fake/big"})).await;
    assert!(card.contains("model fake/big (chosen for this session)"), "{card}");
    let stored = bench.session().await;
    assert_eq!((stored.provider_override.as_deref(), stored.model_override.as_deref()), (Some("fake"), Some("big")));

    let error = bench.error("session_status", json!({"model": "nowhere"})).await;
    assert!(error.contains("`nowhere` is not a model"), "{error}");
    assert_eq!(bench.session().await.model_override.as_deref(), Some("big"), "a mistake changes nothing");

    bench.text("session_status", json!({"model": "default"})).await;
    assert_eq!(bench.session().await.model_override, None);
}

///
#[tokio::test]
async fn a_session_of_another_agent_is_none_of_its_business() {
    let bench = Bench::new();
    let error = bench.error("session_status", json!({"sessionKey": "agent:other:main"})).await;
    assert!(error.contains("belongs to another agent"), "{error}");
}
