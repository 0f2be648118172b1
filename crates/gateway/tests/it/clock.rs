//! Jobs of the clock, from their plan to their end.

use std::time::Duration;

use agent::ports::Rights;
use kit::Client;
use kit::vendors::{Gate, Reply};
use serde_json::{Value, json};
use store::{CronJob, NewInput, NewSession, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::message::{UserContent, UserMessage};
use wire::{AgentId, SessionKey};

use crate::work::{Desk, lines};

/// A task that is due so soon that nobody has to wait for it.
fn soon(name: &str, delivery: &Value) -> Value {
    let at = base::iso(base::now_ms() + 300);
    json!({"name": name, "schedule": {"kind": "at", "at": at}, "sessionTarget": "isolated", "wakeMode": "now",
        "payload": {"kind": "agentTurn", "message": "Count the mail"}, "delivery": delivery})
}

/// A task that only a person's hand begins.
fn by_hand(name: &str) -> Value {
    json!({"name": name, "schedule": {"kind": "cron", "expr": "0 0 1 1 *", "tz": "UTC"}, "sessionTarget": "isolated",
        "wakeMode": "now", "payload": {"kind": "agentTurn", "message": "Count the mail"}, "delivery": {"mode": "none"}})
}

async fn add(client: &mut Client, job: Value) -> String {
    let job = client.request("cron.add", job).await.unwrap();
    job["id"].as_str().unwrap().to_owned()
}

async fn finished(client: &mut Client, id: &str) -> Value {
    client.event_where("cron", |event| event["action"] == "finished" && event["jobId"] == *id).await
}

/// Asks until the answer says what it shall: what another task does tells nobody.
pub(crate) async fn until(client: &mut Client, method: &str, params: Value, done: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1500 {
        let answer = client.request(method, params.clone()).await.unwrap();
        if done(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{method} {params} never said it");
}

async fn runs(client: &mut Client, id: &str, count: usize) -> Vec<Value> {
    let is_there = |page: &Value| page["entries"].as_array().unwrap().len() >= count;
    let page = until(client, "cron.runs", json!({"id": id}), is_there).await;
    page["entries"].as_array().unwrap().clone()
}

///
#[tokio::test]
async fn a_task_runs_when_it_is_due_and_is_gone_when_it_is_done() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Three letters");
    let mut client = desk.client().await;
    let id = add(&mut client, soon("mail", &json!({"mode": "none"}))).await;
    let listed = client.request("cron.list", json!({})).await.unwrap();
    let row = listed["jobs"].as_array().unwrap().iter().find(|job| job["id"] == *id).unwrap().clone();
    assert_eq!((&row["effectiveAgentId"], &row["deleteAfterRun"]), (&json!("main"), &json!(true)));
    assert!(row["nextRunAtMs"].is_i64() && row["configRevision"].as_str().unwrap().starts_with("sha256:"), "{row}");
    assert_eq!(listed["deliveryPreviews"][&id], json!({"label": "not requested", "detail": "not requested"}));

    let done = finished(&mut client, &id).await;
    assert_eq!((&done["status"], &done["summary"]), (&json!("ok"), &json!("Three letters")), "{done}");
    assert_eq!(done["completionStatus"], "succeeded");
    assert_eq!(done["sessionKey"], format!("agent:main:cron:{id}"));
    let asked = desk.vendor.requests().remove(0).body.to_string();
    assert!(asked.contains("Count the mail") && asked.contains("scheduled task"), "{asked}");
    let gone = client.request("cron.get", json!({"id": id})).await.unwrap_err();
    assert_eq!(gone.details.unwrap()["code"], "CRON_JOB_NOT_FOUND");
}

/// A-17.4a
#[tokio::test]
async fn an_isolated_task_is_announced_by_default_and_says_when_nobody_is_there_to_hear() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Three letters");
    let mut client = desk.client().await;
    let mut job = by_hand("mail");
    job.as_object_mut().unwrap().remove("delivery");
    let job = client.request("cron.add", job).await.unwrap();
    assert_eq!(job["delivery"], json!({"mode": "announce"}));
    assert_eq!(job["deliveryPreview"]["label"], "announce -> last");
    assert!(job["deliveryPreview"]["detail"].as_str().unwrap().contains("no chat"), "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    let begun = client.request("cron.run", json!({"id": id})).await.unwrap();
    assert_eq!((&begun["ok"], &begun["enqueued"]), (&json!(true), &json!(true)));
    let done = finished(&mut client, &id).await;
    assert_eq!((&done["runId"], &done["status"]), (&begun["runId"], &json!("ok")));
    assert_eq!((&done["deliveryStatus"], &done["completionStatus"]), (&json!("not-delivered"), &json!("failed")));
    let after = client.request("cron.get", json!({"jobId": id})).await.unwrap();
    assert_eq!((&after["lastRunStatus"], &after["lastDelivered"]), (&json!("ok"), &json!(false)));
    assert!(after["state"]["runningAtMs"].is_null() && after["enabled"] == true, "{after}");
}

///
#[tokio::test]
async fn one_job_is_never_at_work_twice_and_two_jobs_may_be() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("a").behind(&gate)).then(Reply::text("b").behind(&gate));
    let mut client = desk.client().await;
    let (one, other) = (add(&mut client, by_hand("one")).await, add(&mut client, by_hand("other")).await);
    client.request("cron.run", json!({"id": one})).await.unwrap();
    desk.vendor.requests_reached(1).await;
    let again = client.request("cron.run", json!({"id": one})).await.unwrap();
    assert_eq!((&again["ran"], &again["reason"]), (&json!(false), &json!("already-running")));
    assert_eq!(client.request("cron.run", json!({"id": other, "mode": "due"})).await.unwrap()["reason"], "not-due");
    client.request("cron.run", json!({"id": other})).await.unwrap();
    desk.vendor.requests_reached(2).await;
    gate.open();
    assert_eq!(runs(&mut client, &one, 1).await.len(), 1);
    assert_eq!(runs(&mut client, &other, 1).await.len(), 1);
    assert_eq!(desk.vendor.requests().len(), 2);
}

