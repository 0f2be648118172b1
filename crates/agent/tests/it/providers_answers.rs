//! What is heard: answers as vendors stream them, in whatever pieces they arrive.

use kit::vendors::{FakeAnthropic, FakeOpenAi, Gate, Reply, Vendor};
use openclaw_agent::providers::ModelEvent;
use proptest::prelude::*;
use serde_json::json;
use wire::message::{StopReason, Usage};

use crate::providers::{
    ANTHROPIC, OPENAI, calls, endpoint, events, provider, request, run, stop, text, thinking, user,
};

const OPENAI_STREAM: &str = concat!(
    ": keep-alive\r\n\r\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\r\n\r\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm, où?\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Sehen wir… 日\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":\"\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"exec\",\"arguments\":\"{\\\"command\\\"\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"path\\\":\\\"ü\\\"}\"}},{\"index\":1,\"function\":{\"arguments\":\":\\\"ls\\\"}\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":9,\"total_tokens\":109,\"prompt_tokens_details\":{\"cached_tokens\":60}}}\n\n",
    "data: [DONE]\n\n",
);

const ANTHROPIC_STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"x\",\"usage\":{\"input_tokens\":40,\"cache_read_input_tokens\":60,\"cache_creation_input_tokens\":5,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm, où?\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"sig\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"sealed\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"text_delta\",\"text\":\"Sehen wir… 日\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"read\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"path\\\":\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\\\"ü\\\"}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":3}\n\n",
    "event: a_new_kind\ndata: {\"type\":\"a_new_kind\",\"x\":1}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn openai_events() -> Vec<ModelEvent> {
    let call = |id: &str, name: &str, arguments| ModelEvent::ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: Ok(arguments),
    };
    vec![
        ModelEvent::Thinking("hm, où?".into()),
        ModelEvent::ThinkingSignature("field:reasoning_content".into()),
        ModelEvent::Text("Sehen wir… 日".into()),
        call("a", "read", json!({"path": "ü"})),
        call("b", "exec", json!({"command": "ls"})),
        ModelEvent::Usage(Usage { input: 40, output: 9, cache_read: 60, total_tokens: 109, ..Usage::default() }),
        ModelEvent::Done { stop: StopReason::ToolUse, response_id: Some("c1".into()) },
    ]
}

fn anthropic_events() -> Vec<ModelEvent> {
    vec![
        ModelEvent::Thinking("hm, où?".into()),
        ModelEvent::ThinkingSignature("sig".into()),
        ModelEvent::ThinkingSignature("redacted:sealed".into()),
        ModelEvent::Text("Sehen wir… 日".into()),
        ModelEvent::ToolCall { id: "a".into(), name: "read".into(), arguments: Ok(json!({"path": "ü"})) },
        ModelEvent::Usage(Usage {
            input: 40,
            output: 9,
            cache_read: 60,
            cache_write: 5,
            total_tokens: 114,
            cost: None,
        }),
        ModelEvent::Done { stop: StopReason::ToolUse, response_id: Some("m1".into()) },
    ]
}

async fn heard(api: &str, vendor: &Vendor, reply: Reply) -> Vec<ModelEvent> {
    vendor.then(reply);
    events(&*provider(api, endpoint(&vendor.base_url())), request(vec![user("go")])).await
}

fn pieces(stream: &str, cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % stream.len()).chain([0, stream.len()]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| stream.as_bytes()[pair[0]..pair[1]].to_vec()).collect()
}

///
#[tokio::test]
async fn answers_come_out_the_same_byte_by_byte() {
    let (openai, anthropic) = (FakeOpenAi::start().await, FakeAnthropic::start().await);
    let bytes = |stream: &'static str| Reply::raw(stream.as_bytes().chunks(1));
    assert_eq!(heard(OPENAI, &openai, bytes(OPENAI_STREAM)).await, openai_events());
    assert_eq!(heard(ANTHROPIC, &anthropic, bytes(ANTHROPIC_STREAM)).await, anthropic_events());
}

