//! A question in the chat of the session that asks, for clients that know nothing of approvals (W-3.17, N-12.17).

use wire::events::chat::{ChatEvent, ChatMessage, ChatState};
use wire::{SessionKey, events};

use super::legible;
use super::question::Question;
use crate::hub::Hub;

/// Characters of a command that a chat shows.
const SHOWN_CHARS: usize = 1500;

/// Puts the question into its session's chat. It is news, not conversation: the transcript does not keep it, since a run
/// is in the middle of its turn (A-4.5) and what waits can be listed.
pub(super) fn post(hub: &Hub, question: &Question, session: &SessionKey) {
    hub.broadcast(
        &events::CHAT,
        &ChatEvent {
            run_id: format!("approval-{}", question.id),
            agent_id: session.agent(),
            session_key: session.clone(),
            seq: 0,
            state: ChatState::Final {
                stop_reason: Some("stop".into()),
                message: Some(ChatMessage::assistant(words(question), question.created_at_ms)),
            },
        },
    );
}

pub(super) fn words(question: &Question) -> String {
    let request = |name: &str| question.request[name].as_str().filter(|text| !text.is_empty()).map(legible::line);
    let mut lines = vec!["Approval required.".to_owned(), fenced(question.command())];
    if let Some(warning) = request("warningText") {
        lines.push(format!("Warning: {warning}"));
    }
    let places = [("Folder", "cwd"), ("Node", "nodeId"), ("Agent", "agentId")];
    lines.extend(places.iter().filter_map(|(label, name)| Some(format!("{label}: {}", request(name)?))));
    lines.push(format!("It expires in {}.", span(question.expires_at_ms - question.created_at_ms)));
    lines.push("Reply with one of:".to_owned());
    let id = &question.id;
    lines.extend(question.allowed.iter().map(|decision| format!("/approve {id} {}", decision.as_str())));
    lines.join("\n")
}

/// The command between fences it cannot close; one that is too long says so, since the end may be what matters.
fn fenced(command: &str) -> String {
    let all = command.chars().count();
    let shown: String = command.chars().take(SHOWN_CHARS).collect();
    let ticks = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0).max(2) + 1;
    let fence = "`".repeat(ticks);
    let rest = match all.saturating_sub(SHOWN_CHARS) {
        0 => String::new(),
        more => format!("\n({more} more characters are not shown here; `openclaw approvals pending` shows all)"),
    };
    format!("{fence}\n{shown}\n{fence}{rest}")
}

/// `30m`, `45s`, `2h`.
fn span(ms: i64) -> String {
    match ms.max(0) / 1000 {
        seconds @ 0..60 => format!("{}s", seconds.max(1)),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds => format!("{}m", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_cannot_leave_its_fence_and_what_is_cut_off_is_told() {
        assert_eq!(fenced("ls"), "```\nls\n```");
        assert_eq!(fenced("a ```` b"), "`````\na ```` b\n`````");
        assert!(fenced(&"x".repeat(SHOWN_CHARS + 7)).ends_with(
            "```\n(7 more characters are not shown here; \
            `openclaw approvals pending` shows all)"
        ));
    }

    #[test]
    fn spans_are_short() {
        let said = [(500, "1s"), (45_000, "45s"), (1_800_000, "30m"), (7_200_000, "2h"), (5_400_000, "90m")];
        assert!(said.iter().all(|(ms, text)| span(*ms) == *text));
    }
}
