//! `openclaw nodes` with the real binary, a real Gateway, and nodes that are clients of the kit.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use kit::{Client, Connect, Signal, SigningKey, TOKEN, TestGateway};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::ssh::{Laptop, host_of};
use crate::{binary, json as as_json, run};

/// How long a watcher may stay silent on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Gateway whose config lets nodes take pictures and say where they are.
fn booted() -> TestGateway {
    let allow = json!({"commands": {"allow": ["camera.snap", "camera.list", "location.get"]}});
    let mut gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/nodes", allow);
    gateway.boot();
    gateway
}

/// A connected node of this name that offers `commands`.
async fn node(gateway: &TestGateway, key: &SigningKey, name: &str, commands: &[&str]) -> Client {
    let connect = Connect::node(TOKEN, key).caps(&["system", "camera"]).set("/commands", json!(commands));
    Client::connect(gateway.address(), &connect.set("/client/displayName", json!(name))).await.unwrap()
}

/// The same, with a person's word for all of it.
async fn approved(gateway: &TestGateway, name: &str, commands: &[&str]) -> (Client, String) {
    let key = kit::device_key();
    let client = node(gateway, &key, name, commands).await;
    let id = kit::device_id(&key);
    let (_, waiting) = as_json(&mut gateway.command(), &["nodes", "pending"]);
    let row = waiting.as_array().unwrap().iter().find(|row| row["nodeId"] == *id).unwrap();
    let request = row["requestId"].as_str().unwrap();
    let (exit, answer) = as_json(&mut gateway.command(), &["nodes", "approve", request]);
    assert_eq!((exit, &answer["node"]["nodeId"]), (0, &json!(id)), "{answer}");
    (client, id)
}