#[test]
fn answers_come_out_the_same_in_any_pieces() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let vendors = runtime.block_on(async { (FakeOpenAi::start().await, FakeAnthropic::start().await) });
    let config = ProptestConfig { cases: 40, ..ProptestConfig::default() };
    proptest!(config, |(cuts in prop::collection::vec(any::<usize>(), 0..12))| {
        runtime.block_on(async {
            assert_eq!(heard(OPENAI, &vendors.0, Reply::raw(pieces(OPENAI_STREAM, &cuts))).await, openai_events());
            assert_eq!(heard(ANTHROPIC, &vendors.1, Reply::raw(pieces(ANTHROPIC_STREAM, &cuts))).await, anthropic_events());
        });
    });
}

#[tokio::test]
async fn a_scripted_answer_is_heard_in_both_dialects() {
    let (openai, anthropic) = (FakeOpenAi::start().await, FakeAnthropic::start().await);
    let reply = || {
        let said = Reply::empty().and_thinking("let me see", "sig").and_text("I'll read it.");
        said.and_tool_call("read", json!({"path": "a"}))
            .and_tool_call("read", json!({"path": "b"}))
            .usage(20, 5)
            .cached(10)
    };
    for heard in [heard(OPENAI, &openai, reply()).await, heard(ANTHROPIC, &anthropic, reply()).await] {
        assert_eq!((text(&heard).as_str(), thinking(&heard).as_str()), ("I'll read it.", "let me see"));
        let read = |path: &str| ("read".to_owned(), Ok(json!({"path": path})));
        assert_eq!((calls(&heard), stop(&heard)), (vec![read("a"), read("b")], Some(StopReason::ToolUse)));
        let usage = Usage { input: 20, output: 5, cache_read: 10, total_tokens: 35, ..Usage::default() };
        assert!(heard.contains(&ModelEvent::Usage(usage)), "{heard:?}");
    }
}

///
#[tokio::test]
async fn dropping_the_stream_ends_the_call_at_the_vendor() {
    let (vendor, gate) = (FakeOpenAi::start().await, Gate::closed());
    vendor.then(Reply::text("one two three").behind(&gate));
    gate.release(2);
    let mut stream = provider(OPENAI, endpoint(&vendor.base_url())).stream(request(vec![user("go")]));
    let first = futures_util::StreamExt::next(&mut stream).await.unwrap().unwrap();
    assert_eq!(first, ModelEvent::Text("one ".into()));
    gate.reached().await;
    drop(stream);
    gate.release(1);
    vendor.abandoned(1).await;
}

fn sse(chunks: &[serde_json::Value]) -> Reply {
    Reply::raw(chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]))
}

fn delta(delta: serde_json::Value) -> serde_json::Value {
    json!({"choices": [{"index": 0, "delta": delta}]})
}

///
#[tokio::test]
async fn tool_calls_of_servers_that_bend_the_dialect_are_understood() {
    let vendor = FakeOpenAi::start().await;
    let whole = |id: Option<&str>, index: Option<u64>, arguments: serde_json::Value| {
        let mut call = json!({"type": "function", "function": {"name": "read", "arguments": arguments}});
        if let Some(id) = id {
            call["id"] = id.into();
        }
        if let Some(index) = index {
            call["index"] = index.into();
        }
        delta(json!({"tool_calls": [call]}))
    };
    let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": null});
    let cases = [
        (
            "every index 0",
            vec![whole(Some("a"), Some(0), json!("{\"path\":1}")), whole(Some("b"), Some(0), json!("{\"path\":2}"))],
        ),
        (
            "no index",
            vec![whole(Some("a"), None, json!("{\"path\":1}")), whole(Some("b"), None, json!("{\"path\":2}"))],
        ),
        ("no id, no index", vec![whole(None, None, json!("{\"path\":1}")), whole(None, None, json!("{\"path\":2}"))]),
        ("no id", vec![whole(None, Some(0), json!("{\"path\":1}")), whole(None, Some(1), json!("{\"path\":2}"))]),
        (
            "an object",
            vec![whole(Some("a"), Some(0), json!({"path": 1})), whole(Some("b"), Some(1), json!({"path": 2}))],
        ),
    ];
    for (name, chunks) in cases {
        let heard = heard(OPENAI, &vendor, sse(&[chunks, vec![stop.clone()]].concat())).await;
        let read = |path: u8| ("read".to_owned(), Ok(json!({"path": path})));
        assert_eq!(calls(&heard), [read(1), read(2)], "{name}");
        assert_eq!(crate::providers::stop(&heard), Some(StopReason::ToolUse), "{name}");
        let ids: Vec<&String> = heard
            .iter()
            .filter_map(|event| if let ModelEvent::ToolCall { id, .. } = event { Some(id) } else { None })
            .collect();
        assert!(ids[0] != ids[1] && ids.iter().all(|id| !id.is_empty()), "{name}");
    }
}

