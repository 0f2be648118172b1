//! A chat's message on its way: from Telegram's answer to the model's request, from the model's last word to Telegram's
//! `sendMessage`, and two hundred messages a second from two hundred chats.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kit::FakeTelegram;
use kit::vendors::{FakeOpenAi, Reply};
use serde_json::{Value, json};

use crate::process::Server;
use crate::report::Report;

/// Conversations in the database before anything is measured.
const SESSIONS: i64 = 1000;
const SINGLE_MESSAGES: i64 = 300;
/// One bot may say thirty things a second; each of these has this many chats.
const BOTS: usize = 8;
const CHATS_OF_BOT: i64 = 25;
const STREAM: Duration = Duration::from_secs(20);
/// What came in while the last second's answers were still on their way is answered by then.
const DRAINED_WITHIN: Duration = Duration::from_secs(20);

/// When the model was asked about each message.
type Asked = Arc<Mutex<HashMap<String, Instant>>>;

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    one_by_one(binary, report).await?;
    sustained(binary, report).await
}

async fn one_by_one(binary: &Path, report: &mut Report) -> Result<()> {
    let (vendor, asked) = vendor().await;
    let telegram = FakeTelegram::start().await;
    let mut server = Server::gateway(binary, &config(&vendor, &[&telegram]))?;
    server.accepting().await?;
    for chat in 1..=SESSIONS {
        telegram.says(chat, &format!("m{chat}x0"));
    }
    all_answered(&telegram, SESSIONS as usize).await?;
    let (mut to_model, mut to_telegram) = (Vec::new(), Vec::new());
    for chat in 1..=SINGLE_MESSAGES {
        let text = format!("m{chat}x1");
        let began = Instant::now();
        telegram.says(chat, &text);
        let reached = SESSIONS as usize + chat as usize;
        telegram.called("sendMessage", reached).await;
        let call = telegram.calls_of("sendMessage").pop().context("nothing was sent")?;
        let at = asked.lock().unwrap_or_else(PoisonError::into_inner).get(&text).copied();
        let at = at.with_context(|| format!("the model was not asked about {text}"))?;
        to_model.push((at - began).as_secs_f64() * 1e3);
        to_telegram.push((call.at - at).as_secs_f64() * 1e3);
    }
    for (name, mut times) in [("update to model request", to_model), ("model request to sendMessage", to_telegram)] {
        times.sort_by(f64::total_cmp);
        let p99 = times[times.len() * 99 / 100];
        let p50 = times[times.len() / 2];
        report.add(format!("Telegram: {name}, p50"), "ms", None, vec![p50]);
        report.add(format!("Telegram: {name}, p99"), "ms", Some(20.0), vec![p99]);
    }
    server.stop().await
}

async fn sustained(binary: &Path, report: &mut Report) -> Result<()> {
    let (vendor, _) = vendor().await;
    let mut bots = Vec::new();
    for _ in 0..BOTS {
        bots.push(FakeTelegram::start().await);
    }
    let mut server = Server::gateway(binary, &config(&vendor, &bots.iter().collect::<Vec<_>>()))?;
    server.accepting().await?;
    // One message each, so that every chat and session is there before memory is looked at.
    for bot in &bots {
        (1..=CHATS_OF_BOT).for_each(|chat| {
            bot.says(chat, &format!("m{chat}x0"));
        });
        all_answered(bot, CHATS_OF_BOT as usize).await?;
    }
    let (before, began, cpu) = (server.rss_kib()?, Instant::now(), server.cpu()?);
    let mut said = CHATS_OF_BOT as usize;
    let (mut half, mut next) = (0, began);
    while began.elapsed() < STREAM {
        // Each chat once a second, spread over it.
        for chat in 1..=CHATS_OF_BOT {
            for bot in &bots {
                bot.says(chat, &format!("m{chat}x{said}"));
            }
            next += Duration::from_secs(1) / CHATS_OF_BOT as u32;
            tokio::time::sleep_until(next.into()).await;
        }
        said += CHATS_OF_BOT as usize;
        if half == 0 && began.elapsed() > STREAM / 2 {
            half = server.rss_kib()?;
        }
    }
    let sent = (said - CHATS_OF_BOT as usize) * BOTS;
    let rate = sent as f64 / began.elapsed().as_secs_f64();
    let late = Instant::now();
    for bot in &bots {
        all_answered(bot, said).await?;
    }
    let (late, after) = (late.elapsed(), server.rss_kib()?);
    let cpu = (server.cpu()? - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    report.add("Telegram: messages a second answered, 200 chats", "/s", None, vec![rate]);
    report.add("Telegram: the last answer after the last message", "ms", None, vec![late.as_secs_f64() * 1e3]);
    report.add("Telegram: CPU at that rate", "%", None, vec![cpu * 100.0]);
    report.add("Telegram: memory at the start", "MiB", None, vec![before as f64 / 1024.0]);
    report.add("Telegram: memory half way", "MiB", None, vec![half as f64 / 1024.0]);
    report.add("Telegram: memory at the end", "MiB", None, vec![after as f64 / 1024.0]);
    server.stop().await
}

/// Waits until so many answers were sent, each chat's messages by themselves.
async fn all_answered(telegram: &FakeTelegram, count: usize) -> Result<()> {
    let deadline = Instant::now() + DRAINED_WITHIN + Duration::from_millis(40 * count as u64);
    loop {
        let sent = telegram.calls_of("sendMessage").len();
        if sent >= count {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{sent} of {count} messages were answered");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A model that answers at once and notes when it was asked about what.
async fn vendor() -> (FakeOpenAi, Asked) {
    let (vendor, asked) = (FakeOpenAi::start().await, Asked::default());
    let noted = asked.clone();
    vendor.answer_with(move |request| {
        let now = Instant::now();
        let last = request.body["messages"].as_array().and_then(|messages| messages.last()).map(Value::to_string);
        let text = last.unwrap_or_default();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        for word in words.filter(|word| word.starts_with('m') && word.contains('x')) {
            noted.entry(word.to_owned()).or_insert(now);
        }
        Reply::text("ok")
    });
    (vendor, asked)
}

fn config(vendor: &FakeOpenAi, bots: &[&FakeTelegram]) -> Value {
    let accounts: serde_json::Map<String, Value> = bots
        .iter()
        .enumerate()
        .map(|(at, bot)| {
            let account = json!({"botToken": bot.token().replacen("777000", &format!("{}", 777_000 + at), 1),
                "apiRoot": bot.root_url(), "dmPolicy": "open", "allowFrom": ["*"], "streaming": {"mode": "off"}});
            (format!("bot{at}"), account)
        })
        .collect();
    json!({
        "models": {"providers": {"fake": {"baseUrl": vendor.base_url(), "apiKey": "k", "api": "openai-completions",
            "models": [{"id": "m", "name": "m", "contextWindow": 120_000, "maxTokens": 4096}]}}},
        "agents": {"defaults": {"model": {"primary": "fake/m"}}},
        "session": {"dmScope": "per-account-channel-peer"},
        "messages": {"inbound": {"debounceMs": 0}},
        "channels": {"telegram": {"accounts": accounts}}
    })
}