/// Starts a command that waits for a node's answer.
fn started(gateway: &TestGateway, args: &[&str]) -> Child {
    let mut command = gateway.command();
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn finished(child: Child) -> (i32, String, String) {
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = ended;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The node answers the next call with `payload`; what it was asked.
async fn answer(node: &mut Client, payload: Value) -> Value {
    let request = node.event("node.invoke.request").await;
    let result =
        json!({"id": request["id"], "nodeId": request["nodeId"], "ok": true, "payloadJSON": payload.to_string()});
    node.request("node.invoke.result", result).await.unwrap();
    request
}

fn params(request: &Value) -> Value {
    serde_json::from_str(request["paramsJSON"].as_str().unwrap()).unwrap()
}

/// N-3.9, N-3.13, N-3.14, N-3.15, N-3.16, N-6.1: from a node that asks to one that is allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_seen_and_approved_by_name_of_its_request() {
    let gateway = booted();
    let text = |args: &[&str]| run(&mut gateway.command(), args);
    assert_eq!(text(&["nodes"]).1.trim(), "No nodes.");
    assert_eq!(text(&["nodes", "status"]).1.trim(), "No nodes.");
    assert_eq!(text(&["nodes", "pending"]).1.trim(), "No node is waiting to be approved.");
    assert_eq!(as_json(&mut gateway.command(), &["nodes"]).1, json!({"pending": [], "paired": []}));
    assert_eq!(text(&["nodes", "approve", "--latest", "--yes"]).0, 1, "nobody asks");

    let key = kit::device_key();
    let _node = node(&gateway, &key, "Stu\u{1b}dio", &["system.which", "system.notify"]).await;
    let id = kit::device_id(&key);
    let (_, waiting) = as_json(&mut gateway.command(), &["nodes", "pending"]);
    let request = waiting[0]["requestId"].as_str().unwrap();
    assert_eq!((&waiting[0]["nodeId"], &waiting[0]["connected"]), (&json!(id), &json!(true)), "{waiting}");
    let (exit, shown, _) = text(&["nodes", "list"]);
    assert!(exit == 0 && shown.contains(&request[..8]) && shown.contains("admin"), "{shown}");
    assert!(shown.contains("Studio") && !shown.contains('\u{1b}'), "a name gives a terminal no orders: {shown:?}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let (exit, _, stderr) = text(&["nodes", "approve", "--latest"]);
    assert!(exit == 1 && stderr.contains(&format!("openclaw nodes approve {request}")), "{stderr}");

    let (exit, stdout, _) = text(&["nodes", "approve", "--latest", "--yes"]);
    assert!(exit == 0 && stdout.contains("for system.notify, system.which"), "{stdout}");
    let (_, listed) = as_json(&mut gateway.command(), &["nodes", "list", "--connected"]);
    let row = &listed["paired"][0];
    assert_eq!((&listed["pending"], &row["nodeId"], &row["connected"]), (&json!([]), &json!(id), &json!(true)));
    let (_, status) = as_json(&mut gateway.command(), &["nodes", "status"]);
    let row = &status["nodes"][0];
    assert!(status["ts"].is_i64() && row["connectedAtMs"].is_i64() && row["remoteIp"].is_string(), "{status}");
    for key in ["nodeId", "displayName", "platform", "version", "caps", "commands", "paired", "connected"] {
        assert!(!row[key].is_null(), "{key}: {status}");
    }
    let status = text(&["nodes", "status"]).1;
    assert!(status.starts_with("Known: 1 · Paired: 1 · Connected: 1") && status.contains("Studio"), "{status}");
}

/// N-3.17, N-4.10, N-5.4, PAIR-18: asked, described, renamed, removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_asked_by_its_name_and_answers() {
    let gateway = booted();
    let (mut host, id) = approved(&gateway, "Studio", &["system.which", "system.notify", "fs.listDir"]).await;
    let call = ["nodes", "invoke", "--node", "STUDIO", "--command", "system.which", "--json"];
    let file = gateway.folder().join("params.json");
    std::fs::write(&file, "{\"bins\":[\"sh\"]}").unwrap();
    let given = format!("@{}", file.display());
    let asking = started(&gateway, &[&call[..], &["--params", &given, "--idempotency-key", "k1"]].concat());
    let asked = answer(&mut host, json!({"bins": {"sh": "/bin/sh"}})).await;
    assert_eq!((params(&asked), &asked["idempotencyKey"]), (json!({"bins": ["sh"]}), &json!("k1")));
    assert!(asked["timeoutMs"].as_u64().is_some_and(|left| left <= 15_000), "{asked}");
    let (exit, stdout, stderr) = finished(asking).await;
    assert_eq!((exit, stdout.trim()), (0, "{\"bins\":{\"sh\":\"/bin/sh\"}}"), "{stderr}");

    let list = ["nodes", "invoke", "--node", &id, "--command", "fs.listDir", "--params", "{\"path\":\"/\"}"];
    let asking = started(&gateway, &list);
    answer(&mut host, json!({"path": "/", "entries": []})).await;
    let (exit, stdout, stderr) = finished(asking).await;
    assert!(exit == 0 && stdout.contains("\"entries\": []"), "it asks for what looking into a host takes: {stderr}");

    let notify =
        ["nodes", "notify", "--node", &id[..8], "--title", "Tea", "--body", "is ready", "--priority", "active"];
    let asking = started(&gateway, &notify);
    let asked = answer(&mut host, json!({})).await;
    assert_eq!(params(&asked), json!({"title": "Tea", "body": "is ready", "priority": "active"}));
    assert_eq!(finished(asking).await.0, 0);

    let (exit, row) = as_json(&mut gateway.command(), &["nodes", "describe", "--node", &id[..6]]);
    assert_eq!((exit, &row["nodeId"], &row["approvalState"]), (0, &json!(id), &json!("approved")), "{row}");
    assert!(row["ts"].is_i64(), "{row}");
    let text = run(&mut gateway.command(), &["nodes", "describe", "--node", "studio"]).1;
    assert!(text.contains(&id) && text.contains("Commands  fs.listDir, system.notify, system.which"), "{text}");
    let (exit, _) = as_json(&mut gateway.command(), &["nodes", "rename", "--node", &id, "--name", "Desk"]);
    assert_eq!(exit, 0);
    assert_eq!(as_json(&mut gateway.command(), &["nodes", "describe", "--node", "desk"]).1["displayName"], "Desk");
    assert_eq!(run(&mut gateway.command(), &["nodes", "remove", "--node", "Desk"]).0, 0);
    assert_eq!(host.closed().await.code, 4001);
    assert_eq!(as_json(&mut gateway.command(), &["nodes"]).1, json!({"pending": [], "paired": []}));
}

/// N-4.11, N-4.12, N-5.5, N-5.18, CLI-6: each refusal in its own words, with what mends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_say_what_is_in_the_way() {
    let gateway = booted();
    let (mut host, id) = approved(&gateway, "Twin", &["system.which"]).await;
    let (_twin, twin) = approved(&gateway, "twin", &["system.which"]).await;
    let failed = |args: &[&str]| {
        let (exit, failed) = as_json(&mut gateway.command(), args);
        (exit, failed["error"].clone())
    };
    let (exit, error) = failed(&["nodes", "describe", "--node", "Twin"]);
    assert_eq!((exit, &error["code"]), (2, &json!("AMBIGUOUS_NODE")), "{error}");
    let words = error["message"].as_str().unwrap();
    assert!(words.contains(&id[..12]) && words.contains(&twin[..12]), "{error}");
    let (exit, error) = failed(&["nodes", "describe", "--node", "nobody"]);
    assert_eq!((exit, &error["message"]), (1, &json!("unknown node: nobody")));
    let invoke = |command: &str| failed(&["nodes", "invoke", "--node", &id, "--command", command]);
    for command in ["system.run", "system.run.prepare"] {
        let (exit, error) = invoke(command);
        assert!(exit == 2 && error["message"].as_str().unwrap().contains("exec approvals"), "{error}");
        assert_eq!(error["next"][0], "openclaw nodes run --node NODE -- COMMAND");
    }
    let (exit, error) = invoke("sms.send");
    let words = error["message"].as_str().unwrap();
    assert!(exit == 1 && words.contains("requires explicit gateway.nodes.commands.allow"), "{error}");
    assert!(error["next"][0].as_str().unwrap().starts_with("gateway.nodes.commands.allow"), "{error}");
    let (exit, error) = invoke("system.notify");
    assert!(exit == 1 && error["next"][0] == "it offers: system.which", "{error}");
    let odd = failed(&["nodes", "invoke", "--node", &id, "--command", "system.which", "--params", "[1]"]);
    assert_eq!(odd.0, 2, "{odd:?}");
    assert_eq!(run(&mut gateway.command(), &["nodes", "notify", "--node", &id, "--body", " "]).0, 2);

    let key = kit::device_key();
    let _asks = node(&gateway, &key, "New", &["system.which"]).await;
    let (exit, error) = failed(&["nodes", "invoke", "--node", "new", "--command", "system.which"]);
    let (_, waiting) = as_json(&mut gateway.command(), &["nodes", "pending"]);
    let request = waiting[0]["requestId"].as_str().unwrap();
    assert_eq!((exit, &error["next"][0]), (1, &json!(format!("openclaw nodes approve {request}"))), "{error}");
    let (exit, rejected) = as_json(&mut gateway.command(), &["nodes", "reject", &request[..8]]);
    assert_eq!((exit, &rejected["requestId"]), (0, &json!(request)));

    let asking = started(&gateway, &["nodes", "invoke", "--node", &id, "--command", "system.which"]);
    let asked = host.event("node.invoke.request").await;
    let error = json!({"code": "PERMISSION_MISSING", "message": "n\u{1b}o"});
    let refused = json!({"id": asked["id"], "nodeId": id, "ok": false, "error": error});
    host.request("node.invoke.result", refused).await.unwrap();
    let (exit, _, stderr) = finished(asking).await;
    assert!(exit == 1 && stderr.contains("PERMISSION_MISSING: no"), "{stderr}");
    let mut watch = Watch::of(&gateway);
    watch.until(|line| line["type"] == "nodes").await;
    host.close().await;
    watch.until(|line| line["change"] == "disconnected").await;
    let (_, error) = failed(&["nodes", "invoke", "--node", &id, "--command", "system.which"]);
    assert_eq!(error["details"]["code"], "NOT_CONNECTED", "{error}");
}

