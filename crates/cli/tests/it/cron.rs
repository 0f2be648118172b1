//! `openclaw cron` from plan to end, and the Gateway killed in between.

use std::time::Duration;

use kit::vendors::{FakeOpenAi, Gate, Reply};
use kit::{Signal, TestGateway};
use serde_json::{Value, json};

use crate::crash::model;
use crate::node_host::eventually;
use crate::{binary, json as as_json, run};

fn entries(gateway: &TestGateway, job: &str) -> Vec<Value> {
    let (exit, page) = as_json(&mut gateway.command(), &["cron", "runs", job]);
    assert_eq!(exit, 0, "{page}");
    page["entries"].as_array().unwrap().clone()
}

///
#[test]
fn a_job_is_planned_changed_run_and_removed_from_a_terminal() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let line = |args: &[&str]| run(&mut gateway.command(), args);
    let (exit, said, stderr) = line(&[
        "cron",
        "add",
        "0 7 * * *",
        "what time is it?",
        "--name",
        "brief",
        "--tz",
        "Europe/Berlin",
        "--no-deliver",
    ]);
    assert!(
        exit == 0 && said.contains("Planned \"brief\"") && said.contains("0 7 * * * (Europe/Berlin)"),
        "{said}{stderr}"
    );
    let (_, listed, _) = line(&["cron", "list"]);
    assert!(listed.contains("brief") && listed.contains("heartbeat"), "{listed}");
    let (exit, ended) = as_json(&mut gateway.command(), &["cron", "run", "brief", "--wait"]);
    assert_eq!((exit, &ended["status"]), (0, &json!("ok")), "{ended}");
    let (exit, said, _) = line(&["cron", "runs", "brief"]);
    assert!(exit == 0 && said.contains("ok") && said.contains("not-requested"), "{said}");
    let (exit, job) =
        as_json(&mut gateway.command(), &["cron", "edit", "brief", "--every", "90m", "--thinking", "low"]);
    assert_eq!((exit, &job["schedule"]["everyMs"], &job["payload"]["thinking"]), (0, &json!(5_400_000), &json!("low")));
    assert_eq!(job["payload"]["message"], "what time is it?");
    assert!(line(&["cron", "disable", "brief"]).1.contains("Disabled"));
    let (_, shown, _) = line(&["cron", "show", "brief"]);
    assert!(shown.contains("every 1h 30m") && shown.contains("false"), "{shown}");
    assert!(line(&["cron", "status"]).1.contains("on"));
    for bad in [
        &["cron", "add", "0 7 * * *"][..],
        &["cron", "add", "--message", "x"],
        &["cron", "add", "soon", "x"],
        &["cron", "add", "--every", "1h", "--cron", "* * * * *", "--message", "x"],
        &["cron", "edit", "brief"],
    ] {
        let (exit, _, stderr) = line(bad);
        assert_eq!(exit, 2, "{bad:?}: {stderr}");
    }
    assert_eq!(line(&["cron", "rm", "brief"]).0, 0);
    let (exit, _, stderr) = line(&["cron", "show", "brief"]);
    assert!(exit == 1 && stderr.contains("openclaw cron list --all"), "{stderr}");
    assert!(line(&["system", "heartbeat", "last"]).1.contains("no heartbeat"));
    let (exit, answer) = as_json(&mut gateway.command(), &["system", "event", "--text", "The door is open"]);
    assert_eq!((exit, answer), (0, json!({"ok": true})));
    let status = as_json(&mut gateway.command(), &["status"]).1;
    assert_eq!(status["queuedSystemEvents"], json!(["The door is open"]));
}

/// killed before a job is due, and killed in the middle of its run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_killed_loses_no_run_and_repeats_none() {
    let vendor = FakeOpenAi::start().await;
    vendor.reply_text("Late, but here");
    let mut gateway = TestGateway::start(&binary(), &model(&vendor));
    let planned = run(
        &mut gateway.command(),
        &["cron", "add", "--at", "1s", "--message", "count", "--name", "once", "--no-deliver", "--keep-after-run"],
    );
    assert_eq!(planned.0, 0, "{}{}", planned.1, planned.2);
    gateway.end(Signal::KILL);
    // Nobody tells that a moment has passed while nothing ran.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    gateway.boot();
    eventually("the missed run", || entries(&gateway, "once").len() == 1);
    assert_eq!(entries(&gateway, "once")[0]["status"], "ok");

    vendor.then(Reply::text("never").behind(&Gate::closed())).reply_text("At last");
    let before = vendor.requests().len();
    assert_eq!(run(&mut gateway.command(), &["cron", "run", "once"]).0, 0);
    vendor.requests_reached(before + 1).await;
    gateway.end(Signal::KILL);
    gateway.boot();
    eventually("the run that was cut off", || entries(&gateway, "once").len() == 2);
    let newest = &entries(&gateway, "once")[0];
    assert_eq!((&newest["status"], &newest["summary"]), (&json!("ok"), &json!("At last")), "{newest}");
    gateway.end(Signal::KILL);
    gateway.boot();
    assert_eq!((entries(&gateway, "once").len(), vendor.requests().len()), (2, before + 2), "nothing begins again");
}
