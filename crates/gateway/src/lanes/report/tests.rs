//! What clients see of a run, literally and in order.

use agent::run::Phase;
use serde_json::json;
use wire::events::chat::ErrorKind;

use super::*;

struct Run {
    report: Report,
    start: Instant,
    seen: Vec<Out>,
}

impl Run {
    fn new() -> Self {
        let subject = Subject {
            run_id: "r".into(),
            session: SessionKey::main(&AgentId::main(), "main"),
            session_id: "s".into(),
            agent: AgentId::main(),
        };
        Self { report: Report::new(subject, Seq::default(), 1), start: Instant::now(), seen: Vec::new() }
    }

    fn at(&mut self, ms: u64, event: RunEvent) -> &mut Self {
        let out = self.report.event(self.start + Duration::from_millis(ms), 1, event);
        self.seen.extend(out);
        self
    }

    fn text(&mut self, ms: u64, delta: &str) -> &mut Self {
        self.at(ms, RunEvent::Text { delta: delta.into() })
    }

    fn end(&mut self, outcome: &RunOutcome) -> Vec<String> {
        let out = self.report.end(2, outcome);
        self.seen.extend(out);
        self.seen.iter().map(brief).collect()
    }
}

/// One event in a few words.
fn brief(out: &Out) -> String {
    let value = match out {
        Out::Chat(event) => serde_json::to_value(event).unwrap(),
        Out::Agent(event) | Out::Tool(event) => serde_json::to_value(event).unwrap(),
        Out::Message { message, .. } => {
            return format!("message {}", serde_json::to_value(message).unwrap()["role"].as_str().unwrap());
        }
    };
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let data = &value["data"];
    let parts = match out {
        Out::Chat(_) => [word(&value["state"]), word(&value["phase"]), word(&value["deltaText"])],
        _ => [word(&value["stream"]), word(&data["phase"]), word(&data["delta"])],
    };
    let kind = match out {
        Out::Chat(_) => "chat",
        Out::Tool(_) => "agent+tools",
        _ => "agent",
    };
    format!("{} {kind} {}", value["seq"], parts.join(" ")).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn completed(text: &str) -> RunOutcome {
    RunOutcome::Completed {
        text: text.into(),
        stop_reason: "stop",
        usage: Usage::default(),
        provider: "p".into(),
        model: "m".into(),
        directives: agent::run::reply::Directives::default(),
    }
}

fn model() -> RunEvent {
    RunEvent::Model { provider: "p".into(), model: "m".into() }
}

/// A-6.8a, A-6.8, A-6.6
#[test]
fn a_plain_turn_is_shown_in_the_published_order() {
    let mut run = Run::new();
    run.at(0, RunEvent::Status(Phase::PreparingWorkspace))
        .at(0, RunEvent::Status(Phase::PreparingContext))
        .at(0, RunEvent::Started)
        .at(0, RunEvent::Status(Phase::StartingModel))
        .at(0, model())
        .text(10, "Hel")
        .text(20, "lo")
        .text(161, " you")
        .text(170, "!")
        .at(180, RunEvent::Usage(Usage::default()));
    let shown = run.end(&completed("Hello you!"));
    assert_eq!(
        shown,
        [
            "1 chat status preparing_workspace",
            "2 agent run_status preparing_workspace",
            "3 chat status preparing_context",
            "4 agent run_status preparing_context",
            "5 agent lifecycle start",
            "6 chat status starting_model",
            "7 agent run_status starting_model",
            "8 agent lifecycle model",
            "9 agent assistant Hel",
            "10 chat delta Hel",
            "11 agent assistant lo you",
            "12 chat delta lo you",
            "13 agent assistant !",
            "14 agent usage",
            "15 agent lifecycle finishing",
            "16 agent lifecycle end",
            "17 chat delta !",
            "18 chat final",
        ]
    );
}

/// A-6.6
#[test]
fn every_delta_carries_the_new_text_and_all_of_it() {
    let mut run = Run::new();
    run.at(0, model()).text(0, "a").text(200, "b").text(210, "c");
    assert_eq!(run.report.due(), Some(run.start + Duration::from_millis(350)));
    let flushed = run.report.flush(run.start + Duration::from_millis(350), 1);
    run.seen.extend(flushed);
    assert_eq!(run.report.due(), None);
    run.end(&completed("abc"));
    let chats: Vec<_> =
        run.seen.iter().filter_map(|out| if let Out::Chat(event) = out { Some(event) } else { None }).collect();
    let mut whole = String::new();
    for event in &chats {
        if let ChatState::Delta { delta_text, message, replace } = &event.state {
            assert!(!replace);
            whole.push_str(delta_text);
            assert_eq!(message.content, [wire::message::Block::text(&whole)]);
        }
    }
    assert_eq!(whole, "abc");
    assert_eq!(chats.iter().filter(|event| event.state.is_terminal()).count(), 1);
}

#[test]
fn a_second_model_call_replaces_what_the_first_one_said() {
    let mut run = Run::new();
    run.at(0, model()).text(0, "Let me look.").at(1, model()).text(200, "It is 4.");
    let shown = run.end(&completed("It is 4."));
    assert_eq!(shown[2], "3 chat delta Let me look.");
    assert_eq!(shown[5], "6 chat delta It is 4.");
    let Out::Chat(ChatEvent { state: ChatState::Delta { replace, .. }, .. }) = &run.seen[5] else { panic!() };
    assert!(replace);
}

/// A-7.7, A-6.9
#[test]
fn a_stopped_run_shows_what_it_had_said_and_ends_once() {
    let mut run = Run::new();
    run.at(0, model()).text(0, "half").text(1, " a");
    let shown = run.end(&RunOutcome::Aborted { partial: "half a".into(), reason: "rpc" });
    assert_eq!(&shown[3..], ["4 chat aborted", "5 agent lifecycle end"]);
    let Out::Chat(event) = &run.seen[3] else { panic!() };
    assert_eq!(
        serde_json::to_value(event).unwrap(),
        json!({"runId": "r", "sessionKey": "agent:main:main", "agentId": "main", "seq": 4, "state": "aborted",
            "stopReason": "rpc",
            "message": {"role": "assistant", "content": [{"type": "text", "text": "half a"}], "timestamp": 2}})
    );
}

/// A-7.10
#[test]
fn a_failed_run_says_why_and_who() {
    let mut run = Run::new();
    let shown = run.end(&RunOutcome::Failed {
        message: "p is busy".into(),
        kind: "rate_limit",
        provider: Some("p".into()),
        model: None,
    });
    assert_eq!(shown, ["1 agent lifecycle error", "2 chat error"]);
    let Out::Chat(ChatEvent { state: ChatState::Error { error_kind, error_detail, .. }, .. }) = &run.seen[1] else {
        panic!()
    };
    assert_eq!(*error_kind, ErrorKind::RateLimit);
    assert_eq!(error_detail.as_ref().unwrap().provider.as_deref(), Some("p"));
}

/// A-6.5
#[test]
fn tool_details_are_only_for_those_who_asked() {
    let mut run = Run::new();
    let (id, name) = (String::from("c1"), String::from("exec"));
    run.at(0, model())
        .at(1, RunEvent::ToolStarted { id: id.clone(), name: name.clone(), args: json!({"command": "ls"}) })
        .at(2, RunEvent::ToolProgress { id: id.clone(), name: name.clone(), delta: "a\n".into() })
        .at(3, RunEvent::ToolEnded { id, name, output: agent::tools::ToolOutput::text("a") });
    let shown: Vec<_> = run.seen.iter().map(brief).collect();
    assert_eq!(
        shown,
        [
            "1 agent lifecycle model",
            "2 agent item start",
            "3 agent+tools tool start",
            "4 agent+tools tool update",
            "5 agent item update",
            "6 agent command_output delta",
            "7 agent+tools tool result",
            "8 agent item end",
            "9 agent command_output end",
        ]
    );
}
