//! The whole product and a model: the real binary, a vendor on a real socket, a turn that uses a tool; and the first
//! minute of a newcomer who has no model yet.

use std::path::Path;

use kit::TestGateway;
use kit::vendors::{FakeAnthropic, FakeOpenAi, Fault, Vendor};
use serde_json::{Value, json};

use crate::{binary, json, run};

/// Nothing like it is anywhere else on this machine.
const KEY: &str = "sk-e2e-5d1c7b0f4a9e4c0e9d42";

/// A Gateway that has only its environment to find a model by, and logs all it can.
fn gateway(env: &[(&str, &str)]) -> TestGateway {
    let prepared = TestGateway::prepare(&binary(), &json!({"logging": {"level": "trace"}}));
    let mut gateway = env.iter().fold(prepared, |gateway, (name, value)| gateway.with_env(name, value));
    gateway.boot();
    gateway
}

/// What `openclaw agent --message` prints, and its exit code.
fn say(gateway: &TestGateway, message: &str) -> (i32, String) {
    let (exit, stdout, stderr) = run(&mut gateway.command(), &["agent", "--message", message]);
    for text in [&stdout, &stderr] {
        assert!(!text.contains(KEY), "{text}");
    }
    (exit, stdout + &stderr)
}

/// Every file below `folder`, with its bytes.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: std::path::PathBuf| {
        let bytes = path.is_file().then(|| std::fs::read(&path).unwrap());
        if path.is_dir() { files(&path) } else { bytes.map(|bytes| (path, bytes)).into_iter().collect() }
    };
    entries.flat_map(of).collect()
}

/// The key is in no file of the state folder (config, log, transcripts, what the Gateway printed) and in no report.
fn assert_key_is_nowhere(gateway: &TestGateway) {
    let kept = files(gateway.folder());
    let logs: Vec<&Path> = kept
        .iter()
        .map(|(path, _)| path.as_path())
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .collect();
    assert!(!logs.is_empty(), "there is a log to look into");
    for (path, bytes) in &kept {
        assert!(!bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "the key is in {}", path.display());
    }
    for args in [&["models", "list"][..], &["logs"], &["status"], &["config", "get", "models"]] {
        let (_, stdout, stderr) = run(&mut gateway.command(), args);
        assert!(!stdout.contains(KEY) && !stderr.contains(KEY), "{args:?}: {stdout} {stderr}");
    }
}

/// A turn with a tool, then a vendor that repeats the key it was given in its refusal.
fn talk(vendor: &Vendor, variables: [&str; 2], header: &str, credential: &str) -> [Value; 2] {
    let base = vendor.base_url();
    let gateway = gateway(&[(variables[0], KEY), (variables[1], &base)]);
    vendor.reply_tool_call("exec", json!({"command": "pwd"})).reply_text("You are at home.");
    let (exit, printed) = say(&gateway, "where are you?");
    assert!(exit == 0 && printed.contains("You are at home."), "{exit}: {printed}\n{}", gateway.printed());
    let requests = vendor.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| request.header(header) == credential));

    vendor
        .fault(Fault::StatusBody(401, json!({"error": {"message": format!("Incorrect API key: {KEY}")}}).to_string()));
    let (exit, printed) = say(&gateway, "and now?");
    assert!(exit != 0 && printed.contains("did not accept the API key"), "{exit}: {printed}");
    assert_key_is_nowhere(&gateway);
    let workspace = gateway.folder().join("workspace").canonicalize().unwrap();
    let [first, second] = [0, 1].map(|at| requests[at].body.clone());
    assert!(second.to_string().contains(workspace.to_str().unwrap()), "the tool ran there: {second}");
    [first, second]
}

/// A-13.3 A-13.5 A-13.6 CLI-14
#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_openai_is_all_it_takes() {
    let vendor = FakeOpenAi::start().await;
    let bearer = format!("Bearer {KEY}");
    let talked =
        tokio::task::block_in_place(|| talk(&vendor, ["OPENAI_API_KEY", "OPENAI_BASE_URL"], "authorization", &bearer));
    let [first, second] = talked;
    let tools = first["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["function"]["name"] == "exec"), "{tools:?}");
    let last = second["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["role"], "tool");
}

/// A-13.4 A-13.5 CLI-14
#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_anthropic_is_all_it_takes() {
    let vendor = FakeAnthropic::start().await;
    let talked =
        tokio::task::block_in_place(|| talk(&vendor, ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"], "x-api-key", KEY));
    let [first, second] = talked;
    let tools = first["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "exec"), "{tools:?}");
    let last = second["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["content"][0]["type"], "tool_result");
}

/// A-13.6
#[test]
fn without_a_model_the_offline_one_answers_and_shows_a_tool() {
    let gateway = gateway(&[]);
    let (exit, printed) = say(&gateway, "hello");
    assert!(exit == 0 && printed.contains("offline model") && printed.contains("openclaw gateway run"), "{printed}");
    let (exit, printed) = say(&gateway, "what time is it?");
    assert!(exit == 0 && printed.contains("On this machine it is now "), "{printed}");
    let args = ["gateway", "call", "chat.history", "--params", r#"{"sessionKey":"agent:main:main"}"#];
    let (exit, history) = json(&mut gateway.command(), &args);
    assert_eq!(exit, 0, "{history}");
    let shown = history.to_string();
    assert!(shown.contains(r#""command":"date""#), "the answer came through the tool loop: {shown}");
}

/// A-13.2 A-13.6
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_names_no_model_answers_once_its_server_is_there() {
    let vendor = FakeOpenAi::start().await;
    vendor.serve_models(["qwen3:8b"]).reply_text("Hello from the box.");
    tokio::task::block_in_place(|| {
        let with_box = |base_url: String| {
            let models = json!({"models": {"providers": {"box": {"baseUrl": base_url}}}});
            TestGateway::start(&binary(), &models)
        };
        let (exit, printed) = say(&with_box(format!("http://127.0.0.1:{}/v1", kit::free_port())), "hello");
        assert!(exit != 0 && printed.contains("`box` cannot be reached"), "{printed}");
        assert!(printed.contains("check `models.providers.box.baseUrl`") && !printed.contains("offline"), "{printed}");
        let (exit, printed) = say(&with_box(vendor.base_url()), "hello");
        assert!(exit == 0 && printed.contains("Hello from the box."), "{printed}");
    });
}