/// CLI-7, N-5.11: what was sent may have been done; the same key asks for the same thing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_not_a_failure_and_names_its_key() {
    let mut gateway = booted();
    let key = kit::device_key();
    let mut host = node(&gateway, &key, "Studio", &["system.which"]).await;
    assert_eq!(run(&mut gateway.command(), &["nodes", "approve", "--latest", "--yes"]).0, 0);
    let call = ["nodes", "invoke", "--node", "studio", "--command", "system.which"];
    let silent = [&call[..], &["--invoke-timeout", "50", "--idempotency-key", "slow", "--json"]].concat();
    let (exit, stdout, _) = finished(started(&gateway, &silent)).await;
    assert!(exit == 5 && stdout.contains("TIMEOUT") && stdout.contains("--idempotency-key slow"), "{stdout}");
    host.event("node.invoke.cancel").await;

    let keyed = [&call[..], &["--idempotency-key", "k1", "--json"]].concat();
    let asking = started(&gateway, &keyed);
    let first = host.event_where("node.invoke.request", |asked| asked["idempotencyKey"] == "k1").await;
    gateway.end(Signal::KILL);
    let (exit, stdout, stderr) = finished(asking).await;
    assert!(exit == 5 && stdout.contains("--idempotency-key k1"), "{stdout} {stderr}");
    gateway.boot();
    let mut host = node(&gateway, &key, "Studio", &["system.which"]).await;
    let asking = started(&gateway, &keyed);
    let again = answer(&mut host, json!({"bins": {}})).await;
    assert_eq!(again["idempotencyKey"], first["idempotencyKey"], "the node knows it again");
    assert_eq!(finished(asking).await.0, 0);
}

