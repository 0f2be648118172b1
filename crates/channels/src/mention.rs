//! Whether a message of a group is meant for us (C-6.1).

use regex::{Regex, RegexBuilder};

use crate::{ChatKind, Event};

/// Compiled patterns take at most this much memory, so that no config can eat all of it.
const PATTERN_MAX_BYTES: usize = 1 << 20;

/// What counts as being spoken to, beside the channel's own means.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Vec<Regex>);

impl Patterns {
    /// From what the config has. One that is no pattern is left out and named in the second.
    pub fn new<'a>(written: impl IntoIterator<Item = &'a str>) -> (Self, Vec<String>) {
        let (mut patterns, mut wrong) = (Vec::new(), Vec::new());
        for text in written {
            match RegexBuilder::new(text).case_insensitive(true).size_limit(PATTERN_MAX_BYTES).build() {
                Ok(pattern) => patterns.push(pattern),
                Err(_) => wrong.push(text.to_owned()),
            }
        }
        (Self(patterns), wrong)
    }

    /// An agent's own name, when the config has no pattern.
    pub fn of_name(name: &str) -> Self {
        let name = regex::escape(name.trim());
        let whole = (!name.is_empty()).then(|| format!(r"(?:^|\W)@?{name}(?:\W|$)"));
        Self::new(whole.as_deref()).0
    }

    fn fit(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(text))
    }
}

/// Whether `event` speaks to us by name, by a reply or as a command of ours.
pub fn mentions_us(event: &Event, patterns: &Patterns) -> bool {
    event.chat.kind == ChatKind::Direct || event.mentions_us || patterns.fit(&event.text)
}

/// Whether a message has to speak to us: what `/activation` said comes first, then the place's config, then yes.
pub fn must_mention(activation: Option<&str>, configured: Option<bool>) -> bool {
    match activation {
        Some("always") => false,
        Some("mention") => true,
        _ => configured.unwrap_or(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chat;

    fn said(kind: ChatKind, text: &str, mentions_us: bool) -> Event {
        let chat = Chat { kind, ..Chat::default() };
        Event { chat, text: text.into(), mentions_us, ..Event::default() }
    }

    /// C-6.1
    #[test]
    fn what_speaks_to_us() {
        let (patterns, wrong) = Patterns::new(["\\bclaw\\b", "(", "hey[, ]+bot"]);
        assert_eq!(wrong, ["("]);
        let named = Patterns::of_name("Ada (1)");
        for (event, patterns, ours) in [
            (said(ChatKind::Direct, "anything", false), &patterns, true),
            (said(ChatKind::Group, "anything", false), &patterns, false),
            (said(ChatKind::Group, "anything", true), &patterns, true),
            (said(ChatKind::Group, "well, CLAW?", false), &patterns, true),
            (said(ChatKind::Group, "clawed", false), &patterns, false),
            (said(ChatKind::Group, "Hey,  bot", false), &patterns, true),
            (said(ChatKind::Group, "@ada (1), look", false), &named, true),
            (said(ChatKind::Group, "Adaptable", false), &named, false),
        ] {
            assert_eq!(mentions_us(&event, patterns), ours, "{:?}", event.text);
        }
    }

    /// C-6.1
    #[test]
    fn activation_outranks_the_config() {
        assert!(must_mention(None, None));
        assert!(!must_mention(None, Some(false)));
        assert!(must_mention(Some("mention"), Some(false)));
        assert!(!must_mention(Some("always"), Some(true)));
    }
}
