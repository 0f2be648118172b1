//! A message that is a command: answered without a model, but with an outcome and a `chat` final like any other.

use store::{Finish, Input, NewEntry, RunStatus};
use wire::events::chat::{ChatEvent, ChatMessage, ChatState};
use wire::message::{Block, Message, StopReason};

use crate::lanes::outcome;
use crate::rpc::Cx;
use crate::slash::{self, Answer, Asker, Command};

/// Carries a command out, keeps its outcome and tells clients.
pub(crate) async fn typed(cx: &Cx, input: &Input, command: &Command) {
    let answer = match slash::answer(&Asker::client(cx), &input.session, command).await {
        Ok(answer) => answer,
        Err(error) => Answer { text: error.message, keep: false },
    };
    let now = base::now_ms();
    // Beside a run that is under way the words would come between a tool call and its result.
    let keep = answer.keep && cx.lanes.runs().of(&input.session).is_empty();
    let note = outcome::note(vec![Block::text(answer.text.as_str())], StopReason::Stop, None, now);
    let last = keep.then(|| NewEntry::message(Message::Assistant(note)));
    let finish = Finish { last, ..Finish::new(RunStatus::Done, outcome::without_model(&answer.text).to_value()) };
    match cx.store.finish_input(&input.run_id, finish).await {
        Ok(Some(entry)) => cx.news.saved(&input.session, &entry).await,
        Ok(None) => {}
        Err(error) => tracing::error!(run = %input.run_id, %error, "a command's answer could not be stored"),
    }
    cx.news.chat(&ChatEvent {
        run_id: input.run_id.clone(),
        session_key: input.session.clone(),
        agent_id: input.session.agent(),
        seq: 1,
        state: ChatState::Final {
            stop_reason: Some("stop".into()),
            message: Some(ChatMessage::assistant(answer.text, now)),
        },
    });
    cx.news.changed(&input.session, "agent.input.settled", Some(&input.run_id)).await;
}