/// N-10.7, N-10.8, N-10.12, N-10.13, N-10.29: pictures become files of their owner's; their paths are the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_kept_for_their_owner_alone() {
    let gateway = booted();
    let commands = ["camera.list", "camera.snap", "location.get", "screen.snapshot"];
    let (mut host, id) = approved(&gateway, "Studio", &commands).await;
    let asking = started(&gateway, &["nodes", "camera", "list", "--node", &id]);
    answer(&mut host, json!({"devices": [{"id": "c1", "name": "Lid", "position": "front"}]})).await;
    assert!(finished(asking).await.1.contains("Lid"));
    let where_is = ["nodes", "location", "get", "--node", &id, "--accuracy", "precise", "--max-age", "1m"];
    let asking = started(&gateway, &where_is);
    let place = json!({"lat": 52.5, "lon": 13.4, "accuracyMeters": 8.2, "timestamp": "T", "source": "gps"});
    let asked = answer(&mut host, place).await;
    assert_eq!(params(&asked), json!({"timeoutMs": 10000, "maxAgeMs": 60000, "desiredAccuracy": "precise"}));
    assert_eq!(finished(asking).await.1.trim(), "52.5, 13.4 ±8 m, T (gps)");
    let picture = json!({"format": "jpg", "base64": "aGVsbG8=", "width": 3, "height": 2});
    let folder = tempfile::tempdir().unwrap();
    let album = folder.path().to_str().unwrap();
    let snap = started(&gateway, &["nodes", "camera", "snap", "--node", &id, "--out", album, "--max-width", "800"]);
    let front = answer(&mut host, picture.clone()).await;
    assert_eq!(params(&front), json!({"facing": "front", "format": "jpg", "maxWidth": 800}));
    let back = answer(&mut host, picture.clone()).await;
    assert_eq!(params(&back)["facing"], "back");
    assert_ne!(front["idempotencyKey"], back["idempotencyKey"], "two pictures are two calls");
    let (exit, stdout, stderr) = finished(snap).await;
    let paths: Vec<&str> = stdout.lines().collect();
    assert_eq!((exit, paths.len()), (0, 2), "{stdout} {stderr}");
    for (path, way) in paths.iter().zip(["front", "back"]) {
        assert!(path.starts_with(album) && path.contains(way) && path.ends_with(".jpg"), "{path}");
        assert_eq!(std::fs::read(path).unwrap(), b"hello");
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
    }

    let file = folder.path().join("screen.png");
    let shot = ["nodes", "screen", "snapshot", "--node", &id, "--out", file.to_str().unwrap(), "--json"];
    let asking = started(&gateway, &shot);
    answer(&mut host, json!({"format": "png", "base64": "aGk="})).await;
    let (exit, stdout, _) = finished(asking).await;
    let told: Value = serde_json::from_str(&stdout).unwrap();
    let about = json!({"files": [{"path": file, "format": "png", "bytes": 2}]});
    assert_eq!((exit, told), (0, about));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (exit, refused) = as_json(&mut gateway.command(), &shot[..7]);
    assert_eq!((exit, &refused["error"]["code"]), (1, &json!("FILE_EXISTS")), "before the node is asked");
    let asking = started(&gateway, &[&shot[..], &["--force"]].concat());
    answer(&mut host, json!({"format": "png", "base64": "not base64!"})).await;
    let (exit, stdout, _) = finished(asking).await;
    assert!(exit == 1 && stdout.contains("UNREADABLE_MEDIA"), "{stdout}");
    assert_eq!(std::fs::read(&file).unwrap(), b"hi", "what was there is there");
}

