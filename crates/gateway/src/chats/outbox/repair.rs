//! What a failed call means for what is to be said (C-8.3, C-8.5). Pure.

use std::time::Duration;

use channels::{Part, SendError, Words};

/// The first pause before a call is made again, and the longest (C-8.4).
const FIRST_PAUSE: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a call that may be repeated is, when nobody knows whether it was made.
const BLIND_REPEATS: u32 = 3;

/// What to do about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// The same call after a pause: it certainly was not made, or may be made twice.
    Again(Duration),
    /// These calls instead; the failed one certainly was not made.
    Instead(Vec<Part>),
    /// The same call, not into the topic.
    WithoutThread,
    /// Once the account is another.
    OtherAccount,
    /// Nobody knows; it is not made again.
    Unsure,
    /// It does not matter.
    Skip,
    /// It cannot be made, for this reason.
    Fail(String),
}

/// What was tried for one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tried {
    pauses: u32,
    blind: u32,
    without_thread: bool,
}

impl Tried {
    /// What to do after `part` failed. `answer` says whether it is part of an answer, which is to arrive in one way or
    /// another; what somebody asked for call by call is made as it was asked for or not at all. `roll` is a number in
    /// `0.0..=1.0` for jitter.
    pub(super) fn next(&mut self, error: &SendError, part: &Part, answer: bool, roll: f64) -> Step {
        match error {
            SendError::Retry { after, .. } => Step::Again(self.pause(*after, roll)),
            SendError::Ambiguous(_) if part.is_repeatable() && self.blind < BLIND_REPEATS => {
                self.blind += 1;
                Step::Again(self.pause(None, roll))
            }
            SendError::Ambiguous(_) => Step::Unsure,
            SendError::Auth => Step::OtherAccount,
            SendError::ThreadGone if !self.without_thread => {
                self.without_thread = true;
                Step::WithoutThread
            }
            SendError::Format(_) => instead(without_markup(part), error),
            SendError::TooLong => instead(shorter(part), error),
            SendError::ReplyGone => instead(without_reply(part), error),
            _ if answer => otherwise(part, error),
            _ => Step::Fail(told(error)),
        }
    }

    fn pause(&mut self, after: Option<Duration>, roll: f64) -> Duration {
        let own = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.pauses.min(16))).min(LONGEST_PAUSE);
        self.pauses += 1;
        // A tenth of jitter, never earlier than the vendor wants.
        after.unwrap_or(own).mul_f64(1.0 + roll.clamp(0.0, 1.0) / 10.0)
    }
}

fn instead(parts: Option<Vec<Part>>, error: &SendError) -> Step {
    parts.map_or_else(|| Step::Fail(told(error)), Step::Instead)
}

/// An answer in another form (C-9.4, C-10.2).
fn otherwise(part: &Part, error: &SendError) -> Step {
    match part {
        // The message that showed it while it was made cannot be changed: the answer first, then that one goes.
        Part::Edit { message_id, words, buttons } => Step::Instead(vec![
            Part::Text { words: words.clone(), reply_to: None, buttons: buttons.clone(), silent: false },
            Part::Delete { message_id: message_id.clone() },
        ]),
        Part::Delete { .. } | Part::React { .. } | Part::Pin { .. } => Step::Skip,
        Part::Media { files, caption, reply_to, silent, .. } if !matches!(error, SendError::Forbidden(_)) => {
            let count = if files.len() == 1 { "A file".to_owned() } else { format!("{} files", files.len()) };
            let note = format!("({count} could not be sent: {error})");
            let said = caption.plain.as_deref().unwrap_or(&caption.text);
            let text = if said.is_empty() { note } else { format!("{said}\n\n{note}") };
            let words = Words { text, plain: None };
            Step::Instead(vec![Part::Text { words, reply_to: reply_to.clone(), buttons: Vec::new(), silent: *silent }])
        }
        _ => Step::Fail(told(error)),
    }
}

/// Why, with what mends it.
fn told(error: &SendError) -> String {
    match error {
        SendError::Forbidden(_) => {
            format!("{error}; the person must write to the account first, or let it in again")
        }
        SendError::NotFound(_) => format!("{error}; the chat's id may be wrong, or the account never saw it"),
        _ => error.to_string(),
    }
}

fn without_markup(part: &Part) -> Option<Vec<Part>> {
    let mut part = part.clone();
    let words = words_of(&mut part)?;
    *words = words.without_markup()?;
    Some(vec![part])
}

/// The same in two; the second follows the first.
fn shorter(part: &Part) -> Option<Vec<Part>> {
    let mut first = part.clone();
    if let Part::Media { caption, silent, .. } = &mut first {
        let words = std::mem::take(caption);
        let silent = *silent;
        let text = Part::Text { words, reply_to: None, buttons: Vec::new(), silent };
        return (!matches!(part, Part::Media { caption, .. } if caption.text.is_empty())).then(|| vec![first, text]);
    }
    let words = words_of(&mut first)?;
    let (half, rest) = words.halves()?;
    *words = half;
    let (buttons, silent) = match &mut first {
        Part::Text { buttons, silent, .. } => (std::mem::take(buttons), *silent),
        Part::Edit { buttons, .. } => (std::mem::take(buttons), false),
        _ => return None,
    };
    Some(vec![first, Part::Text { words: rest, reply_to: None, buttons, silent }])
}

