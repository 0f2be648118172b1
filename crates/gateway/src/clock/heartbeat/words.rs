//! What a heartbeat asks, and which of its answers are worth telling; pure.

use agent::run::RunOutcome;

use super::super::runs::Ended;

/// Chats hide what begins so.
const MARK: &str = "[OpenClaw heartbeat";
const LOOK: &str = "Read HEARTBEAT.md in your workspace, if it is there, and do what is due in it. Do not take up old \
    tasks of this conversation again. If nothing needs your user's attention, answer NO_REPLY.";

/// What the agent is asked; `woken` says why it is asked out of turn.
pub(super) fn prompt(own: Option<&str>, woken: Option<&str>) -> String {
    match woken {
        Some(why) => format!(
            "{MARK}: woken by {why}; see \"Since the last turn\". Tell your user what matters to them and do what they \
             planned for this. If nothing does, answer NO_REPLY.]"
        ),
        None => format!("{MARK}]\n{}", own.unwrap_or(LOOK)),
    }
}

/// Whether `HEARTBEAT.md` holds nothing to do: blanks, headings, comments and empty list items.
pub(super) fn is_empty(text: &str) -> bool {
    let mut comment = false;
    text.lines().map(str::trim).all(|line| {
        if comment || line.starts_with("<!--") {
            comment = !line.contains("-->");
            return true;
        }
        let heading = line.starts_with('#');
        let item = matches!(line, "-" | "*" | "+" | "- [ ]" | "* [ ]" | "+ [ ]");
        line.is_empty() || heading || item || line.starts_with("```")
    })
}

/// A span of time as people write it.
pub(super) fn span(ms: u64) -> String {
    match ms {
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

/// What is worth telling of an answer: more than `ack_max` characters beside an acknowledgement, or any without one.
pub(super) fn worth_telling(ended: &Ended, ack_max: usize) -> Option<String> {
    let text = ended.summary.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
    let outcome = ended.input.as_ref().and_then(|input| RunOutcome::from_value(input.outcome.as_ref()?));
    let acknowledged = matches!(&outcome, Some(RunOutcome::Completed { directives, .. }) if directives.acknowledged);
    (!acknowledged || text.chars().count() > ack_max).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-17.2
    #[test]
    fn a_file_of_headings_and_comments_holds_nothing_to_do() {
        for empty in ["", " \n\n", "# HEARTBEAT\n\n- \n", "<!-- what\nto do -->\n# x", "```\n```\n- [ ]"] {
            assert!(is_empty(empty), "{empty:?}");
        }
        for full in ["look at the mail", "# x\n- mail", "<!-- a -->\nmail"] {
            assert!(!is_empty(full), "{full:?}");
        }
    }

    /// A-17.1
    #[test]
    fn what_is_asked_is_hidden_in_chats() {
        for asked in [prompt(None, None), prompt(Some("own"), None), prompt(None, Some("wake"))] {
            assert!(asked.starts_with("[OpenClaw heartbeat"), "{asked}");
        }
        assert!(prompt(Some("own"), None).ends_with("own"));
    }
}
