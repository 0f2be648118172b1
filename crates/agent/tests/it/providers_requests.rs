//! What is sent: the same conversation in both dialects, and the ways in which servers want it otherwise.

use kit::vendors::{FakeAnthropic, FakeOpenAi, Fault};
use openclaw_agent::providers::{MaxTokensField, Thinking};
use serde_json::{Value, json};
use wire::message::{Block, Message, UserContent};

use crate::providers::{
    ANTHROPIC, KEY, OPENAI, PNG, assistant, call, endpoint, events, picture, provider, request, result, user,
    user_blocks,
};

/// Text, a picture, reasoning, two calls at once, a failed result, a result with a picture, an interjection.
fn conversation(api: &str) -> Vec<Message> {
    let thought =
        |text: &str, signature: &str| Block::Thinking { thinking: text.into(), signature: Some(signature.into()) };
    vec![
        user("hello"),
        assistant(api, vec![thought("old thought", "sig-old"), Block::text("Hi! What is it?")]),
        user_blocks(UserContent::Blocks(vec![Block::text("what is this?"), picture()])),
        assistant(
            api,
            vec![
                thought("let me look", "sig-new"),
                Block::text("I'll look."),
                call("functions.read:0", "read", json!({"path": "a.png"})),
                call("call_2", "exec", json!({"command": "false"})),
            ],
        ),
        result("functions.read:0", "read", vec![Block::text("a picture"), picture()], false),
        result("call_2", "exec", vec![Block::text("[exit code 1]")], true),
        user("and hurry"),
    ]
}

fn written(body: &Value) -> String {
    serde_json::to_string_pretty(body).unwrap().replace(PNG, "<PNG>")
}

/// A-4.6 A-13.3
#[tokio::test]
async fn a_conversation_in_the_openai_dialect() {
    let vendor = FakeOpenAi::start().await;
    vendor.reply_text("ok");
    let mut asked = request(conversation(OPENAI));
    asked.max_tokens = Some(500);
    events(&*provider(OPENAI, endpoint(&vendor.base_url())), asked).await;
    let sent = &vendor.requests()[0];
    assert_eq!((sent.path.as_str(), sent.header("authorization")), ("/v1/chat/completions", &*format!("Bearer {KEY}")));
    insta::assert_snapshot!(written(&sent.body));
}

/// A-4.6 A-13.4
#[tokio::test]
async fn a_conversation_in_the_anthropic_dialect() {
    let vendor = FakeAnthropic::start().await;
    vendor.reply_text("ok");
    events(&*provider(ANTHROPIC, endpoint(&vendor.base_url())), request(conversation(ANTHROPIC))).await;
    let sent = &vendor.requests()[0];
    assert_eq!((sent.path.as_str(), sent.header("x-api-key")), ("/v1/messages", KEY));
    assert_eq!((sent.header("anthropic-version"), sent.header("authorization")), ("2023-06-01", ""));
    insta::assert_snapshot!(written(&sent.body));
}

/// A-4.6
#[tokio::test]
async fn reasoning_goes_back_only_within_its_round_and_to_whoever_wrote_it() {
    let vendor = FakeAnthropic::start().await;
    let round = |api: &str| {
        let mut messages = conversation(api);
        messages.pop();
        messages
    };
    for (messages, kept) in
        [(round(ANTHROPIC), vec!["sig-new"]), (conversation(ANTHROPIC), vec![]), (round(OPENAI), vec![])]
    {
        vendor.reply_text("ok");
        events(&*provider(ANTHROPIC, endpoint(&vendor.base_url())), request(messages)).await;
        let body = vendor.requests().last().unwrap().body.clone();
        let blocks = body["messages"].as_array().unwrap().iter().flat_map(|turn| turn["content"].as_array().unwrap());
        let signatures: Vec<&str> = blocks.filter_map(|block| block["signature"].as_str()).collect();
        assert_eq!(signatures, kept);
    }
}

/// A-4.6
#[tokio::test]
async fn reasoning_goes_back_in_the_field_it_came_in() {
    let vendor = FakeOpenAi::start().await;
    let thought = Block::Thinking { thinking: "hm".into(), signature: Some("field:reasoning_content".into()) };
    let round = vec![
        user("go"),
        assistant(OPENAI, vec![thought, call("c1", "read", json!({"path": "x"}))]),
        result("c1", "read", vec![Block::text("x")], false),
    ];
    vendor.reply_text("ok");
    events(&*provider(OPENAI, endpoint(&vendor.base_url())), request(round)).await;
    assert_eq!(vendor.requests()[0].body["messages"][2]["reasoning_content"], "hm");
}

