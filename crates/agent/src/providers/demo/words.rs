//! What the offline model says. Warm, short, and never more than it knows.

use wire::message::{ToolCall, ToolResultMessage, text_of};

use super::Intent;

/// Longest piece of a tool's output that is repeated.
const SHOWN_LINES: usize = 40;
const SHOWN_CHARS: usize = 3_000;

const ABOUT: &str = "I'm the small offline model that comes with this Gateway. No language model is connected yet, so I \
can't hold a conversation, but I can show you that everything else works. Try one of these:\n\n\
- what time is it?\n\
- list the workspace\n\
- read AGENTS.md\n\
- run `uname -a`\n\n";

const ADD_A_MODEL: &str = "To connect a real model, start Ollama, LM Studio or llama.cpp on this machine; the Gateway \
notices within a minute. Or give it a key: stop it with Ctrl-C, `export ANTHROPIC_API_KEY=…` (or OPENAI_API_KEY, \
GEMINI_API_KEY, OPENROUTER_API_KEY), and start it again with `make run` or `openclaw gateway run`. \
`openclaw models list` shows what was found.";

/// An answer that takes no tool.
pub(super) fn talk(intent: &Intent, with_picture: bool) -> String {
    match intent {
        Intent::Heartbeat => "HEARTBEAT_OK".into(),
        Intent::Thanks => "You're welcome! I'm here if you want to try something else.".into(),
        _ if with_picture => format!("Thank you for the picture! I can't see it, I'm afraid.\n\n{ABOUT}{ADD_A_MODEL}"),
        Intent::Hello => format!("Hello, and welcome! {ABOUT}{ADD_A_MODEL}"),
        _ => format!("I got your message, but I can't understand it. {ABOUT}{ADD_A_MODEL}"),
    }
}

/// The wish was clear, but the tool for it is not there.
pub(super) fn without_tool(tool: &str) -> String {
    format!("I understood what you'd like, but the tool for it, `{tool}`, is not available to me in this session.")
}

/// What a tool gave back.
pub(super) fn result(call: Option<&ToolCall>, result: &ToolResultMessage) -> String {
    let text = text_of(&result.content);
    let output = text.trim();
    let asked = |key: &str| call.and_then(|call| call.arguments[key].as_str()).unwrap_or_default().to_owned();
    let (command, path) = (asked("command"), asked("path"));
    if result.is_error {
        return format!("That didn't work, sorry. This is what came back:\n\n{}", fenced(output));
    }
    match (result.tool_name.as_str(), command.as_str()) {
        ("exec", "date") if !output.contains('\n') => format!("On this machine it is now {output}."),
        ("exec", "ls") if output.is_empty() || output == "(no output)" => "The workspace is empty.".into(),
        ("exec", "ls") => format!("This is in the workspace:\n\n{}", fenced(output)),
        ("exec", command) => format!("I ran `{command}`, and it answered:\n\n{}", fenced(output)),
        ("read", _) if output.is_empty() => format!("`{path}` is empty."),
        ("read", _) => format!("`{path}` says:\n\n{}", fenced(output)),
        (tool, _) => format!("`{tool}` answered:\n\n{}", fenced(output)),
    }
}

/// `text` as a block, shortened when long, inside a fence longer than any in it.
fn fenced(text: &str) -> String {
    let text = if text.is_empty() { "(nothing)" } else { text };
    let all: Vec<&str> = text.lines().collect();
    let shown = all[..all.len().min(SHOWN_LINES)].join("\n");
    let cut: String = shown.chars().take(SHOWN_CHARS).collect();
    let rest = all.len().saturating_sub(SHOWN_LINES);
    let more = match (rest, cut.len() < shown.len()) {
        (0, false) => String::new(),
        (0, true) => "\n\n(and more that I left out)".into(),
        (rest, _) => format!("\n\n(and {rest} more lines)"),
    };
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{cut}\n{fence}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_is_shortened_and_cannot_break_its_fence() {
        let shown = fenced(&"line\n".repeat(100));
        assert!(shown.ends_with("(and 60 more lines)"), "{shown}");
        assert!(fenced("a\n```\nb").starts_with("````\n"));
        assert!(fenced(&"x".repeat(5_000)).ends_with("(and more that I left out)"));
    }
}
