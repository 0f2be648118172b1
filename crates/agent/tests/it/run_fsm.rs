//! The turn's decisions, one event at a time, without a clock, a store or a model.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use openclaw_agent::providers::{FailureClass, ModelEvent, ProviderError};
use openclaw_agent::run::effect::{Beside, Call, Effect, Event, Moment, Setup, Silence, Stand};
use openclaw_agent::run::fsm::{MAX_RESUMES, Machine, STOP_GRACE};
use openclaw_agent::run::usage::Price;
use openclaw_agent::run::{AbortReason, RunEvent, RunOutcome};
use openclaw_agent::tools::ToolOutput;
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::message::{Message, StopReason, ToolCall, Usage, text_of};

const IDLE: Duration = Duration::from_secs(120);

/// A machine with a clock of its own and a record of what it wanted done.
struct Bench {
    machine: Machine,
    begun: Instant,
    elapsed: Duration,
    /// Since the last look.
    effects: Vec<Effect>,
    /// Ever.
    ends: usize,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let tool = |name: &str, beside| (name.to_owned(), beside);
        let begun = Instant::now();
        let mut setup = Setup {
            provider: "p".into(),
            model: "m".into(),
            api: "test",
            price: None,
            fallbacks: VecDeque::new(),
            tools: BTreeMap::from([
                tool("read", Beside::Others),
                tool("look", Beside::Others),
                tool("exec", Beside::Nothing),
            ]),
            silence: Silence::Refused,
            deadline: Some(begun + Duration::from_secs(3600)),
            idle: IDLE,
            used_ids: HashSet::new(),
        };
        change(&mut setup);
        Self { machine: Machine::new(setup), begun, elapsed: Duration::ZERO, effects: Vec::new(), ends: 0 }
    }

    /// A turn whose first call is under way.
    fn started() -> Self {
        let mut bench = Self::new();
        bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
        bench.look();
        bench
    }

    fn feed(&mut self, event: Event) -> &mut Self {
        let now = Moment { at: self.begun + self.elapsed, ms: 1, roll: 0.5 };
        let effects = self.machine.step(now, event);
        self.ends += effects.iter().filter(|effect| is_end(effect)).count();
        self.effects.extend(effects);
        self
    }

    fn say(&mut self, text: &str) -> &mut Self {
        self.feed(Event::Model(ModelEvent::Text(text.into())))
    }

    fn call(&mut self, id: &str, name: &str) -> &mut Self {
        self.call_with(id, name, Ok(json!({})))
    }

    fn call_with(&mut self, id: &str, name: &str, arguments: Result<Value, String>) -> &mut Self {
        self.feed(Event::Model(ModelEvent::ToolCall { id: id.into(), name: name.into(), arguments }))
    }

    fn done(&mut self) -> &mut Self {
        self.feed(Event::Model(ModelEvent::Done { stop: StopReason::Stop, response_id: None }))
    }

    fn fail(&mut self, class: FailureClass) -> &mut Self {
        let message = format!("{class:?}");
        self.feed(Event::ModelFailed(ProviderError { class, message, retry_after: None }))
    }

    fn ended(&mut self, id: &str, text: &str) -> &mut Self {
        self.feed(Event::ToolEnded { id: id.into(), output: ToolOutput::text(text) })
    }

    /// Lets time pass up to the machine's own deadline.
    fn wait(&mut self) -> &mut Self {
        let deadline = self.machine.deadline().expect("a machine that waits for something");
        self.elapsed = deadline.duration_since(self.begun).max(self.elapsed);
        self.feed(Event::Tick)
    }

    /// What was wanted since the last look, as short words.
    fn look(&mut self) -> Vec<String> {
        std::mem::take(&mut self.effects).iter().map(word).collect()
    }

    fn outcome(&self) -> &RunOutcome {
        let end = self.effects.iter().find_map(|effect| match effect {
            Effect::Finish { outcome, .. } | Effect::Suspend(outcome) => Some(outcome),
            _ => None,
        });
        end.expect("an end since the last look")
    }

    fn last(&self) -> Option<&wire::message::AssistantMessage> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Finish { last, .. } => last.as_deref(),
            _ => None,
        })
    }

    fn appended(&self) -> Vec<&Message> {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::Append(message) = effect { Some(message) } else { None })
            .collect()
    }

    fn results(&self) -> Vec<(String, String, bool)> {
        let results = self.appended().into_iter().filter_map(|message| match message {
            Message::ToolResult(result) => {
                Some((result.tool_call_id.clone(), text_of(&result.content), result.is_error))
            }
            _ => None,
        });
        results.collect()
    }
}