fn without_reply(part: &Part) -> Option<Vec<Part>> {
    let mut part = part.clone();
    match &mut part {
        Part::Text { reply_to, .. } | Part::Media { reply_to, .. } => reply_to.take()?,
        _ => return None,
    };
    Some(vec![part])
}

fn words_of(part: &mut Part) -> Option<&mut Words> {
    match part {
        Part::Text { words, .. } | Part::Edit { words, .. } => Some(words),
        Part::Media { caption, .. } => Some(caption),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(said: &str) -> Part {
        let words = Words { text: format!("<b>{said}</b>"), plain: Some(said.into()) };
        Part::Text { words, reply_to: Some("1".into()), buttons: Vec::new(), silent: false }
    }

    fn next(error: &SendError, part: &Part) -> Step {
        Tried::default().next(error, part, true, 0.0)
    }

    /// C-8.3
    #[test]
    fn refused_markup_is_sent_once_without_it() {
        let error = SendError::Format("tag".into());
        let Step::Instead(parts) = next(&error, &text("a")) else { panic!() };
        let [Part::Text { words, reply_to, .. }] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!((words.text.as_str(), &words.plain, reply_to.as_deref()), ("a", &None, Some("1")));
        assert!(matches!(next(&error, &parts[0]), Step::Fail(_)));
    }

    /// C-8.3
    #[test]
    fn what_is_too_long_becomes_two_in_order() {
        let Step::Instead(parts) = next(&SendError::TooLong, &text("aaaa bbbb")) else { panic!() };
        let texts = parts.iter().map(|part| match part {
            Part::Text { words, reply_to, .. } => (words.text.as_str(), reply_to.as_deref()),
            other => panic!("{other:?}"),
        });
        assert_eq!(texts.collect::<Vec<_>>(), [("aaaa", Some("1")), ("bbbb", None)]);
        assert!(matches!(next(&SendError::TooLong, &text("a")), Step::Fail(_)));
    }

    /// C-8.3
    #[test]
    fn a_topic_or_question_that_is_gone_is_left_out_once() {
        let mut tried = Tried::default();
        assert_eq!(tried.next(&SendError::ThreadGone, &text("a"), true, 0.0), Step::WithoutThread);
        assert!(matches!(tried.next(&SendError::ThreadGone, &text("a"), true, 0.0), Step::Fail(_)));
        let Step::Instead(parts) = next(&SendError::ReplyGone, &text("a")) else { panic!() };
        assert!(matches!(&parts[0], Part::Text { reply_to: None, .. }));
        assert!(matches!(next(&SendError::ReplyGone, &parts[0]), Step::Fail(_)));
    }

    /// C-8.5
    #[test]
    fn what_may_have_arrived_is_repeated_only_where_that_does_no_harm() {
        let unknown = SendError::Ambiguous("silence".into());
        assert_eq!(next(&unknown, &text("a")), Step::Unsure);
        let edit = Part::Edit { message_id: "7".into(), words: Words::default(), buttons: Vec::new() };
        let mut tried = Tried::default();
        for _ in 0..BLIND_REPEATS {
            assert!(matches!(tried.next(&unknown, &edit, true, 0.0), Step::Again(_)));
        }
        assert_eq!(tried.next(&unknown, &edit, true, 0.0), Step::Unsure);
    }

    /// C-8.4
    #[test]
    fn pauses_are_the_vendors_or_grow_to_half_a_minute() {
        let mut tried = Tried::default();
        let told = SendError::Retry { after: Some(Duration::from_secs(2)), why: String::new() };
        assert_eq!(tried.next(&told, &text("a"), true, 0.0), Step::Again(Duration::from_secs(2)));
        let own = SendError::Retry { after: None, why: String::new() };
        let mut pauses = Vec::new();
        let mut tried = Tried::default();
        for _ in 0..10 {
            let Step::Again(pause) = tried.next(&own, &text("a"), true, 1.0) else { panic!() };
            pauses.push(pause.as_millis());
        }
        assert_eq!((pauses[0], pauses[1], pauses[9]), (440, 880, 33_000));
    }

    /// C-9.4, C-10.2
    #[test]
    fn an_answer_takes_another_form_and_a_single_call_does_not() {
        let gone = SendError::NotFound("message to edit not found".into());
        let edit = Part::Edit { message_id: "7".into(), words: Words::default(), buttons: Vec::new() };
        let Step::Instead(parts) = next(&gone, &edit) else { panic!() };
        assert!(matches!(parts.as_slice(), [Part::Text { .. }, Part::Delete { message_id }] if message_id == "7"));
        assert!(matches!(Tried::default().next(&gone, &edit, false, 0.0), Step::Fail(_)));
        assert_eq!(next(&gone, &parts[1]), Step::Skip);
        let media = Part::Media {
            files: Vec::new(),
            caption: Words { text: "<b>see</b>".into(), plain: Some("see".into()) },
            as_voice: true,
            reply_to: None,
            silent: false,
        };
        let refused = SendError::Permanent("VOICE_MESSAGES_FORBIDDEN".into());
        let Step::Instead(parts) = next(&refused, &media) else { panic!() };
        assert!(matches!(&parts[0], Part::Text { words, .. } if words.text.starts_with("see\n\n(")), "{parts:?}");
        let blocked = SendError::Forbidden("bot was blocked by the user".into());
        assert!(matches!(next(&blocked, &media), Step::Fail(why) if why.contains("write to the account")));
    }
}