/// RECON-6, N-3.9: arrivals, wishes and departures are told as they happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_shows_who_comes_asks_and_goes() {
    let mut gateway = booted();
    let mut watch = Watch::of(&gateway);
    let first = watch.until(|line| line["type"] == "nodes").await;
    assert_eq!((&first["pending"], &first["paired"]), (&json!([]), &json!([])));
    let key = kit::device_key();
    let id = kit::device_id(&key);
    let host = node(&gateway, &key, "Studio", &["system.which"]).await;
    let came = watch.until(|line| line["change"] == "connected").await;
    assert_eq!(came["node"]["nodeId"], json!(id));
    let asks = watch.until(|line| line["change"] == "asks").await;
    let request = asks["node"]["pendingRequestId"].as_str().unwrap();
    assert_eq!(run(&mut gateway.command(), &["nodes", "approve", request]).0, 0);
    watch.until(|line| line["change"] == "approved").await;
    host.close().await;
    watch.until(|line| line["change"] == "disconnected").await;
    gateway.end(Signal::TERM);
    gateway.boot();
    let _host = node(&gateway, &key, "Studio", &["system.which"]).await;
    watch.until(|line| line["change"] == "connected").await;
}

/// PAIR-17: a node's wishes can be granted and refused while nobody runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_decides_while_the_gateway_is_down() {
    let mut gateway = booted();
    let (key, other) = (kit::device_key(), kit::device_key());
    let _nodes = [
        node(&gateway, &key, "Studio", &["system.which"]).await,
        node(&gateway, &other, "Porch", &["system.notify"]).await,
    ];
    gateway.end(Signal::TERM);
    let (exit, listed) = as_json(&mut gateway.command(), &["nodes", "list"]);
    let waiting = listed["pending"].as_array().unwrap();
    assert_eq!((exit, waiting.len()), (0, 2), "{listed}");
    let request = |key: &SigningKey| {
        let row = waiting.iter().find(|row| row["nodeId"] == *kit::device_id(key)).unwrap();
        row["requestId"].as_str().unwrap()
    };
    let (exit, stdout, stderr) = run(&mut gateway.command(), &["nodes", "approve", request(&key)]);
    assert!(exit == 0 && stdout.contains("for system.which"), "{stdout} {stderr}");
    assert!(stderr.contains("when the node next connects"), "{stderr}");
    assert_eq!(run(&mut gateway.command(), &["nodes", "reject", request(&other)]).0, 0);
    let gone = run(&mut gateway.command(), &["nodes", "approve", request(&other)]);
    assert_eq!(gone.0, 1, "{gone:?}");
    let elsewhere = ["nodes", "approve", "--latest", "--url", "ws://127.0.0.1:1", "--token", "t"];
    assert_eq!(run(&mut gateway.command(), &elsewhere).0, 3, "another Gateway was meant");
    gateway.boot();
    let mut host = node(&gateway, &key, "Studio", &["system.which"]).await;
    let call = ["nodes", "invoke", "--node", "Studio", "--command", "system.which"];
    let asking = started(&gateway, &call);
    answer(&mut host, Value::Null).await;
    let (exit, stdout, _) = finished(asking).await;
    assert_eq!((exit, stdout.trim()), (0, "Done."));
}