const fn is_end(effect: &Effect) -> bool {
    matches!(effect, Effect::Finish { .. } | Effect::Suspend(_))
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::Report(RunEvent::Status(phase)) => format!("status {}", phase.as_str()),
        Effect::Report(RunEvent::Model { .. }) => "model".into(),
        Effect::Report(RunEvent::Text { delta }) => format!("text {delta:?}"),
        Effect::Report(RunEvent::TextReplaced { text }) => format!("replaced {text:?}"),
        Effect::Report(RunEvent::ToolStarted { id, .. }) => format!("started {id}"),
        Effect::Report(RunEvent::ToolEnded { id, .. }) => format!("ended {id}"),
        Effect::Report(RunEvent::Usage(_)) => "usage".into(),
        Effect::Report(RunEvent::Retrying { attempt, .. }) => format!("retrying {attempt}"),
        Effect::Report(other) => format!("{other:?}"),
        Effect::Append(Message::Assistant(message)) => format!("append assistant {:?}", message.text()),
        Effect::Append(Message::ToolResult(result)) => format!("append result {}", result.tool_call_id),
        Effect::Append(Message::User(_)) => "append user".into(),
        Effect::Call(Call { nudge, squeeze }) => format!("call nudge={nudge} squeeze={squeeze}"),
        Effect::NextModel => "next model".into(),
        Effect::HangUp => "hang up".into(),
        Effect::Run(calls) => {
            format!("run {}", calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>().join("+"))
        }
        Effect::StopTools => "stop tools".into(),
        Effect::Finish { outcome: RunOutcome::Completed { text, stop_reason, .. }, .. } => {
            format!("completed {text:?} {stop_reason}")
        }
        Effect::Finish { outcome: RunOutcome::Aborted { partial, reason }, .. } => {
            format!("aborted {partial:?} {reason}")
        }
        Effect::Finish { outcome: RunOutcome::Failed { kind, .. }, .. } => format!("failed {kind}"),
        Effect::Suspend(_) => "suspended".into(),
    }
}

const FIRST_CALL: [&str; 3] = ["status starting_model", "model", "call nudge=false squeeze=0"];
const NEXT_CALL: [&str; 2] = ["model", "call nudge=false squeeze=0"];

/// A-7.1, A-6.8a
#[test]
fn a_plain_reply_streams_and_completes() {
    let mut bench = Bench::new();
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
    assert_eq!(bench.look(), FIRST_CALL);
    bench.say("Hi").say(" there").done();
    assert_eq!(bench.last().unwrap().text(), "Hi there");
    let expected = ["text \"Hi\"", "text \" there\"", "hang up", "usage", "completed \"Hi there\" stop"];
    assert_eq!(bench.look(), expected);
    assert_eq!(bench.machine.deadline(), None);
}

/// A-7.1
#[test]
fn tools_run_and_the_model_is_called_again() {
    let mut bench = Bench::started();
    bench.say("Let me look.").call("c1", "exec").done();
    let expected =
        ["text \"Let me look.\"", "hang up", "usage", "append assistant \"Let me look.\"", "started c1", "run c1"];
    assert_eq!(bench.look(), expected);
    bench.ended("c1", "ok");
    assert_eq!(bench.look(), [&["ended c1", "append result c1"][..], &NEXT_CALL].concat());
    bench.say("Done.").done();
    assert_eq!(bench.look().last().unwrap(), "completed \"Done.\" stop");
}

