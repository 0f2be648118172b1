//! A link over a line that is cut, halved, stalled, slow; and a Gateway that is frozen or restarted: what a client is told
//! is what it would have been told over a good line.

use std::path::Path;
use std::time::{Duration, Instant};

use kit::vendors::{FakeOpenAi, Gate, Reply};
use kit::{CutLine, Line, TOKEN, TestGateway};
use link::{Connect, Credentials, Happened, Happenings, Link, LinkState, Source, Target};
use serde_json::{Value, json};

/// More than any of these takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
    gateway: TestGateway,
    vendor: FakeOpenAi,
    line: CutLine,
}

impl Scene {
    async fn set() -> Self {
        let vendor = FakeOpenAi::start().await;
        let models = json!({"fake": {"baseUrl": vendor.base_url(), "apiKey": "k", "api": "openai-completions",
            "models": [{"id": "fake-1", "name": "Fake One", "contextWindow": 120_000}]}});
        let extra = json!({"agents": {"defaults": {"model": "fake/fake-1", "skipBootstrap": true}},
            "models": {"providers": models}});
        let binary = Path::new(env!("CARGO_BIN_EXE_openclaw"));
        let gateway = tokio::task::spawn_blocking(move || TestGateway::start(binary, &extra)).await.unwrap();
        let line = CutLine::to(gateway.address()).await;
        Self { gateway, vendor, line }
    }

    /// A link over the line.
    async fn link(&self) -> (Link, Happenings) {
        let target = Target::loopback(self.line.address().port(), Source::LocalLoopback);
        let client = json!({"id": "cli", "version": "1", "platform": "linux", "mode": "cli"});
        let mut how = Connect::new(target, serde_json::from_value(client).unwrap());
        how.scopes = vec!["operator.read".into(), "operator.write".into()];
        how.credentials = Credentials { token: Some(base::Secret::new(TOKEN)), ..Credentials::default() };
        let (link, happenings) = Link::open(how, PATIENCE).await.unwrap();
        link.request_raw("sessions.subscribe", Some(json!({}))).await.unwrap();
        (link, happenings)
    }
}

/// What a run told its client, without what depends on the clock or on the run's own names.
#[derive(Debug, Default, PartialEq)]
struct Story {
    /// `(stream, seq)` of each event of the run, in order.
    order: Vec<(String, u64)>,
    /// The deltas joined.
    told: String,
    /// The text of the final message.
    last: String,
}

impl Story {
    /// Takes an event in; true when it is the run's last.
    fn hear(&mut self, event: &wire::frame::Event, run: &str) -> bool {
        let payload: Value =
            event.payload.as_deref().map(|raw| serde_json::from_str(raw.get()).unwrap()).unwrap_or_default();
        if payload["runId"] != run || !matches!(event.event.as_str(), "chat" | "agent") {
            return false;
        }
        self.order.push((event.event.clone(), payload["seq"].as_u64().unwrap()));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match payload["state"].as_str() {
            Some("delta") => self.told += &text(&payload["deltaText"]),
            Some("final") => self.last = text(&payload["message"]["content"][0]["text"]),
            _ => {}
        }
        payload["state"] == "final"
    }
}

