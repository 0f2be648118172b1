//! The story of the seeds, whole: a message arrives from Telegram, the agent wants a command run on a machine elsewhere,
//! the owner allows it with a button in the chat, the machine does it, and the answer is in the chat.

use kit::vendors::FakeOpenAi;
use kit::{Client, Connect, FakeTelegram, Netns, Shown, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::binary;
use crate::crash::model;
use crate::story::{Host, let_in, within};

/// The owner, in a direct chat.
const OWNER: i64 = 4242;

/// C-1.1, C-10.3, C-8.1, N-1.3, N-12.11, N-12.16: every hop with a real process or a real socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_from_telegram_has_a_machine_elsewhere_do_something_and_is_answered() {
    let telegram = FakeTelegram::start().await;
    let vendor = FakeOpenAi::start().await;
    let mut gateway = TestGateway::prepare(&binary(), &model(&vendor))
        .with_config("/gateway/bind", json!("lan"))
        .with_config("/channels", telegram.channels(OWNER))
        .with_config("/commands", json!({"ownerAllowFrom": [format!("telegram:{OWNER}")]}));
    gateway.boot();
    let scopes = ["operator.admin", "operator.read", "operator.write", "operator.pairing"];
    let mut operator = Client::connect(gateway.address(), &Connect::backend(TOKEN).scopes(&scopes)).await.unwrap();
    let there = Netns::new();
    let (host, port) = (there.join_this_machine(), gateway.address().port().to_string());
    let _host = Host::start(json!({}), &["--host", &host, "--port", &port], |command| there.on(&command));
    let_in(&mut operator, true).await;

    for round in ["first", "second"] {
        let call = json!({"action": "run", "node": "builder", "command": "ls /sys/class/net"});
        vendor.reply_tool_call("nodes", call).reply_text(format!("The *{round}* answer."));
        telegram.says(OWNER, &format!("how does it stand, {round}?"));
        let asked = within("a question", telegram.sees(OWNER, |shown| question(shown).is_some())).await;
        let (question, allow) = question(&asked).unwrap();
        assert!(question.text.contains("ls /sys/class/net"), "{question:?}");
        telegram.press(OWNER, &allow);
        let answer = format!("The {round} answer.");
        let shown =
            within("an answer", telegram.sees(OWNER, |shown| shown.last().is_some_and(|last| last.text == answer)));
        let shown = shown.await;
        assert_eq!(shown.iter().filter(|message| message.text == answer).count(), 1, "{shown:#?}");
        assert!(question_is_over(&shown, question.message_id), "{shown:#?}");
        assert!(told(&vendor).contains("lan0"), "the far machine has a card that this one has not");
    }
    let strangers = telegram.messages(OWNER + 1);
    assert_eq!(strangers, [], "nobody else heard of it");
}

/// The question that waits for an answer, and what its first button stands for.
fn question(shown: &[Shown]) -> Option<(Shown, String)> {
    let waiting = shown.iter().rev().find(|message| message.from_bot && !message.buttons.is_empty())?;
    let allow = waiting.buttons.iter().find(|(label, _)| label.to_lowercase().contains("once"))?;
    Some((waiting.clone(), allow.1.clone()))
}

/// Nothing can be pressed any more.
fn question_is_over(shown: &[Shown], message_id: i64) -> bool {
    shown.iter().filter(|message| message.message_id == message_id).all(|message| message.buttons.is_empty())
}

/// What the model was told of the node before it wrote its answer.
fn told(vendor: &FakeOpenAi) -> String {
    let asked = vendor.requests();
    let messages = &asked.last().unwrap().body["messages"];
    let tool = messages.as_array().unwrap().iter().rev().find(|message| message["role"] == "tool");
    tool.map(Value::to_string).unwrap_or_default()
}