/// A-7.3
#[test]
fn safe_tools_run_together_and_results_keep_the_order_of_the_calls() {
    let mut bench = Bench::started();
    bench.call("a", "read").call("b", "look").done();
    assert!(bench.look().contains(&"run a+b".to_owned()));
    bench.ended("b", "B");
    assert_eq!(bench.look(), ["ended b"]);
    bench.ended("a", "A");
    assert_eq!(bench.results().iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

/// A-7.3
#[test]
fn one_unsafe_tool_makes_the_whole_batch_sequential() {
    let mut bench = Bench::started();
    bench.call("a", "read").call("b", "exec").call("c", "read").done();
    assert_eq!(bench.look().last().unwrap(), "run a");
    bench.ended("a", "A");
    assert_eq!(bench.look(), ["ended a", "append result a", "started b", "run b"]);
    bench.ended("b", "B").ended("c", "C");
    assert_eq!(bench.look().last().unwrap(), NEXT_CALL[1]);
}

/// A-7.2
#[test]
fn a_call_whose_arguments_are_no_json_never_runs() {
    let mut bench = Bench::started();
    bench.call_with("a", "exec", Err("{\"command\": \"rm".into())).call("b", "exec").done();
    let results = bench.results();
    assert_eq!((results[0].0.as_str(), results[0].2), ("a", true));
    assert!(results[0].1.contains("not a JSON object"), "{}", results[0].1);
    assert_eq!(bench.look().last().unwrap(), "run b");
}

/// A-7.2
#[test]
fn an_unknown_tool_is_answered_with_the_names_of_the_known_ones() {
    let mut bench = Bench::started();
    bench.call("a", "reed").done();
    assert!(bench.results()[0].1.contains("The tools are: exec, look, read."));
    assert_eq!(bench.look().last().unwrap(), NEXT_CALL[1]);
}

/// A-4.5
#[test]
fn ids_a_model_uses_twice_become_unique() {
    let mut bench = Bench::with(|setup| setup.used_ids = HashSet::from(["c".to_owned()]));
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
    bench.call("c", "read").call("c", "read").call("", "read").done();
    assert_eq!(bench.look().last().unwrap(), "run c-2+c-3+call");
}

/// A-7.2
#[test]
fn a_broken_stream_is_sent_again_three_times_then_shown_once() {
    let mut bench = Bench::started();
    for attempt in 2..=4 {
        bench.fail(FailureClass::Network);
        assert_eq!(bench.look(), ["hang up".to_owned(), format!("retrying {attempt}")]);
        bench.wait();
        assert_eq!(bench.look(), NEXT_CALL);
    }
    bench.fail(FailureClass::Network);
    assert_eq!(bench.last().unwrap().error_message.as_deref(), Some("Network"));
    assert_eq!(bench.look(), ["hang up", "failed network"]);
}

/// A-7.2
#[test]
fn each_model_call_has_its_own_three_retries() {
    let mut bench = Bench::started();
    for round in 0..5 {
        for _ in 0..3 {
            bench.fail(FailureClass::Overloaded).wait();
        }
        bench
            .call_with(&format!("c{round}"), "exec", Ok(json!({ "n": round })))
            .done()
            .ended(&format!("c{round}"), "ok");
    }
    bench.say("ok").done();
    assert_eq!(bench.look().last().unwrap(), "completed \"ok\" stop");
}

/// A-7.2
#[test]
fn text_of_a_broken_attempt_is_replaced_by_the_next_one() {
    let mut bench = Bench::started();
    bench.say("Hello wor").fail(FailureClass::Network).wait();
    bench.look();
    bench.say("Hi").say(" you").done();
    let expected = ["replaced \"Hi\"", "text \" you\"", "hang up", "usage", "completed \"Hi you\" stop"];
    assert_eq!(bench.look(), expected);
}

/// A-7.2
#[test]
fn text_of_a_broken_attempt_is_wiped_when_the_next_one_has_none() {
    let mut bench = Bench::started();
    bench.say("Hello wor").fail(FailureClass::Network).wait();
    bench.call("a", "exec").done();
    assert!(bench.look().contains(&"replaced \"\"".to_owned()));
}

/// A-14.5
#[test]
fn what_cannot_get_better_is_shown_at_once() {
    for (class, kind) in [
        (FailureClass::Auth, "failed auth"),
        (FailureClass::Billing, "failed billing"),
        (FailureClass::Format, "failed format"),
        (FailureClass::Refusal, "failed refusal"),
    ] {
        let mut bench = Bench::started();
        bench.fail(class);
        assert_eq!(bench.look(), ["hang up", kind]);
    }
}

fn with_a_spare() -> Bench {
    let spare = Stand { provider: "q".into(), model: "n".into(), api: "test", price: None, idle: IDLE };
    let mut bench = Bench::with(|setup| setup.fallbacks = [spare].into());
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
    bench.look();
    bench
}

/// A-14.6
#[test]
fn another_model_takes_over_before_the_first_word_and_never_after_it() {
    let mut bench = with_a_spare();
    bench.fail(FailureClass::Billing);
    let expected = ["hang up", "retrying 1", "next model", "model", "call nudge=false squeeze=0"];
    assert_eq!(bench.look(), expected);
    bench.fail(FailureClass::Auth);
    let RunOutcome::Failed { message, provider, .. } = bench.outcome() else { panic!("{:?}", bench.outcome()) };
    assert_eq!(message, "every model failed: p/m: Billing; q/n: Auth");
    assert_eq!(provider.as_deref(), Some("q"));

    let mut bench = with_a_spare();
    bench.say("Hel").fail(FailureClass::Auth);
    assert_eq!(bench.look().last().unwrap(), "failed auth");
    for terminal in [FailureClass::Format, FailureClass::Refusal] {
        let mut bench = with_a_spare();
        bench.fail(terminal);
        assert!(bench.look().last().unwrap().starts_with("failed"), "{terminal:?}");
    }
}

/// A-12.5
#[test]
fn a_conversation_that_is_too_large_is_sent_smaller() {
    let mut bench = Bench::started();
    bench.fail(FailureClass::ContextOverflow);
    assert_eq!(bench.look(), ["hang up", "retrying 2", "model", "call nudge=false squeeze=1"]);
    bench.fail(FailureClass::ContextOverflow).fail(FailureClass::ContextOverflow);
    assert_eq!(bench.look().last().unwrap(), "failed context");
}

/// A-7.6
#[test]
fn a_silent_model_is_hung_up_on_and_every_byte_starts_the_clock_again() {
    let mut bench = Bench::started();
    assert_eq!(bench.machine.deadline(), Some(bench.begun + IDLE));
    bench.elapsed = Duration::from_secs(100);
    bench.feed(Event::Model(ModelEvent::Thinking("hm".into())));
    assert_eq!(bench.machine.deadline(), Some(bench.begun + bench.elapsed + IDLE));
    bench.look();
    bench.wait();
    assert_eq!(bench.look(), ["hang up", "retrying 2"]);
    for _ in 0..3 {
        bench.wait().wait();
    }
    assert_eq!(bench.look().last().unwrap(), "failed timeout");
}

/// A-7.6
#[test]
fn a_turn_that_runs_out_of_time_is_aborted_with_what_it_said() {
    let mut bench = Bench::with(|setup| setup.deadline = Some(Instant::now() + Duration::from_secs(10)));
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() }).say("Half").wait();
    assert_eq!(bench.last().unwrap().stop_reason, StopReason::Aborted);
    assert_eq!(bench.look().last().unwrap(), "aborted \"Half\" timeout");
}