async fn listen(happenings: &mut Happenings, run: &str) -> Story {
    let mut story = Story::default();
    let over = async {
        loop {
            match happenings.next().await {
                Happened::Event(event) => {
                    if story.hear(&event, run) {
                        return;
                    }
                }
                other => panic!("no gap and no end: {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, over).await.expect("the run ends");
    story
}

async fn until_up(link: &Link, accepted: impl Fn() -> bool) {
    let mut state = link.state();
    let up = async {
        while !(accepted() && matches!(&*state.borrow_and_update(), LinkState::Up { .. })) {
            state.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, up).await.expect("the link comes back");
}

fn send(run: &str) -> Value {
    json!({"sessionKey": "main", "message": "go on", "idempotencyKey": run})
}

/// RECON-6, RECON-1
#[tokio::test]
async fn a_hundred_cuts_in_an_answer_change_nothing_of_what_is_told() {
    let scene = Scene::set().await;
    let (link, mut happenings) = scene.link().await;
    let gate = Gate::closed();
    let words: String = (0..110).map(|n| format!("word{n} ")).collect();
    scene.vendor.then(Reply::text(words.as_str()).behind(&gate));
    link.request_raw("chat.send", Some(send("r1"))).await.unwrap();
    let cuts = async {
        let mut took = Vec::new();
        for n in 0..100 {
            gate.release(1);
            let before = scene.line.accepted();
            let began = Instant::now();
            if n % 3 == 0 {
                scene.line.reset()
            } else {
                scene.line.cut()
            }
            until_up(&link, || scene.line.accepted() > before).await;
            took.push(began.elapsed());
        }
        gate.open();
        took.sort();
        took
    };
    let (story, took) = tokio::join!(listen(&mut happenings, "r1"), cuts);
    assert_eq!(story.told.trim_end(), words.trim_end(), "every piece once");
    assert_eq!(story.last.trim_end(), words.trim_end());
    let numbers: Vec<u64> = story.order.iter().map(|(_, seq)| *seq).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "as over a good line: no gap, nothing twice");
    // Half of them back within a second; a loaded machine may hold up some, and none for long.
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    assert!(median < Duration::from_secs(1) && slowest < Duration::from_secs(10), "{median:?}, at most {slowest:?}");
    assert_eq!(scene.vendor.requests().len(), 1, "the model was asked once");
    link.close().await;
}

/// RECON-2, RECON-6: a line that looks open is found dead, and what came meanwhile is told.
#[tokio::test]
async fn a_halved_and_a_stalled_line_are_left_for_a_new_one() {
    let scene = Scene::set().await;
    let (link, mut happenings) = scene.link().await;
    for (n, bad) in [Line::HalfOpen, Line::Stalled].into_iter().enumerate() {
        let run = format!("r{n}");
        scene.vendor.reply_text("still here");
        let before = scene.line.accepted();
        scene.line.become_(bad);
        // The question goes out (or waits on the line), the answer never comes; asked again, it is one run all the same.
        let asked = link.request_raw("chat.send", Some(send(&run)));
        let mended = async {
            // What a wake or a change of network does; left alone, the ping after 15 s of silence does it.
            link.probe(Duration::from_millis(500)).await;
            scene.line.become_(Line::Good);
            until_up(&link, || scene.line.accepted() > before).await;
        };
        let (answer, ()) = tokio::join!(asked, mended);
        answer.unwrap();
        assert_eq!(listen(&mut happenings, &run).await.last, "still here");
    }
    assert_eq!(scene.vendor.requests().len(), 2);
    link.close().await;
}

/// RECON-2: a process that was stopped, as a machine that slept, finds its line dead and is back within seconds of its wake.
#[tokio::test]
async fn a_frozen_client_is_back_at_once_after_its_wake() {
    let scene = Scene::set().await;
    let (port, folder) = (scene.line.address().port(), scene.gateway.folder().to_owned());
    let url = format!("ws://127.0.0.1:{port}");
    let mut command = scene.gateway.command();
    command.args([
        "logs",
        "--follow",
        "--json",
        "--interval",
        "60000",
        "--limit",
        "1",
        "--token",
        TOKEN,
        "--url",
        &url,
    ]);
    let output = std::fs::File::create(folder.join("logs.out")).unwrap();
    let mut child = command.stdout(output).spawn().unwrap();
    let connected = async {
        while !std::fs::read_to_string(folder.join("logs.out")).unwrap().contains("\"log\"") {
            // Another process's file; this is the poll itself.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, connected).await.expect("it follows");
    let signal = |signal| kit::signal(child.id(), signal);
    signal(kit::Signal::STOP);
    scene.line.abandon();
    // The jump itself: time has to go by while the process stands still.
    tokio::time::sleep(Duration::from_millis(7_200)).await;
    signal(kit::Signal::CONT);
    let woke = Instant::now();
    let back = async {
        while scene.line.accepted() < 2 {
            // The line counts and tells nobody; this is the poll itself.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("it dials again");
    let took = woke.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    // Three seconds by design, two of them for the answer that does not come, and one more for a machine with other work.
    assert!(took < Duration::from_secs(4), "{took:?}");
}

/// RECON-2: late is not dead.
#[tokio::test]
async fn a_slow_line_is_kept() {
    let scene = Scene::set().await;
    let (link, mut happenings) = scene.link().await;
    let (delay, jitter) = (Duration::from_millis(100), Duration::from_millis(200));
    scene.line.become_(Line::Slow { delay, jitter });
    scene.vendor.reply_text("late");
    let took = link.probe(Duration::from_secs(30)).await.expect("it answers");
    assert!(took >= delay, "{took:?}");
    link.request_raw("chat.send", Some(send("r1"))).await.unwrap();
    assert_eq!(listen(&mut happenings, "r1").await.last, "late");
    assert_eq!(scene.line.accepted(), 1);
    link.close().await;
}

/// RECON-6, WORK-4: another run of the Gateway knows nothing of the past, and the client is told so; the keyed question is
/// answered all the same, once.
#[tokio::test]
async fn a_restart_in_the_middle_is_a_refetch_and_the_run_still_ends() {
    let mut scene = Scene::set().await;
    let (link, mut happenings) = scene.link().await;
    let gate = Gate::closed();
    scene.vendor.then(Reply::text("never to be finished").behind(&gate)).reply_text("finished");
    let params = json!({"agentId": "main", "message": "go", "idempotencyKey": "r1"});
    let run = tokio::spawn({
        let link = link.clone();
        async move { link.run("agent", params, PATIENCE).await }
    });
    gate.reached().await;
    let _scene = tokio::task::spawn_blocking(move || {
        scene.gateway.crash_and_restart();
        scene
    })
    .await
    .unwrap();
    let answer = run.await.unwrap().unwrap();
    assert!(answer.payload.unwrap().get().contains("finished"));
    let refetched = async { while !matches!(happenings.next().await, Happened::Refetch) {} };
    tokio::time::timeout(PATIENCE, refetched).await.expect("the client is told to fetch again");
    link.close().await;
}
