//! The words of a reply. Pure.

use std::path::PathBuf;

use agent::run::RunOutcome;
use agent::run::reply::{Directives, ReplyTo as Wanted};
use channels::{ErrorPolicy, ReplyTo, Say};

use super::media;

/// What a model writes to say nothing.
const SILENCE: &str = "NO_REPLY";
/// Stands for an answer that has neither words nor files, where one is owed.
const NOTHING: &str = "(I have nothing to add.)";
const TOO_LONG: &str = "⚠️ This took too long and was stopped.";
const STOPPED: &str = "⏹ Stopped.";

/// What a reply must fit.
pub(super) struct Setting<'a> {
    /// Whether it may be nothing.
    pub(super) may_be_silent: bool,
    /// Whether errors are told (C-11.1).
    pub(super) errors: ErrorPolicy,
    /// Which messages reply to the question.
    pub(super) reply_to: ReplyTo,
    /// The question's message.
    pub(super) question: Option<&'a str>,
}

/// A reply without its files.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shaped {
    pub(super) say: Option<Say>,
    /// Files the text names.
    pub(super) named: Vec<String>,
    /// Files the run's own tools made.
    pub(super) made: Vec<PathBuf>,
    /// The error it tells of.
    pub(super) error: Option<String>,
    /// Whether what people saw already stays.
    pub(super) stays: bool,
}

/// What is said of a run that ended like this.
pub(super) fn shape(outcome: &RunOutcome, setting: &Setting<'_>) -> Shaped {
    match outcome {
        RunOutcome::Completed { text, directives, .. } => completed(text, directives, setting),
        RunOutcome::Failed { message, .. } => {
            let told = (setting.errors != ErrorPolicy::Silent).then(|| format!("⚠️ {message}"));
            let say = told.map(|text| say(text, &Directives::default(), setting));
            Shaped { error: say.is_some().then(|| message.clone()), say, stays: true, ..Shaped::default() }
        }
        RunOutcome::Aborted { partial, reason } => aborted(partial, reason, setting),
    }
}

fn completed(text: &str, directives: &Directives, setting: &Setting<'_>) -> Shaped {
    let (text, named) = media::without_lines(text);
    let silent = text.trim().is_empty() || text.trim().eq_ignore_ascii_case(SILENCE);
    let text = match (silent, named.is_empty() && directives.media.is_empty()) {
        (true, true) if setting.may_be_silent || text.trim().is_empty() => return Shaped::default(),
        (true, true) => NOTHING.to_owned(),
        (true, false) => String::new(),
        (false, _) => text,
    };
    Shaped {
        say: Some(say(text, directives, setting)),
        named,
        made: directives.media.clone(),
        error: None,
        stays: false,
    }
}

/// What was said before stays; who stopped it here was told so already (C-10.6).
fn aborted(partial: &str, reason: &str, setting: &Setting<'_>) -> Shaped {
    let own = |text: String| Some(say(text, &Directives::default(), setting));
    match reason {
        "timeout" if partial.trim().is_empty() => Shaped { say: own(TOO_LONG.into()), ..Shaped::default() },
        "timeout" => {
            let (partial, _) = media::without_lines(partial);
            Shaped { say: own(format!("{}\n\n{TOO_LONG}", partial.trim_end())), ..Shaped::default() }
        }
        "rpc" => Shaped { say: own(STOPPED.into()), stays: true, ..Shaped::default() },
        _ => Shaped { stays: true, ..Shaped::default() },
    }
}

fn say(text: String, directives: &Directives, setting: &Setting<'_>) -> Say {
    let question = setting.question.map(str::to_owned);
    let reply_to = match &directives.reply_to {
        Some(Wanted::Current) => question,
        Some(Wanted::Id(id)) => Some(id.clone()),
        None => question.filter(|_| setting.reply_to != ReplyTo::Off),
    };
    Say { text, as_voice: directives.voice, reply_to, ..Say::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::message::Usage;

    const DIRECT: Setting<'static> =
        Setting { may_be_silent: false, errors: ErrorPolicy::Always, reply_to: ReplyTo::Off, question: Some("5") };

    fn done(text: &str, directives: Directives) -> RunOutcome {
        let (provider, model) = (String::new(), String::new());
        let usage = Usage::default();
        RunOutcome::Completed { text: text.into(), stop_reason: "stop", usage, provider, model, directives }
    }

    fn said(outcome: &RunOutcome, setting: &Setting<'_>) -> Option<(String, Option<String>)> {
        shape(outcome, setting).say.map(|say| (say.text, say.reply_to))
    }

    /// A-7.8a
    #[test]
    fn silence_is_kept_only_where_it_is_allowed() {
        let group = Setting { may_be_silent: true, ..DIRECT };
        assert_eq!(said(&done("", Directives::default()), &group), None);
        assert_eq!(said(&done(" no_reply\n", Directives::default()), &group), None);
        assert_eq!(said(&done("NO_REPLY", Directives::default()), &DIRECT), Some((NOTHING.into(), None)));
        assert_eq!(said(&done("NO_REPLY needed", Directives::default()), &group).unwrap().0, "NO_REPLY needed");
    }

    /// C-8.7
    #[test]
    fn what_is_replied_to_is_the_models_word_or_the_accounts() {
        let first = Setting { reply_to: ReplyTo::First, ..DIRECT };
        let asks = |reply_to| Directives { reply_to: Some(reply_to), ..Directives::default() };
        let to = |directives, setting| said(&done("a", directives), setting).unwrap().1;
        assert_eq!(to(Directives::default(), &DIRECT), None);
        assert_eq!(to(Directives::default(), &first).as_deref(), Some("5"));
        assert_eq!(to(asks(Wanted::Current), &DIRECT).as_deref(), Some("5"));
        assert_eq!(to(asks(Wanted::Id("9".into())), &first).as_deref(), Some("9"));
        assert!(shape(&done("a", Directives { voice: true, ..Directives::default() }), &DIRECT).say.unwrap().as_voice);
    }

    ///
    #[test]
    fn files_are_taken_out_of_the_text_and_may_be_all_there_is() {
        let made = Directives { media: vec!["/w/media/a.jpg".into()], ..Directives::default() };
        let shaped = shape(&done("Here.\nMEDIA:/w/plot.png", made.clone()), &DIRECT);
        assert_eq!(
            (shaped.say.unwrap().text.as_str(), shaped.named.as_slice()),
            ("Here.", &["/w/plot.png".to_owned()][..])
        );
        assert_eq!(shaped.made, made.media);
        assert_eq!(said(&done("", made), &DIRECT), Some((String::new(), None)));
    }

    /// C-11.1, C-10.6
    #[test]
    fn errors_and_stops_are_told_in_one_line_and_what_was_seen_stays() {
        let failed = RunOutcome::Failed { message: "no".into(), kind: "auth", provider: None, model: None };
        assert_eq!(said(&failed, &DIRECT), Some(("⚠️ no".into(), None)));
        let shaped = shape(&failed, &Setting { errors: ErrorPolicy::Silent, ..DIRECT });
        assert_eq!((shaped.say, shaped.error, shaped.stays), (None, None, true));
        let stopped = |reason, partial: &str| RunOutcome::Aborted { partial: partial.into(), reason };
        assert_eq!(said(&stopped("stop", "half"), &DIRECT), None);
        assert_eq!(said(&stopped("rpc", "half"), &DIRECT), Some((STOPPED.into(), None)));
        assert_eq!(said(&stopped("timeout", "half"), &DIRECT), Some((format!("half\n\n{TOO_LONG}"), None)));
        assert!(shape(&stopped("stop", "half"), &DIRECT).stays);
    }
}
