//! From what the model writes to what a person sees, while it is still being written.
//!
//! Three things in a model's text are signals, not words: the whole answer `NO_REPLY` (stay silent), `HEARTBEAT_OK` at
//! either end (nothing to report), and `[[reply_to_current]]`, `[[reply_to:<id>]]`, `[[audio_as_voice]]` anywhere. A
//! [`Shaper`] takes the deltas as they come and lets a piece of text go only when it can no longer become a signal, so
//! that nobody ever sees half of one. What comes out does not depend on how the text was cut into deltas.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

const SILENCE: &str = "NO_REPLY";
const HEARTBEAT: &str = "HEARTBEAT_OK";
/// Longest `[[…]]` that is still held back in the hope of a closing bracket; ids of messages are far shorter.
const DIRECTIVE_MAX: usize = 160;

/// What the model asked of whoever delivers the reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Directives {
    /// Answer as a reply to one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// Send an attached sound as a voice note.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub voice: bool,
    /// Pictures and films that the run's own tools made; they go along with the reply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<PathBuf>,
    /// The text came with `HEARTBEAT_OK`: nothing that cannot wait.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acknowledged: bool,
}

/// Which message a reply answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplyTo {
    /// The one that started the turn.
    Current,
    /// This one.
    Id(String),
}

/// Whether the model said anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoke {
    /// There is visible text.
    Aloud,
    /// It chose silence: `NO_REPLY`, or nothing besides `HEARTBEAT_OK`.
    Silence,
    /// It wrote nothing at all.
    Nothing,
}

/// Lets visible text through as soon as it is certain.
#[derive(Debug, Clone, Default)]
pub struct Shaper {
    /// Written but not decided.
    held: String,
    visible: bool,
    acknowledged: bool,
    directives: Directives,
}

impl Shaper {
    /// Takes the next piece of the model's text; returns what became visible by it, often nothing.
    pub fn push(&mut self, delta: &str) -> String {
        self.held.push_str(delta);
        let mut out = String::new();
        while let Some(ready) = self.next_certain() {
            out.push_str(&ready);
        }
        out
    }

    /// The text has ended: returns the rest of the visible text and how it stands.
    pub fn finish(mut self) -> (String, Spoke, Directives) {
        let mut rest = if self.visible { self.held.as_str() } else { self.held.trim_start() };
        if !self.visible && rest.trim_end().eq_ignore_ascii_case(SILENCE) {
            return (String::new(), Spoke::Silence, self.directives);
        }
        rest = rest.trim_end();
        if let Some(before) = rest.strip_suffix(HEARTBEAT)
            && ends_at_word_start(before, self.visible)
        {
            rest = before.trim_end();
            self.acknowledged = true;
        }
        let spoke = match (self.visible || !rest.is_empty(), self.acknowledged) {
            (true, _) => Spoke::Aloud,
            (false, true) => Spoke::Silence,
            (false, false) => Spoke::Nothing,
        };
        let directives = Directives { acknowledged: self.acknowledged, ..self.directives };
        (rest.to_owned(), spoke, directives)
    }

    /// One step: strips a signal at the front, or releases text up to the next thing that may become one.
    fn next_certain(&mut self) -> Option<String> {
        if !self.visible && !self.strip_front() {
            return None;
        }
        let (end, directive) = self.first_bracket();
        if let Some((length, directive)) = directive {
            let before = self.held[..end].to_owned();
            self.held.drain(..end + length);
            directive.note_in(&mut self.directives);
            // Spaces before a directive may turn out to be trailing ones, so they stay with the rest.
            let kept = before.trim_end().len();
            self.held.insert_str(0, &before[kept..]);
            return Some(self.release(before[..kept].to_owned()));
        }
        let end = certain_end(&self.held[..end], self.visible);
        (end > 0).then(|| {
            let ready = self.held.drain(..end).collect();
            self.release(ready)
        })
    }

    fn release(&mut self, ready: String) -> String {
        self.visible |= !ready.is_empty();
        ready
    }

