//! Heartbeats, and what wakes an agent out of turn (A-17.1… ).

use kit::Client;
use serde_json::{Value, json};

use crate::clock::until;
use crate::work::{Desk, lines};

async fn beat(client: &mut Client) -> Value {
    client.event_where("heartbeat", |event| event["status"] != "skipped").await
}

async fn wake(client: &mut Client, text: &str) {
    let woken = client.request("wake", json!({"mode": "now", "text": text})).await.unwrap();
    assert_eq!(woken, json!({"ok": true}));
}

///
#[tokio::test]
async fn a_woken_agent_hears_what_happened_and_all_is_well_is_not_said_aloud() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("HEARTBEAT_OK").reply_text("The oven is on fire").reply_text("The oven is on fire");
    let mut client = desk.client().await;
    assert_eq!(client.request("last-heartbeat", json!({})).await.unwrap(), Value::Null);
    wake(&mut client, "The oven is at 200 degrees").await;
    let well = beat(&mut client).await;
    assert_eq!((&well["status"], &well["reason"]), (&json!("ok-token"), &json!("wake")), "{well}");
    let asked = desk.vendor.requests().remove(0).body.to_string();
    assert!(asked.contains("The oven is at 200 degrees") && asked.contains("woken by wake"), "{asked}");
    until(&mut client, "cron.get", json!({"id": "heartbeat:main"}), |job| job["state"]["runningAtMs"].is_null()).await;

    wake(&mut client, "The oven is at 900 degrees").await;
    let alarm = beat(&mut client).await;
    assert_eq!((&alarm["status"], &alarm["preview"]), (&json!("sent"), &json!("The oven is on fire")), "{alarm}");
    assert_eq!(client.request("last-heartbeat", json!({})).await.unwrap(), alarm);
    assert_eq!(lines(&mut client, "main").await, ["assistant: The oven is on fire"]);
    until(&mut client, "cron.get", json!({"id": "heartbeat:main"}), |job| job["state"]["runningAtMs"].is_null()).await;

    wake(&mut client, "The oven is at 901 degrees").await;
    let same = client.event_where("heartbeat", |event| event["status"] == "skipped").await;
    assert!(same["preview"] == "The oven is on fire", "it is not said twice: {same}");
    let session = client.request("sessions.list", json!({})).await.unwrap();
    assert!(session["sessions"][0]["lastInteractionAt"].is_null(), "no person was here: {session}");
}

///
#[tokio::test]
async fn a_heartbeat_that_has_nothing_to_do_asks_no_model() {
    let quiet = json!({"every": "1s", "target": "none"});
    let desk = Desk::changed(|config| config["agents"]["defaults"]["heartbeat"] = quiet).await;
    let mut client = desk.client().await;
    let file = desk.workspace().join("HEARTBEAT.md");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "# Heartbeat\n\n<!-- nothing yet -->\n").unwrap();
    let skipped = |event: &Value| event["status"] == "skipped" && event["reason"].as_str().unwrap().contains("empty");
    client.event_where("heartbeat", skipped).await;
    desk.vendor.always(kit::vendors::Reply::text("NO_REPLY"));
    std::fs::write(&file, "- look at the mail\n").unwrap();
    let well = beat(&mut client).await;
    assert_eq!(well["status"], "ok-token", "{well}");
    let job = client.request("cron.get", json!({"id": "heartbeat:main"})).await.unwrap();
    assert_eq!((&job["declarationKey"], &job["payload"]), (&json!("heartbeat:main"), &json!({"kind": "heartbeat"})));
    let refused = client.request("cron.remove", json!({"id": "heartbeat:main"})).await.unwrap_err();
    assert!(refused.message.contains("agents.defaults.heartbeat"), "{}", refused.message);
    let off = client.request("set-heartbeats", json!({"enabled": false})).await.unwrap();
    assert_eq!(off, json!({"ok": true, "enabled": false}));
    until(&mut client, "cron.get", json!({"id": "heartbeat:main"}), |job| job["enabled"] == false).await;
}

///
#[tokio::test]
async fn nobody_to_hear_and_quiet_hours_are_reasons_to_wait() {
    for (heartbeat, why) in [
        (json!({"every": "1s"}), "no-route"),
        (
            json!({"every": "1s", "target": "none", "activeHours": {"start": "00:00", "end": "00:01", "timezone": "Etc/GMT+12"}}),
            "quiet-hours",
        ),
    ] {
        // The one minute a day in which these hours hold is no reason to fail.
        if why == "quiet-hours" && base::iso(base::now_ms()).contains("T12:00") {
            continue;
        }
        let desk = Desk::changed(|config| config["agents"]["defaults"]["heartbeat"] = heartbeat).await;
        let mut client = desk.client().await;
        let event = client.event("heartbeat").await;
        assert_eq!((&event["status"], &event["reason"]), (&json!("skipped"), &json!(why)));
        assert_eq!(desk.vendor.requests().len(), 0);
    }
}