///
#[tokio::test]
async fn an_interval_goes_on_after_a_failure_and_waits_longer() {
    let desk = Desk::changed(|config| config["agents"]["defaults"]["model"] = json!("nobody/none")).await;
    let mut client = desk.client().await;
    let mut job = by_hand("often");
    job["schedule"] = json!({"kind": "every", "everyMs": 1000});
    let id = add(&mut client, job).await;
    let failed = finished(&mut client, &id).await;
    assert_eq!((&failed["status"], &failed["completionStatus"]), (&json!("error"), &json!("failed")), "{failed}");
    let after = client.request("cron.get", json!({"id": id})).await.unwrap();
    assert_eq!(after["state"]["consecutiveErrors"], 1);
    let wait = after["nextRunAtMs"].as_i64().unwrap() - base::now_ms();
    assert!(wait > 20_000, "it waits half a minute, not a second: {wait}");
}

///
#[tokio::test]
async fn a_job_that_could_not_do_what_it_says_is_refused_and_leaves_what_was_there() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    let id = add(&mut client, by_hand("good")).await;
    let with = |member: &str, value: Value| {
        let mut job = by_hand("bad");
        job[member] = value;
        job
    };
    for (job, why) in [
        (with("schedule", json!({"kind": "cron", "expr": "61 * * * *"})), "cron expression"),
        (with("schedule", json!({"kind": "cron", "expr": "0 0 30 2 *"})), "never due"),
        (with("schedule", json!({"kind": "at", "at": "2001-01-01T00:00:00Z"})), "in the past"),
        (with("schedule", json!({"kind": "every", "everyMs": 1})), "everyMs"),
        (with("schedule", json!({"kind": "on-exit", "command": "x"})), "on-exit"),
        (with("sessionTarget", json!("main")), "systemEvent"),
        (with("sessionTarget", json!("nowhere")), "nowhere"),
        (with("agentId", json!("nobody")), "nobody"),
        (with("payload", json!({"kind": "agentTurn", "message": " "})), "1 to"),
        (with("payload", json!({"kind": "heartbeat"})), "agentTurn"),
        (with("delivery", json!({"mode": "webhook", "to": "file:///etc/passwd"})), "http"),
        (with("name", json!("  ")), "name"),
    ] {
        let error = client.request("cron.add", job.clone()).await.unwrap_err();
        assert!(error.message.contains(why), "{why}: {}", error.message);
        let patch = json!({"id": id, "patch": job});
        let changed = client.request("cron.update", patch).await;
        assert!(changed.is_err(), "{job}");
    }
    let after = client.request("cron.get", json!({"id": id})).await.unwrap();
    assert_eq!((&after["name"], &after["schedule"]["expr"]), (&json!("good"), &json!("0 0 1 1 *")));
    let kept = client.request("cron.status", json!({})).await.unwrap();
    assert_eq!((&kept["enabled"], kept["jobs"].as_i64().unwrap()), (&json!(true), 2), "with the heartbeat: {kept}");

    let revision = after["configRevision"].clone();
    let patch = json!({"delivery": {"mode": "announce", "channel": "telegram", "to": "7"}, "payload": {"kind":
        "agentTurn", "model": "fake/fake-2"}});
    let changed = client
        .request("cron.update", json!({"id": id, "patch": patch, "expectedConfigRevision": revision}))
        .await
        .unwrap();
    assert_eq!(
        (&changed["payload"]["message"], &changed["payload"]["model"]),
        (&json!("Count the mail"), &json!("fake/fake-2"))
    );
    let late = json!({"id": id, "patch": {"name": "late"}, "expectedConfigRevision": revision});
    assert!(client.request("cron.update", late).await.unwrap_err().message.contains("in the meantime"));
    let cleared = client.request("cron.update", json!({"id": id, "patch": {"delivery": {"to": null}}})).await.unwrap();
    assert_eq!(cleared["delivery"], json!({"mode": "announce", "channel": "telegram"}));
    client.request("cron.remove", json!({"id": id})).await.unwrap();
    assert!(client.request("cron.remove", json!({"id": id})).await.is_err());
}