/// SSH-17, N-3.16: a machine with nothing but a key that the host takes says what a node may do, and asks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_approved_and_asked_through_ssh() {
    let (gateway, programs) = (booted(), tempfile::tempdir().unwrap());
    let sshd = host_of(&gateway, &programs);
    let laptop = Laptop::new(&sshd, &json!({"remote": {"remotePort": gateway.address().port()}}));
    let target = sshd.target();
    let mut host = node(&gateway, &kit::device_key(), "Studio", &["system.which"]).await;
    let (exit, status) = laptop.json(&["--ssh", &target, "nodes", "status"]);
    assert_eq!((exit, &status["nodes"][0]["approvalState"]), (0, &json!("pending-approval")), "{status}");
    let (exit, stdout, stderr) = laptop.run(&["--ssh", &target, "nodes", "approve", "--latest", "--yes"]);
    assert!(exit == 0 && stdout.contains("Approved Studio"), "{stdout} {stderr}");
    let mut command = laptop.command();
    command.args(["--ssh", &target, "nodes", "invoke", "--node", "studio", "--command", "system.which"]);
    let asking = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    answer(&mut host, json!({"bins": {}})).await;
    let (exit, stdout, stderr) = finished(asking).await;
    assert!(exit == 0 && stdout.contains("bins"), "{stdout} {stderr}");
}

/// N-3.1: who is not let in yet is no node yet, and whoever looks for it here is sent to the right door.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_not_let_in_is_pointed_to() {
    let config = json!({"pairing": {"autoApproveLocal": false}});
    let mut gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/nodes", config);
    gateway.boot();
    let key = kit::device_key();
    let connect = Connect::node(TOKEN, &key);
    assert!(Client::connect(gateway.address(), &connect).await.is_err(), "it must wait");
    let (exit, stdout, stderr) = run(&mut gateway.command(), &["nodes"]);
    assert_eq!((exit, stdout.trim()), (0, "No nodes."));
    assert!(stderr.contains("1 device asks to be let in as a node; see openclaw devices list"), "{stderr}");
    assert_eq!(run(&mut gateway.command(), &["devices", "approve", "--latest", "--yes"]).0, 0);
    let _node = Client::connect(gateway.address(), &connect).await.unwrap();
    let (_, stdout, stderr) = run(&mut gateway.command(), &["nodes", "pending"]);
    assert!(stdout.contains("system.which") && stderr.is_empty(), "{stdout} {stderr}");
}

