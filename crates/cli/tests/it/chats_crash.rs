//! The Gateway killed at random moments while people write to it on Telegram, which errs at random too: every message is
//! answered once, in order, in its own chat, or its sender is told plainly (C-3.5, C-3.6, C-8.5, C-8.9, A-19.3).

use std::collections::BTreeMap;
use std::time::Duration;

use kit::vendors::{FakeOpenAi, Reply, Request};
use kit::{FakeTelegram, Shown, Signal, TelegramFault, TestGateway};
use serde_json::{Value, json};

use crate::crash::{Dice, model};

/// Side by side, each with a Gateway of its own.
const WORLDS: u64 = 4;
/// Kills in each; `OPENCLAW_KILLS` says how many in all, for a longer run (`make kills`).
const KILLS: u32 = 25;
const PEOPLE: i64 = 5;
/// One kill in so many follows the one before while what it left is still being taken up.
const DOUBLE_KILL_IN: u64 = 4;
/// One round in so many has Telegram err.
const FAULT_IN: u64 = 4;
/// The latest moment of a kill after the process was started.
const LATEST_KILL: Duration = Duration::from_millis(350);

/// C-3.5, C-3.6, C-8.5, C-8.9, A-19.3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_no_message_and_answer_none_twice() {
    let asked = std::env::var("OPENCLAW_KILLS").ok().map(|kills| kills.parse::<u32>().unwrap() / WORLDS as u32);
    let kills = asked.unwrap_or(KILLS);
    let worlds = (0..WORLDS).map(|seed| tokio::spawn(world(seed, kills)));
    for world in worlds.collect::<Vec<_>>() {
        world.await.unwrap();
    }
}

async fn world(seed: u64, kills: u32) {
    let mut dice = Dice(0x5eed + seed);
    let telegram = FakeTelegram::start().await;
    let vendor = FakeOpenAi::start().await;
    vendor.answer_with(echo);
    let everybody: Vec<i64> = (1..=PEOPLE).collect();
    let mut channels = telegram.channels(1);
    channels["telegram"]["allowFrom"] = json!(everybody);
    let mut gateway = TestGateway::prepare(&crate::binary(), &model(&vendor))
        .with_config("/channels", channels)
        .with_config("/session", json!({"dmScope": "per-channel-peer"}));
    let mut said = Said::default();
    let mut settled = true;
    for round in 0..kills {
        gateway.spawn();
        if dice.below(FAULT_IN) == 0 {
            telegram.fault("sendMessage", fault(&mut dice));
        }
        for number in 0..2 {
            let person = 1 + dice.below(PEOPLE as u64) as i64;
            let token = format!("p{person}x{round}x{number}");
            telegram.says(person, &token);
            said.entry(person).or_default().push(token);
        }
        tokio::time::sleep(LATEST_KILL.mul_f64(dice.below(1000) as f64 / 1000.0)).await;
        // A run that is interrupted three times is given up, and says so: not often enough here for that.
        settled = !settled || dice.below(DOUBLE_KILL_IN) > 0;
        if settled {
            settle(&telegram, &said).await;
        }
        gateway.end(Signal::KILL);
    }
    gateway.boot();
    settle(&telegram, &said).await;
    for (person, tokens) in &said {
        all_is_well(*person, tokens, &telegram.messages(*person));
    }
    assert!(gateway.end(Signal::TERM).success());
}

/// What each person wrote.
type Said = BTreeMap<i64, Vec<String>>;

/// Answers with everything that was said since the last answer.
fn echo(request: &Request) -> Reply {
    let messages = request.body["messages"].as_array().cloned().unwrap_or_default();
    let mut tokens = Vec::new();
    for message in messages.iter().rev().take_while(|message| message["role"] != "assistant") {
        let text = said_in(&message["content"]);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let here: Vec<&str> = words.filter(|word| is_token(word)).collect();
        tokens.extend(here.into_iter().rev().map(str::to_owned));
    }
    tokens.reverse();
    tokens.dedup();
    Reply::text(format!("re {}", tokens.join(" ")))
}

fn said_in(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().map(|block| said_in(&block["text"]) + "\n").collect(),
        _ => String::new(),
    }
}

fn is_token(word: &str) -> bool {
    word.strip_prefix('p').is_some_and(|rest| rest.split('x').count() == 3 && rest.split('x').all(is_number))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Waits until everybody was answered or told.
async fn settle(telegram: &FakeTelegram, said: &Said) {
    for (person, tokens) in said {
        telegram.sees(*person, |shown| tokens.iter().all(|token| is_settled(token, shown))).await;
    }
}

/// Answered, or followed by a word of ours that says it may not have been.
fn is_settled(token: &str, shown: &[Shown]) -> bool {
    let asked = shown.iter().position(|message| !message.from_bot && message.text == token);
    let after = asked.map_or(&[][..], |asked| &shown[asked..]);
    after.iter().any(|message| message.from_bot && (answers(message, token) || tells(message)))
}

fn answers(message: &Shown, token: &str) -> bool {
    message.text.starts_with("re ") && message.text.split(' ').any(|word| word == token)
}

/// A plain word about an answer that may be lost.
fn tells(message: &Shown) -> bool {
    !message.text.starts_with("re ")
}

fn all_is_well(person: i64, tokens: &[String], shown: &[Shown]) {
    let answers_to = |token: &str| shown.iter().filter(|message| message.from_bot && answers(message, token)).count();
    for token in tokens {
        let times = answers_to(token);
        assert!(times <= 1, "{token} was answered {times} times: {shown:#?}");
        assert!(is_settled(token, shown), "{token} was not answered: {shown:#?}");
    }
    let order: Vec<&str> = shown
        .iter()
        .filter(|message| message.from_bot && message.text.starts_with("re "))
        .flat_map(|message| message.text.split(' ').skip(1))
        .collect();
    let expected: Vec<&str> = tokens.iter().map(String::as_str).filter(|token| order.contains(token)).collect();
    assert_eq!(order, expected, "the answers to {person} come in order, and none is for somebody else");
}

fn fault(dice: &mut Dice) -> TelegramFault {
    match dice.below(6) {
        0 => TelegramFault::Status(502),
        1 => TelegramFault::Refuse(500, "Internal Server Error"),
        2 => TelegramFault::Cut,
        3 => TelegramFault::Garbage,
        4 => TelegramFault::TooMany(1),
        _ => TelegramFault::DropAnswer,
    }
}