#[tokio::test]
async fn reasoning_is_found_wherever_a_server_puts_it() {
    let vendor = FakeOpenAi::start().await;
    let done = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    for deltas in [
        vec![json!({"reasoning_content": "hm"}), json!({"content": "hi"})],
        vec![
            json!({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}),
            json!({"content": "hi"}),
        ],
        vec![json!({"content": "<thi"}), json!({"content": "nk>hm</think>\n\nhi"})],
        vec![
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            json!({"content": [{"type": "text", "text": "hi"}]}),
        ],
    ] {
        let chunks: Vec<_> = deltas.into_iter().map(delta).chain([done.clone()]).collect();
        let heard = heard(OPENAI, &vendor, sse(&chunks)).await;
        assert_eq!((thinking(&heard).as_str(), text(&heard).as_str()), ("hm", "hi"), "{chunks:?}");
    }
}

#[tokio::test]
async fn an_answer_may_lack_its_marker_its_reason_or_its_stream() {
    let vendor = FakeOpenAi::start().await;
    let stop = json!({"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]});
    let no_marker = Reply::raw([format!("data: {stop}\n\n")]);
    let no_reason = sse(&[delta(json!({"content": "hi"}))]);
    for reply in [no_marker, no_reason] {
        let heard = heard(OPENAI, &vendor, reply).await;
        assert_eq!((text(&heard).as_str(), crate::providers::stop(&heard)), ("hi", Some(StopReason::Stop)));
    }
    let whole = json!({"id": "x", "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let heard = heard(OPENAI, &vendor, kit::vendors::Fault::StatusBody(200, whole.to_string()).into()).await;
    assert_eq!(text(&heard), "hi");
}

///
#[tokio::test]
async fn calls_that_are_broken_or_cut_off_are_marked_as_never_to_run() {
    let (openai, anthropic) = (FakeOpenAi::start().await, FakeAnthropic::start().await);
    let bad = |arguments: &str| Reply::empty().and_raw_tool_call(Some("a".into()), "read", arguments);
    for (api, vendor) in [(OPENAI, &*openai), (ANTHROPIC, &*anthropic)] {
        let broken = calls(&heard(api, vendor, bad("{\"path\": ")).await);
        assert_eq!(broken, [("read".into(), Err("{\"path\": ".into()))], "{api}");
        assert!(calls(&heard(api, vendor, bad("[1]")).await)[0].1.is_err(), "{api}: only objects are arguments");
        assert_eq!(calls(&heard(api, vendor, bad("")).await)[0].1, Ok(json!({})), "{api}: a tool without parameters");
        let cut = heard(api, vendor, bad("").truncated()).await;
        assert!(calls(&cut)[0].1.is_err(), "{api}: cut off before the arguments");
        assert_eq!(stop(&cut), Some(StopReason::Length), "{api}");
    }
}

///
#[tokio::test]
async fn what_gemini_signs_is_kept_before_its_call() {
    let vendor = FakeOpenAi::start().await;
    let call = json!({"index": 0, "id": "a", "function": {"name": "read", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "S"}}});
    vendor.then(sse(&[delta(json!({"tool_calls": [call]}))]));
    let (heard, error) = run(&*provider(OPENAI, endpoint(&vendor.base_url())), request(vec![user("go")])).await;
    assert!(error.is_none());
    assert_eq!(heard[0], ModelEvent::ThinkingSignature("google:S".into()));
    assert!(matches!(heard[1], ModelEvent::ToolCall { .. }));
}