/// `nodes list --watch --json`, one object a line, stopped when dropped.
struct Watch {
    child: Child,
    lines: UnboundedReceiver<Value>,
}

impl Watch {
    fn of(gateway: &TestGateway) -> Self {
        let mut child = started(gateway, &["nodes", "list", "--watch", "--json"]);
        let (tell, lines) = unbounded_channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let objects = stdout.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            objects.map_while(|object| tell.send(object).ok()).for_each(drop);
        });
        Self { child, lines }
    }

    /// The next object that fits.
    async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let line = line.expect("it says something").expect("it goes on");
            if fits(&line) {
                return line;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// N-11.7, N-10.15: what the command says and how it ends is what the command line says and how it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_on_a_node_ends_as_it_does_there() {
    let gateway = booted();
    let (mut host, id) = approved(&gateway, "Builder", &["system.run"]).await;
    let command = ["nodes", "run", "--node", "builder", "--cwd", "/srv", "--env", "A=1", "--", "make", "all it", "-j2"];
    let asking = started(&gateway, &command);
    let ended = |exit: i32| {
        json!({"exitCode": exit, "timedOut": false, "success": exit == 0, "stdout": "done\n", "stderr": "slow\n",
            "error": null})
    };
    let asked = params(&answer(&mut host, ended(3)).await);
    assert_eq!((&asked["command"], &asked["cwd"]), (&json!(["make", "all it", "-j2"]), &json!("/srv")));
    assert_eq!((&asked["env"], &asked["approved"]), (&json!({"A": "1"}), &Value::Null));
    assert_eq!(finished(asking).await, (3, "done\n".into(), "slow\n".into()));
    let asking = started(&gateway, &["nodes", "run", "--node", &id, "--raw", "a && b", "--json"]);
    let asked = params(&answer(&mut host, ended(0)).await);
    assert_eq!(asked["command"], json!(["/bin/sh", "-lc", "a && b"]));
    let (exit, stdout, _) = finished(asking).await;
    assert_eq!((exit, serde_json::from_str::<Value>(&stdout).unwrap()), (0, ended(0)));
    for bad in [&["nodes", "run", "--node", "x"][..], &["nodes", "run", "--node", "x", "--env", "A", "--", "ls"]] {
        assert_eq!(run(&mut gateway.command(), bad).0, 2, "{bad:?}");
    }
}

/// N-12.11, N-12.14, N-12.16: where the node's owner wants a person asked, one is, and what was approved is what runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_needs_approval_waits_for_it() {
    let gateway = booted();
    let (mut host, id) = approved(&gateway, "Builder", &["system.run", "system.run.prepare"]).await;
    let decider = Connect::backend(TOKEN).caps(&["exec-approvals"]);
    let mut decider = Client::connect(gateway.address(), &decider).await.unwrap();
    let plan =
        json!({"argv": ["/usr/bin/make"], "cwd": "/srv", "commandText": "make", "agentId": null, "sessionKey": null});
    for (decision, exit) in [("allow-once", 0), ("deny", 4)] {
        let asking = started(&gateway, &["nodes", "run", "--node", &id, "--", "make"]);
        let first = host.event("node.invoke.request").await;
        let error =
            json!({"code": "SYSTEM_RUN_DENIED", "message": "approval required: `make` is not in the allowlist"});
        let denied = json!({"id": first["id"], "nodeId": id, "ok": false, "error": error});
        host.request("node.invoke.result", denied).await.unwrap();
        let prepared = answer(&mut host, json!({"plan": plan})).await;
        assert_eq!(prepared["command"], "system.run.prepare");
        let question = decider.event("exec.approval.requested").await;
        assert_eq!(question["request"]["nodeId"], json!(id), "{question}");
        let resolve = json!({"id": question["id"], "decision": decision});
        decider.request("exec.approval.resolve", resolve).await.unwrap();
        if exit == 0 {
            let ended = json!({"exitCode": 0, "timedOut": false, "success": true, "stdout": "made\n", "stderr": ""});
            let asked = params(&answer(&mut host, ended).await);
            assert_eq!((&asked["systemRunPlan"]["argv"], &asked["approved"]), (&plan["argv"], &json!(true)), "{asked}");
            assert_eq!(asked["runId"], question["id"]);
        }
        let (code, stdout, stderr) = finished(asking).await;
        assert_eq!((code, stdout.trim()), (exit, if exit == 0 { "made" } else { "" }), "{stderr}");
        assert!(stderr.contains("openclaw approvals resolve"), "{stderr}");
    }
}