/// A-7.6
#[test]
fn a_model_that_never_stops_talking_is_stopped_by_the_clock() {
    let mut bench = Bench::with(|setup| setup.deadline = Some(Instant::now() + Duration::from_secs(10)));
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() }).say("on");
    bench.elapsed = Duration::from_secs(11);
    bench.say(" and on");
    assert_eq!(bench.look().last().unwrap(), "aborted \"on\" timeout");
}

/// A-7.7
#[test]
fn an_abort_before_the_first_call_ends_the_turn() {
    let mut bench = Bench::new();
    bench.feed(Event::Abort(AbortReason::Rpc));
    assert_eq!(bench.look(), ["aborted \"\" rpc"]);
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
    assert!(bench.look().is_empty());
}

/// A-7.7
#[test]
fn an_abort_while_the_model_speaks_keeps_what_people_saw() {
    let mut bench = Bench::started();
    bench.say("I was abo").call("a", "exec").feed(Event::Abort(AbortReason::Stop));
    let last = bench.last().unwrap();
    assert_eq!((last.text().as_str(), last.stop_reason, last.content.len()), ("I was abo", StopReason::Aborted, 1));
    assert_eq!(bench.look(), ["text \"I was abo\"", "hang up", "aborted \"I was abo\" stop"]);
}