    /// Before anything is visible: drops blanks and `HEARTBEAT_OK`; `false` while the front is undecided.
    fn strip_front(&mut self) -> bool {
        loop {
            let blanks = self.held.len() - self.held.trim_start().len();
            self.held.drain(..blanks);
            let written = self.held.trim_end();
            if written.is_empty() || is_prefix_ignoring_case(written, SILENCE) || HEARTBEAT.starts_with(written) {
                return false;
            }
            let Some(after) = self.held.strip_prefix(HEARTBEAT) else { return true };
            if after.starts_with(is_word) {
                return true;
            }
            self.acknowledged = true;
            self.held.drain(..HEARTBEAT.len());
        }
    }

    /// Where the first bracket is that is, or may become, a directive (or the end of the text), and its length and
    /// meaning when it is complete.
    fn first_bracket(&self) -> (usize, Option<(usize, Directive)>) {
        let mut from = 0;
        while let Some(found) = self.held[from..].find("[[") {
            let start = from + found;
            let inside = &self.held[start + 2..];
            match inside.find("]]") {
                Some(close) => {
                    if let Some(directive) = Directive::parse(&inside[..close]) {
                        return (start, Some((close + 4, directive)));
                    }
                }
                None if Directive::may_begin(inside) => return (start, None),
                None => {}
            }
            from = start + 1;
        }
        let open = self.held.ends_with('[') && !self.held[..self.held.len() - 1].ends_with("[[");
        (self.held.len() - usize::from(open), None)
    }
}

/// A complete `[[…]]` that means something.
enum Directive {
    Reply(ReplyTo),
    Voice,
}

impl Directive {
    fn parse(inside: &str) -> Option<Self> {
        let inside = inside.trim();
        if inside.len() > DIRECTIVE_MAX {
            return None;
        }
        match inside.to_ascii_lowercase().as_str() {
            "reply_to_current" => return Some(Self::Reply(ReplyTo::Current)),
            "audio_as_voice" => return Some(Self::Voice),
            _ => {}
        }
        let (name, id) = inside.split_once(':')?;
        let id = id.trim();
        let fits = name.trim().eq_ignore_ascii_case("reply_to") && !id.is_empty() && !id.contains(['[', ']', '\n']);
        fits.then(|| Self::Reply(ReplyTo::Id(id.to_owned())))
    }

    /// Whether `inside`, the text after `[[` so far, can still become a directive.
    fn may_begin(inside: &str) -> bool {
        let inside = inside.trim_start().to_ascii_lowercase();
        let name = inside.trim_end_matches(']').trim_end();
        let begins_a_name =
            ["reply_to_current", "audio_as_voice", "reply_to:"].iter().any(|known| known.starts_with(name));
        let names_an_id = name.strip_prefix("reply_to").is_some_and(|id| id.trim_start().starts_with(':'));
        inside.len() <= DIRECTIVE_MAX && (begins_a_name || names_an_id) && !inside.contains('\n')
    }

    fn note_in(self, directives: &mut Directives) {
        match self {
            Self::Reply(reply_to) => directives.reply_to = Some(reply_to),
            Self::Voice => directives.voice = true,
        }
    }
}

/// How much of `text` is certain: not the blanks at its end, nor a beginning of `HEARTBEAT_OK` there.
fn certain_end(text: &str, visible: bool) -> usize {
    let trimmed = text.trim_end();
    let longest = HEARTBEAT.len().min(trimmed.len());
    let beginning = (1..=longest).rev().find(|&length| {
        trimmed.ends_with(&HEARTBEAT[..length])
            // Blanks after half a token mean that it will never be whole.
            && (length == HEARTBEAT.len() || trimmed.len() == text.len())
            && ends_at_word_start(&trimmed[..trimmed.len() - length], visible)
    });
    trimmed[..trimmed.len() - beginning.unwrap_or(0)].trim_end().len()
}

fn ends_at_word_start(before: &str, visible: bool) -> bool {
    match before.chars().next_back() {
        Some(last) => !is_word(last),
        // Visible text never ends in a blank here (those are held), so a token straight after it is part of a word.
        None => !visible,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_prefix_ignoring_case(text: &str, whole: &str) -> bool {
    whole.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
}