/// N-10.1, N-10.2, N-10.3, N-10.4, N-10.5, N-10.6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canvas_is_shown_asked_and_kept() {
    let offers = ["present", "hide", "navigate", "eval", "snapshot", "a2ui.pushJSONL", "a2ui.reset"];
    let offers = offers.map(|name| format!("canvas.{name}"));
    let offers: Vec<&str> = offers.iter().map(String::as_str).collect();
    let allow = json!({"commands": {"allow": offers}});
    let mut gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/nodes", allow);
    gateway.boot();
    let (mut host, id) = approved(&gateway, "Tablet", &offers).await;
    let asking = started(&gateway, &["nodes", "canvas", "present", "https://a.example", "--node", &id, "--x", "-5"]);
    let asked = params(&answer(&mut host, Value::Null).await);
    assert_eq!(asked, json!({"url": "https://a.example", "placement": {"x": -5.0}}));
    assert_eq!(finished(asking).await.0, 0);
    for (args, command) in [
        (&["navigate", "https://b.example"][..], "canvas.navigate"),
        (&["hide"], "canvas.hide"),
        (&["a2ui", "--reset"], "canvas.a2ui.reset"),
    ] {
        let asking = started(&gateway, &[&["nodes", "canvas"], args, &["--node", &id]].concat());
        let asked = answer(&mut host, Value::Null).await;
        assert_eq!(asked["command"], command);
        assert!(
            args.len() == 1 || command == "canvas.a2ui.reset" || params(&asked) == json!({"url": args[1]}),
            "{asked}"
        );
        assert_eq!(finished(asking).await.0, 0);
    }
    let asking = started(&gateway, &["nodes", "canvas", "eval", "1+1", "--node", &id]);
    assert_eq!(params(&answer(&mut host, json!({"result": "2"})).await), json!({"javaScript": "1+1"}));
    assert_eq!(finished(asking).await.1, "2\n");
    let folder = tempfile::tempdir().unwrap();
    let album = folder.path().to_str().unwrap();
    let asking = started(&gateway, &["nodes", "canvas", "snapshot", "--node", &id, "--out", album]);
    answer(&mut host, json!({"format": "png", "base64": "aGVsbG8="})).await;
    let (exit, stdout, _) = finished(asking).await;
    assert!(exit == 0 && std::fs::read_to_string(stdout.trim()).unwrap() == "hello", "{stdout}");
    let lines = folder.path().join("a2ui.jsonl");
    std::fs::write(&lines, "{\"a\": 1}\n\n{\"b\": 2}\n").unwrap();
    let drawing = ["nodes", "canvas", "a2ui", "--node", &id, "--jsonl", lines.to_str().unwrap()];
    let asking = started(&gateway, &drawing);
    let asked = params(&answer(&mut host, Value::Null).await);
    assert_eq!(asked, json!({"jsonl": "{\"a\": 1}\n\n{\"b\": 2}\n"}));
    assert_eq!(finished(asking).await.0, 0);
    std::fs::write(&lines, "{\"a\": 1}\n[2]\n").unwrap();
    let (exit, _, stderr) = run(&mut gateway.command(), &drawing);
    assert!(exit == 2 && stderr.contains("line 2"), "{stderr}");
}