/// A-7.7, A-7.8
#[test]
fn an_abort_never_shows_what_was_held_back() {
    let mut bench = Bench::started();
    bench.say("NO_RE").feed(Event::Abort(AbortReason::Rpc));
    assert!(bench.last().is_none());
    assert_eq!(bench.look(), ["hang up", "aborted \"\" rpc"]);
}

/// A-7.7
#[test]
fn an_abort_while_waiting_to_retry_keeps_what_people_saw() {
    let mut bench = Bench::started();
    bench.say("Half a").fail(FailureClass::Network).feed(Event::Abort(AbortReason::Rpc));
    assert_eq!(bench.last().unwrap().text(), "Half a");
    assert_eq!(bench.look().last().unwrap(), "aborted \"Half a\" rpc");
}

/// A-7.7, A-4.5
#[test]
fn an_abort_while_tools_run_stops_them_and_every_call_gets_a_result() {
    let mut bench = Bench::started();
    bench.call("a", "exec").call("b", "exec").done();
    bench.look();
    bench.feed(Event::Abort(AbortReason::Rpc));
    assert_eq!(bench.look(), ["stop tools"]);
    bench.ended("a", "killed half way");
    let results = bench.results();
    assert_eq!((results[0].1.as_str(), results[0].2), ("killed half way", false));
    assert_eq!((results[1].1.as_str(), results[1].2), ("Not run: the turn was stopped first.", true));
    assert_eq!(bench.look(), ["ended a", "append result a", "append result b", "aborted \"\" rpc"]);
}

/// A-7.7
#[test]
fn a_tool_that_does_not_stop_is_given_up_on() {
    let mut bench = Bench::started();
    bench.call("a", "read").call("b", "read").done().ended("b", "B").feed(Event::Abort(AbortReason::Stop));
    assert_eq!(bench.machine.deadline(), Some(bench.begun + STOP_GRACE));
    bench.look();
    bench.wait();
    let results = bench.results();
    assert!(results[0].1.starts_with("Stopped before it ended") && results[1].1 == "B");
    assert_eq!(bench.look().last().unwrap(), "aborted \"\" stop");
}

/// A-19.2, A-19.3
#[test]
fn a_shutdown_leaves_the_turn_to_the_next_start() {
    let mut bench = Bench::started();
    bench.say("Half").feed(Event::Abort(AbortReason::Shutdown));
    assert_eq!(bench.look().last().unwrap(), "suspended");
    let mut bench = Bench::started();
    bench.call("a", "exec").done().feed(Event::Abort(AbortReason::Shutdown)).ended("a", "x");
    let words = bench.look();
    assert_eq!(words[words.len() - 2..], ["append result a", "suspended"]);
}

/// A-19.3
#[test]
fn a_resumed_turn_answers_what_is_open_and_goes_on() {
    let call = ToolCall { id: "x".into(), name: "exec".into(), arguments: json!({}) };
    let mut bench = Bench::new();
    bench.feed(Event::Start { attempt: 2, unanswered: vec![call] });
    assert!(bench.results()[0].2 && bench.results()[0].1.contains("may or may not have taken effect"));
    assert_eq!(bench.look(), [&["append result x"][..], &FIRST_CALL].concat());
}

/// A-19.3
#[test]
fn a_turn_is_resumed_three_times_and_then_given_up_visibly() {
    let mut bench = Bench::new();
    bench.feed(Event::Start { attempt: 1 + MAX_RESUMES, unanswered: Vec::new() });
    assert_eq!(bench.look(), FIRST_CALL);
    let mut bench = Bench::new();
    bench.feed(Event::Start { attempt: 2 + MAX_RESUMES, unanswered: Vec::new() });
    assert!(bench.last().unwrap().error_message.is_some());
    assert_eq!(bench.look(), ["failed internal"]);
}

