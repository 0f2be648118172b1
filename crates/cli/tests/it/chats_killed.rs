//! The Gateway killed while it talks: what arrived is not said again, what did not is said (C-8.5, C-8.9).

use kit::vendors::FakeOpenAi;
use kit::{FakeTelegram, Shown, Signal, TelegramFault, TestGateway};
use serde_json::{Value, json};

use crate::crash::model;

const ANN: i64 = 42;
const PIECES: usize = 6;

/// A text of six pieces, each about as long as a message may be, and each of its own word.
fn long() -> String {
    let piece = |number| format!("w{number} ").repeat(1200).trim_end().to_owned();
    (0..PIECES).map(piece).collect::<Vec<_>>().join("\n\n")
}

fn word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn config(vendor: &FakeOpenAi, telegram: &FakeTelegram) -> Value {
    let mut config = model(vendor);
    config["channels"] = telegram.channels(ANN);
    config["channels"]["telegram"]["streaming"] = json!({"mode": "off"});
    config
}

/// The first word of everything the bot said.
fn said(shown: &[Shown]) -> Vec<String> {
    shown.iter().filter(|message| message.from_bot).map(|message| word(&message.text).to_owned()).collect()
}

/// C-8.5, C-8.9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_between_pieces_says_the_rest_once_and_repeats_none_that_may_have_arrived() {
    let (vendor, telegram) = (FakeOpenAi::start().await, FakeTelegram::start().await);
    vendor.reply_text(long());
    let mut gateway = TestGateway::start(&crate::binary(), &config(&vendor, &telegram));
    telegram.says(ANN, "tell me all");
    telegram.sees(ANN, |shown| said(shown).len() >= 2).await;
    // One of the next is on its way when the Gateway dies, and nobody will know whether it arrived.
    telegram.fault("sendMessage", TelegramFault::Hang);
    let hangs = |call: &kit::Call| call.method == "sendMessage" && call.status == 0;
    telegram.wait_for(|calls| calls.iter().any(hangs)).await;
    gateway.end(Signal::KILL);
    gateway.boot();
    let shown = telegram.sees(ANN, |shown| said(shown).iter().any(|word| word == "⚠️")).await;
    // Whatever moment the kill hit: no call is made twice, in their order, and only what was under way can be missing.
    let calls = telegram.calls_of("sendMessage");
    let made: Vec<String> = calls.iter().map(|call| word(call.params["text"].as_str().unwrap()).to_owned()).collect();
    for pieces in [made, said(&shown)] {
        assert!(pieces.windows(2).all(|pair| pair[0] < pair[1]), "{pieces:?}");
        assert!(pieces.len() >= PIECES - 1 && pieces.last().unwrap() == "⚠️", "{pieces:?}");
    }
}

/// C-8.4, C-8.9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_while_it_waits_says_everything_once() {
    let (vendor, telegram) = (FakeOpenAi::start().await, FakeTelegram::start().await);
    vendor.reply_text("**here**");
    let mut gateway = TestGateway::start(&crate::binary(), &config(&vendor, &telegram));
    telegram.fault("sendMessage", TelegramFault::TooMany(3600));
    telegram.says(ANN, "well?");
    telegram.called("sendMessage", 1).await;
    // Refused calls count as not begun once that is on disk; a kill before it would leave a doubt, which is told.
    gateway.end(Signal::KILL);
    gateway.boot();
    let shown = telegram.sees(ANN, |shown| !said(shown).is_empty()).await;
    let said = said(&shown);
    assert!(said == ["here"] || said == ["⚠️"], "{said:?}");
}