/// the one who may only look may not plan.
#[tokio::test]
async fn planning_takes_an_administrator() {
    let desk = Desk::start().await;
    let mut reader = desk.connect(&kit::Connect::backend(crate::work::TOKEN).scopes(&["operator.read"])).await;
    reader.request("cron.list", json!({})).await.unwrap();
    let refused = reader.request("cron.add", by_hand("mine")).await.unwrap_err();
    assert!(refused.message.contains("operator.admin"), "{}", refused.message);
}

///
#[tokio::test]
async fn a_reminder_is_heard_at_once_or_with_the_next_turn() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Time for your pills").reply_text("Hello");
    let mut client = desk.client().await;
    let reminder = |wake: &str, text: &str| {
        json!({"name": "pills", "schedule": {"kind": "cron", "expr": "0 0 1 1 *"}, "sessionTarget": "main",
            "wakeMode": wake, "payload": {"kind": "systemEvent", "text": text}})
    };
    let now = add(&mut client, reminder("now", "Take the red pill")).await;
    client.request("cron.run", json!({"id": now})).await.unwrap();
    let done = finished(&mut client, &now).await;
    assert_eq!((&done["status"], &done["sessionKey"]), (&json!("ok"), &json!("agent:main:main")), "{done}");
    assert_eq!(done["deliveryStatus"], "not-requested", "no chat was used: it stands in the session");
    assert_eq!(lines(&mut client, "main").await, ["assistant: Time for your pills"], "what was asked is hidden");

    let later = add(&mut client, reminder("next-heartbeat", "Take the blue pill")).await;
    client.request("cron.run", json!({"id": later})).await.unwrap();
    assert_eq!(finished(&mut client, &later).await["status"], "ok");
    let status = client.request("status", json!({})).await.unwrap();
    assert_eq!(status["queuedSystemEvents"], json!(["Take the blue pill"]));
    assert_eq!(desk.vendor.requests().len(), 1, "it waits");
    crate::work::say(&mut client, "main", "k", "hi").await;
    crate::work::ended(&mut client, "k").await;
    assert!(desk.vendor.requests()[1].body.to_string().contains("Take the blue pill"));
}

