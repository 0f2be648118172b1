//! Chats from the terminal: a bot from nothing, sending, looking, letting somebody in.

use kit::{FakeTelegram, TestGateway};
use serde_json::json;

use crate::{alone, binary, json as as_json, run};

/// C-2.2, C-3.2: the token is tried before anything is written, and is in no output.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_telegram_refuses_is_not_written() {
    let telegram = FakeTelegram::start().await;
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join(".openclaw/openclaw.json");
    let add = |token: &str| {
        let file = home.path().join("bot");
        std::fs::write(&file, token).unwrap();
        let file = file.display().to_string();
        let args = ["channels", "add", "telegram", "--token-file", &file, "--api-root", telegram.root_url()];
        as_json(&mut alone(&home), &[&args[..], &["--non-interactive"]].concat())
    };
    let (exit, failed) = add("123:not-the-token");
    assert_eq!((exit, &failed["error"]["code"]), (4, &json!("TOKEN_REFUSED")), "{failed}");
    assert!(!config.exists(), "nothing is written");
    let (exit, added) = add(telegram.token());
    assert_eq!((exit, &added["ok"], &added["checked"]), (0, &json!(true), &json!(true)), "{added}");
    assert_eq!(added["gatewayReachable"], false);
    let written = std::fs::read_to_string(&config).unwrap();
    assert!(
        written.contains("tokenFile") && !written.contains(telegram.token()),
        "the file keeps the token: {written}"
    );
    assert!(!added.to_string().contains(telegram.token()));
    let (exit, listed) = as_json(&mut alone(&home), &["channels", "list"]);
    assert_eq!((exit, &listed["channels"][0]["tokenSource"]), (0, &json!("file")), "{listed}");
    let (exit, status) = as_json(&mut alone(&home), &["channels", "status"]);
    assert_eq!((exit, &status["configOnly"]), (0, &json!(true)), "{status}");
    let (exit, removed) = as_json(&mut alone(&home), &["channels", "remove", "telegram", "--delete", "--yes"]);
    assert_eq!((exit, &removed["deleted"]), (0, &json!(true)), "{removed}");
    let (_, listed) = as_json(&mut alone(&home), &["channels", "list"]);
    assert_eq!(listed["channels"], json!([]));
}

/// C-13.5, C-12.1, SEED-2: with a Gateway at work the bot is taken over, greets its owner, and sends what is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_is_set_up_greets_and_sends() {
    let telegram = FakeTelegram::start().await;
    telegram.says(42, "/start");
    let gateway = TestGateway::start(&binary(), &json!({}));
    let token = gateway.folder().join("bot");
    std::fs::write(&token, telegram.token()).unwrap();
    let token = token.display().to_string();
    let args =
        ["channels", "add", "telegram", "--token-file", &token, "--api-root", telegram.root_url(), "--owner", "42"];
    let (exit, added) = as_json(&mut gateway.command(), &[&args[..], &["--non-interactive"]].concat());
    assert_eq!((exit, &added["connected"], &added["greeted"]), (0, &json!(true), &json!(true)), "{added}");
    telegram.sees(42, |shown| shown.iter().any(|one| one.text.contains("this is your OpenClaw"))).await;

    let (exit, stdout, stderr) =
        run(&mut gateway.command(), &["gateway", "send", "--to", "42", "--message", "Tea is ready"]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(stdout.starts_with("Sent to 42 on telegram (message "), "{stdout}");
    telegram.sees(42, |shown| shown.iter().any(|one| one.text == "Tea is ready")).await;
    let sent = ["message", "send", "-t", "42", "-m", "once", "--idempotency-key", "k"];
    let (_, first) = as_json(&mut gateway.command(), &sent);
    let (_, again) = as_json(&mut gateway.command(), &sent);
    assert_eq!(first["messageId"], again["messageId"], "{first} {again}");
    let shown = telegram.messages(42);
    assert_eq!(shown.iter().filter(|one| one.text == "once").count(), 1);

    let (exit, status) = as_json(&mut gateway.command(), &["channels", "status", "--probe"]);
    let account = &status["channelAccounts"]["telegram"][0];
    assert_eq!((exit, &account["connected"], &account["probe"]["ok"]), (0, &json!(true), &json!(true)), "{status}");
    assert!(!status.to_string().contains(telegram.token()));
    let (exit, missing) = as_json(&mut gateway.command(), &["message", "send", "-t", "no chat", "-m", "x"]);
    assert_eq!((exit, &missing["error"]["code"]), (1, &json!("INVALID_REQUEST")), "{missing}");
    let (exit, dry) = as_json(
        &mut gateway.command(),
        &["message", "react", "-t", "42", "--message-id", "1", "--emoji", "👍", "--dry-run"],
    );
    assert_eq!((exit, &dry["params"]["action"]), (0, &json!("react")), "{dry}");
    let (exit, stopped) = as_json(&mut gateway.command(), &["channels", "stop", "telegram"]);
    assert_eq!((exit, &stopped["stopped"]), (0, &json!(true)), "{stopped}");
    let (exit, refused) = as_json(&mut gateway.command(), &["message", "send", "-t", "42", "-m", "x"]);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (1, &json!("CHANNEL_NOT_RUNNING")), "{refused}");
}