/// A-4.6
#[tokio::test]
async fn the_first_and_the_last_turn_are_the_users() {
    let vendor = FakeAnthropic::start().await;
    vendor.reply_text("ok");
    let messages = vec![assistant(ANTHROPIC, vec![Block::text("I was saying")])];
    events(&*provider(ANTHROPIC, endpoint(&vendor.base_url())), request(messages)).await;
    let body = &vendor.requests()[0].body;
    let roles: Vec<&str> =
        body["messages"].as_array().unwrap().iter().filter_map(|turn| turn["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

/// A-13.3
#[tokio::test]
async fn what_the_config_says_of_a_server_is_heeded() {
    let vendor = FakeOpenAi::start().await;
    vendor.reply_text("ok");
    let mut endpoint = endpoint(&vendor.base_url());
    endpoint.api_key = None;
    endpoint.reasons = true;
    endpoint.headers = vec![("x-tenant".into(), base::Secret::new("blue"))];
    endpoint.switches.max_tokens_field = Some(MaxTokensField::MaxTokens);
    endpoint.switches.usage_in_stream = Some(false);
    endpoint.switches.developer_role = Some(true);
    endpoint.switches.tools = Some(false);
    let mut asked = request(conversation(OPENAI));
    (asked.max_tokens, asked.thinking) = (Some(500), Some(Thinking::Low));
    events(&*provider(OPENAI, endpoint), asked).await;
    let sent = &vendor.requests()[0];
    assert_eq!((sent.header("authorization"), sent.header("x-tenant")), ("", "blue"));
    insta::assert_snapshot!(written(&sent.body));
}

/// A-15.2
#[tokio::test]
async fn a_thinking_budget_leaves_room_for_the_answer() {
    let vendor = FakeAnthropic::start().await;
    vendor.reply_text("ok");
    let mut endpoint = endpoint(&vendor.base_url());
    endpoint.reasons = true;
    let mut asked = request(vec![user("think")]);
    (asked.model, asked.thinking, asked.max_tokens) = ("claude-sonnet-4-5".into(), Some(Thinking::High), Some(4_000));
    events(&*provider(ANTHROPIC, endpoint), asked).await;
    let body = &vendor.requests()[0].body;
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 16_384}));
    assert_eq!(body["max_tokens"], 20_384);
}

/// A-4.6
#[tokio::test]
async fn a_model_that_does_not_see_gets_a_note_instead_of_the_picture() {
    let vendor = FakeOpenAi::start().await;
    vendor.reply_text("ok");
    let mut endpoint = endpoint(&vendor.base_url());
    endpoint.sees_images = false;
    let asked = request(vec![user_blocks(UserContent::Blocks(vec![Block::text("look"), picture()]))]);
    events(&*provider(OPENAI, endpoint), asked).await;
    let content = vendor.requests()[0].body["messages"][1]["content"].clone();
    assert_eq!(content, "look\n[a picture was left out: this model does not see pictures]");
}

#[tokio::test]
async fn a_model_that_cannot_call_tools_is_asked_again_without_them() {
    let vendor = FakeOpenAi::start().await;
    let refusal =
        r#"{"error":{"message":"registry.ollama.ai/library/tiny does not support tools","type":"api_error"}}"#;
    vendor.fault(Fault::StatusBody(400, refusal.into())).reply_text("hello without tools");
    let heard = events(&*provider(OPENAI, endpoint(&vendor.base_url())), request(vec![user("hi")])).await;
    assert_eq!(crate::providers::text(&heard), "hello without tools");
    let sent = vendor.requests();
    assert!(sent[0].body["tools"].is_array() && sent[1].body["tools"].is_null());
}

#[tokio::test]
async fn reasoning_that_no_longer_fits_is_left_out_rather_than_the_turn() {
    let vendor = FakeAnthropic::start().await;
    let refusal = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation."}}"#;
    vendor.fault(Fault::StatusBody(400, refusal.into())).reply_text("fine");
    let mut messages = conversation(ANTHROPIC);
    messages.pop();
    events(&*provider(ANTHROPIC, endpoint(&vendor.base_url())), request(messages)).await;
    let sent = vendor.requests();
    assert_eq!(sent.iter().map(|sent| sent.body.to_string().contains("sig-new")).collect::<Vec<_>>(), [true, false]);
}