/// A-7.8a
#[test]
fn silence_to_a_waiting_person_is_asked_about_once_more() {
    let mut bench = Bench::started();
    bench.say("NO_REPLY").done();
    assert_eq!(bench.look(), ["hang up", "usage", "model", "call nudge=true squeeze=0"]);
    bench.say("Sorry: yes.").done();
    assert_eq!(bench.look().last().unwrap(), "completed \"Sorry: yes.\" stop");
}

/// A-7.8, A-7.8a
#[test]
fn silence_is_kept_where_it_is_allowed() {
    let mut bench = Bench::with(|setup| setup.silence = Silence::Allowed);
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() }).say("NO_").say("REPLY").done();
    assert_eq!(bench.last().unwrap().text(), "NO_REPLY", "the transcript keeps what was said");
    assert_eq!(bench.look().last().unwrap(), "completed \"\" stop");
}

/// A-7.9
#[test]
fn a_person_gets_an_error_when_the_model_stays_silent() {
    let mut bench = Bench::started();
    bench.done().say("NO_REPLY").done();
    assert_eq!(bench.look().last().unwrap(), "failed internal");
}

/// A-7.9
#[test]
fn a_turn_that_ends_with_only_a_tool_error_says_so() {
    let mut bench = Bench::started();
    bench.call("a", "exec").done();
    bench.feed(Event::ToolEnded { id: "a".into(), output: ToolOutput::error("no such file\nand more") });
    bench.done().done();
    assert_eq!(bench.last().unwrap().text(), "`exec` failed: no such file");
    assert_eq!(bench.look().last().unwrap(), "completed \"`exec` failed: no such file\" stop");
}

/// A-7.9
#[test]
fn an_empty_end_after_spoken_words_is_an_end() {
    let mut bench = Bench::started();
    bench.say("I will write it.").call("a", "exec").done().ended("a", "ok").done();
    assert!(bench.last().is_none());
    assert_eq!(bench.look().last().unwrap(), "completed \"I will write it.\" stop");
}

/// A-7.5
#[test]
fn a_loop_is_pointed_out_at_ten_and_stopped_at_twenty() {
    let mut bench = Bench::started();
    for round in 1..20 {
        bench.call("c", "exec").done();
        let id = if round == 1 { "c".to_owned() } else { format!("c-{round}") };
        bench.ended(&id, "the same");
        let warned =
            bench.results().iter().any(|(_, text, _)| text.contains("has now given this same result 10 times"));
        assert_eq!(warned, round == 10, "round {round}");
        bench.look();
    }
    bench.call("c", "exec").done().ended("c-20", "the same");
    assert_eq!(bench.results().len(), 1, "the last result is kept");
    assert_eq!(bench.look().last().unwrap(), "failed internal");
}

/// A-4.4
#[test]
fn a_turn_that_cannot_write_any_more_ends_without_writing() {
    let mut bench = Bench::started();
    bench.call("a", "exec").done();
    bench.look();
    bench.feed(Event::StoreFailed("the run has ended".into()));
    assert_eq!(bench.look(), ["stop tools", "failed internal"]);
}

/// A-15.4
#[test]
fn usage_is_priced_per_call_and_summed_over_the_run() {
    let price = Price { input: 1.0, output: 2.0, cache_read: 0.0, cache_write: 0.0 };
    let mut bench = Bench::with(|setup| setup.price = Some(price));
    bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
    let usage = |input, output| Event::Model(ModelEvent::Usage(Usage { input, output, ..Usage::default() }));
    bench.feed(usage(1, 0)).feed(usage(1_000_000, 500_000)).call("a", "exec").done().ended("a", "ok");
    bench.feed(usage(2_000_000, 0)).say("ok").done();
    assert_eq!(bench.last().unwrap().usage.cost.unwrap().total, 2.0);
    let RunOutcome::Completed { usage, .. } = bench.outcome() else { panic!("{:?}", bench.outcome()) };
    assert_eq!((usage.input, usage.output, usage.total_tokens), (3_000_000, 500_000, 3_500_000));
    assert_eq!(usage.cost.unwrap().total, 4.0);
}