/// What a process that died between two steps left: a job whose run was promised.
fn promised(id: &str, run_id: &str) -> CronJob {
    let now = base::now_ms();
    let job = json!({"id": id, "name": id, "enabled": true, "createdAtMs": now, "updatedAtMs": now,
        "schedule": {"kind": "cron", "expr": "0 0 1 1 *"}, "sessionTarget": "isolated", "wakeMode": "now",
        "payload": {"kind": "agentTurn", "message": "Count the mail"}, "delivery": {"mode": "none"},
        "state": {"runningAtMs": now}});
    let rights = Rights { owner: true, ..Rights::default() };
    let body = json!({"job": job, "rights": rights, "run": {"runId": run_id, "at": now}});
    CronJob { id: id.to_owned(), body, next_at: None }
}

/// killed after the promise, and killed after the run's end before that was noted.
#[tokio::test]
async fn a_run_that_was_promised_is_neither_lost_nor_repeated() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Three letters");
    let desk = desk
        .restart_after(async |paths| {
            let store = Store::open(paths).unwrap();
            store.save_cron_job(promised("before", "cron:before:1")).await.unwrap();
            store.save_cron_job(promised("after", "cron:after:1")).await.unwrap();
            let message = UserMessage {
                content: UserContent::Text("Count the mail".into()),
                timestamp: 1,
                idempotency_key: Some("cron:after:1".into()),
            };
            let session = SessionKey::canonical("cron:after", &AgentId::main(), "main");
            let input = NewInput {
                run_id: "cron:after:1".into(),
                session,
                session_id: None,
                answer: None,
                inbox: Vec::new(),
                message,
                options: json!({}),
                source: "cron".into(),
                new_session: NewSession::default(),
            };
            store.accept_input(input).await.unwrap();
            let outcome = json!({"status": "ok", "text": "Said before", "stop_reason": "stop", "stopReason": "stop"});
            let finish = store::Finish::new(store::RunStatus::Done, outcome);
            store.finish_input("cron:after:1", finish).await.unwrap();
            store.close().await;
        })
        .await;
    let mut client = desk.client().await;
    let before = runs(&mut client, "before", 1).await;
    assert_eq!((&before[0]["runId"], &before[0]["summary"]), (&json!("cron:before:1"), &json!("Three letters")));
    let after = runs(&mut client, "after", 1).await;
    assert_eq!((&after[0]["runId"], &after[0]["summary"]), (&json!("cron:after:1"), &json!("Said before")));
    assert_eq!(desk.vendor.requests().len(), 1, "what had ended is not asked again");
    let settled = |job: &Value| job["state"]["runningAtMs"].is_null();
    until(&mut client, "cron.get", json!({"id": "before"}), settled).await;
    let desk = desk.restart().await;
    let mut client = desk.client().await;
    let kept = client.request("cron.runs", json!({})).await.unwrap();
    assert_eq!((kept["total"].as_i64(), desk.vendor.requests().len()), (Some(2), 1), "nothing begins again: {kept}");
}

/// January's file is taken over once; what was missed meanwhile runs once.
#[tokio::test]
async fn the_jobs_of_an_older_install_are_taken_over_once() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Late, but here");
    let file = json!({"version": 1, "jobs": [
        {"id": "missed", "name": "missed", "enabled": true, "schedule": {"kind": "at", "atMs": 1_700_000_000_000_i64},
            "sessionTarget": "isolated", "wakeMode": "now", "payload": {"kind": "agentTurn", "message": "m",
            "deliver": false}, "deleteAfterRun": false, "state": {"nextRunAtMs": 1_700_000_000_000_i64}},
        {"id": "daily", "name": "daily", "enabled": true, "schedule": {"kind": "cron", "expr": "0 9 * * *"},
            "sessionTarget": "main", "wakeMode": "next-heartbeat", "payload": {"kind": "systemEvent", "text": "t"}},
        {"id": "broken", "name": "broken", "schedule": {"kind": "moon"}},
    ]});
    let desk = desk
        .restart_after(async |paths| {
            let store = Store::open(paths).unwrap();
            store.meta_set("cron-imported", &Value::Null).await.unwrap();
            store.close().await;
            let place = paths.legacy_cron_jobs();
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, file.to_string()).unwrap();
        })
        .await;
    let mut client = desk.client().await;
    let missed = runs(&mut client, "missed", 1).await;
    assert_eq!((&missed[0]["status"], &missed[0]["summary"]), (&json!("ok"), &json!("Late, but here")));
    let daily = client.request("cron.get", json!({"id": "daily"})).await.unwrap();
    assert!(daily["nextRunAtMs"].as_i64().unwrap() > base::now_ms(), "{daily}");
    assert!(client.request("cron.get", json!({"id": "broken"})).await.is_err());
    client.request("cron.remove", json!({"id": "daily"})).await.unwrap();
    let desk = desk.restart().await;
    let mut client = desk.client().await;
    assert!(client.request("cron.get", json!({"id": "daily"})).await.is_err(), "what was removed stays removed");
}

