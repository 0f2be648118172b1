//! When a preview is changed, and to what (C-9.1, C-9.5). Pure.

use std::time::{Duration, Instant};

use channels::Streaming;

use super::super::reply::media;

/// Between two calls for one preview.
const BETWEEN: Duration = Duration::from_secs(1);
/// How long the first words are held, so that a short answer is sent once and never edited.
const FIRST_HELD: Duration = Duration::from_millis(300);

/// What a line about work says.
const WORKING: &str = "**Working…**";

/// When the next call may be made.
#[derive(Debug, Default)]
pub(super) struct Cadence {
    written: Option<Instant>,
    not_before: Option<Instant>,
}

impl Cadence {
    /// Whether something that is there to be shown may be shown now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let written = *self.written.get_or_insert(now);
        now >= written + FIRST_HELD && self.not_before.is_none_or(|then| now >= then)
    }

    /// A call was made; the vendor may want a longer pause.
    pub(super) fn called(&mut self, now: Instant, wants: Option<Duration>) {
        self.not_before = Some(now + wants.unwrap_or(BETWEEN).max(BETWEEN));
    }
}

/// What there is to show, in Markdown: of `text`, the answer so far, and `tool`, which is at work.
pub(super) fn wanted(mode: Streaming, text: &str, tool: Option<&str>) -> Option<String> {
    let shown = match mode {
        Streaming::Off => return None,
        Streaming::Progress => return tool.map(|_| WORKING.to_owned()),
        Streaming::Partial => media::shown(text),
        Streaming::Block => {
            let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
            // Half a block of code is no paragraph.
            let whole = if whole.matches("```").count() % 2 == 1 { "" } else { whole };
            media::shown(whole)
        }
    };
    Some(shown).filter(|shown| !shown.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-9.1a
    #[test]
    fn first_words_are_held_a_moment_and_edits_are_a_second_apart() {
        let (mut cadence, start) = (Cadence::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!cadence.is_due(at(0)));
        assert!(cadence.is_due(at(300)));
        cadence.called(at(300), None);
        assert!(!cadence.is_due(at(1200)));
        assert!(cadence.is_due(at(1300)));
        cadence.called(at(1300), Some(Duration::from_secs(5)));
        assert!(!cadence.is_due(at(6200)));
        assert!(cadence.is_due(at(6300)));
    }

    /// C-9.1, C-9.5
    #[test]
    fn each_mode_shows_its_part() {
        let wanted = |mode, text, tool| wanted(mode, text, tool);
        assert_eq!(wanted(Streaming::Off, "a", None), None);
        assert_eq!(wanted(Streaming::Partial, "a\n\nb", None).as_deref(), Some("a\n\nb"));
        assert_eq!(wanted(Streaming::Partial, "a\nMEDIA:/x", None).as_deref(), Some("a"));
        assert_eq!(wanted(Streaming::Partial, " ", None), None);
        assert_eq!(wanted(Streaming::Block, "a\n\nb", None).as_deref(), Some("a"));
        assert_eq!(wanted(Streaming::Block, "```\na\n\nb", None), None);
        assert_eq!(wanted(Streaming::Progress, "a", None), None);
        assert_eq!(wanted(Streaming::Progress, "a", Some("exec")).as_deref(), Some(WORKING));
    }
}