/// A-4.3
#[test]
fn an_answer_cut_at_its_limit_says_length() {
    let mut bench = Bench::started();
    bench.say("long").feed(Event::Model(ModelEvent::Done { stop: StopReason::Length, response_id: Some("r".into()) }));
    assert_eq!(bench.last().unwrap().response_id.as_deref(), Some("r"));
    assert_eq!(bench.look().last().unwrap(), "completed \"long\" length");
}

fn event() -> impl Strategy<Value = Event> {
    let ids = prop::sample::select(vec!["a", "b", "a-2", "b-2", "call"]);
    let tools = prop::sample::select(vec!["read", "exec", "nope"]);
    let classes = prop::sample::select(vec![FailureClass::Network, FailureClass::Auth, FailureClass::ContextOverflow]);
    let stops = prop::sample::select(vec![StopReason::Stop, StopReason::Length, StopReason::Error]);
    let reasons = prop::sample::select(vec![AbortReason::Rpc, AbortReason::Shutdown, AbortReason::Timeout]);
    let texts = prop::sample::select(vec!["", "NO_REPLY", "Hi", "HEART", "[[reply_to_current]]"]);
    prop_oneof![
        1 => (1u32..6).prop_map(|attempt| Event::Start { attempt, unanswered: Vec::new() }),
        8 => texts.prop_map(|text| Event::Model(ModelEvent::Text(text.into()))),
        6 => (ids.clone(), tools, any::<bool>()).prop_map(|(id, name, broken)| {
            let arguments = if broken { Err("{".into()) } else { Ok(json!({})) };
            Event::Model(ModelEvent::ToolCall { id: id.into(), name: name.into(), arguments })
        }),
        8 => stops.prop_map(|stop| Event::Model(ModelEvent::Done { stop, response_id: None })),
        3 => classes.prop_map(|class| {
            Event::ModelFailed(ProviderError { class, message: "no".into(), retry_after: None })
        }),
        10 => ids.prop_map(|id| Event::ToolEnded { id: id.into(), output: ToolOutput::text("x") }),
        6 => Just(Event::Tick),
        1 => reasons.prop_map(Event::Abort),
        1 => Just(Event::StoreFailed("full".into())),
    ]
}

proptest! {
    /// A-6.9: whatever happens in whatever order, a turn has at most one end, and nothing follows it; every tool that
    /// is started was asked for, and every call in the transcript has one result, in order, before the next answer.
    #[test]
    fn no_order_of_events_gives_two_ends(events in prop::collection::vec((event(), 0u64..200), 0..60)) {
        let mut bench = Bench::new();
        bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
        for (event, seconds) in events {
            bench.elapsed += Duration::from_secs(seconds);
            bench.feed(event);
        }
        prop_assert!(bench.ends <= 1);
        let end = bench.effects.iter().position(is_end);
        prop_assert!(end.is_none_or(|at| at == bench.effects.len() - 1), "something follows the end");
        prop_assert_eq!(end.is_some(), bench.machine.deadline().is_none());

        let mut open: Vec<String> = Vec::new();
        for message in bench.appended() {
            match message {
                Message::Assistant(message) => {
                    prop_assert!(open.is_empty(), "an answer came before {:?} had results", open);
                    open = message.tool_calls().map(|call| call.id.clone()).collect();
                }
                Message::ToolResult(result) => prop_assert_eq!(&open.remove(0), &result.tool_call_id),
                Message::User(_) => {}
            }
        }
    }

    /// A-6.9: left alone after anything, a turn always comes to its end by its own clock.
    #[test]
    fn a_turn_left_alone_always_ends(events in prop::collection::vec(event(), 0..40)) {
        let mut bench = Bench::new();
        bench.feed(Event::Start { attempt: 1, unanswered: Vec::new() });
        for event in events {
            bench.feed(event);
        }
        for _ in 0..40 {
            if bench.machine.deadline().is_none() {
                break;
            }
            bench.wait();
        }
        prop_assert_eq!(bench.ends, 1);
    }
}