/// a URL is told, tried again when it fails, and a private one only where its owner says so.
#[tokio::test]
async fn the_end_of_a_task_is_posted_to_a_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let mut requests = Vec::new();
        for status in ["503 Busy", "200 OK"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            let mut buffer = vec![0; 65_536];
            while !text.contains("\"jobName\"") {
                let read = stream.read(&mut buffer).await.unwrap();
                text.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            requests.push(text);
        }
        requests
    });
    let desk = Desk::changed(|config| {
        config["cron"] =
            json!({"webhookToken": "hook-secret-1", "webhookSsrfPolicy": {"allowedHostnames": ["127.0.0.1"]}});
    })
    .await;
    desk.vendor.reply_text("Three letters").reply_text("Four letters");
    let mut client = desk.client().await;
    let posted = |to: String| {
        let mut job = by_hand("mail");
        job["delivery"] = json!({"mode": "webhook", "to": to});
        job
    };
    let id = add(&mut client, posted(format!("http://127.0.0.1:{port}/done?key=1"))).await;
    client.request("cron.run", json!({"id": id})).await.unwrap();
    let done = finished(&mut client, &id).await;
    assert_eq!((&done["deliveryStatus"], &done["delivered"]), (&json!("delivered"), &json!(true)), "{done}");
    let requests = heard.await.unwrap();
    assert!(requests[1].to_lowercase().contains("authorization: bearer hook-secret-1"), "{}", requests[1]);
    assert!(requests[1].contains("\"summary\":\"Three letters\"") && requests[1].starts_with("POST /done?key=1"));

    let id = add(&mut client, posted(format!("http://localhost:{port}/done?key=secret"))).await;
    client.request("cron.run", json!({"id": id})).await.unwrap();
    let refused = finished(&mut client, &id).await;
    assert_eq!(refused["deliveryStatus"], "not-delivered");
    let why = refused["deliveryError"].as_str().unwrap();
    assert!(why.contains("allowedHostnames") && !why.contains("secret"), "{why}");
}

///
#[tokio::test]
async fn the_agent_plans_for_its_owner_and_for_nobody_else() {
    let desk = Desk::start().await;
    let job = json!({"action": "add", "job": {"name": "tea", "schedule": {"kind": "cron", "expr": "0 16 * * *"},
        "payload": {"kind": "systemEvent", "text": "Tea time"}}});
    desk.vendor.reply_tool_call("cron", job.clone()).reply_text("Planned.");
    desk.vendor.reply_tool_call("cron", job).reply_text("I may not.");
    let mut owner = desk.client().await;
    crate::work::say(&mut owner, "main", "a", "Remind me of tea every day at four").await;
    crate::work::ended(&mut owner, "a").await;
    let jobs = owner.request("cron.list", json!({"query": "tea"})).await.unwrap();
    let tea = &jobs["jobs"][0];
    assert_eq!((&tea["sessionTarget"], &tea["sessionKey"]), (&json!("main"), &json!("agent:main:main")), "{jobs}");

    let with = kit::Connect::backend(crate::work::TOKEN).scopes(&["operator.read", "operator.write"]);
    let mut guest = desk.connect(&with).await;
    crate::work::say(&mut guest, "main", "b", "Remind me too").await;
    crate::work::ended(&mut guest, "b").await;
    let jobs = owner.request("cron.list", json!({"query": "tea"})).await.unwrap();
    assert_eq!(jobs["total"], 1, "{jobs}");
    let told = desk.vendor.requests().pop().unwrap().body.to_string();
    assert!(told.contains("only the owner"), "{told}");
}
