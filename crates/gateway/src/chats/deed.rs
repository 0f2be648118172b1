//! What a channel can be asked to do, by its words in `message.action`, in the `message` tool and on the command line
//! (C-10.8). Pure: words in, calls out.

use channels::{Attached, AttachedFrom, Body, Button, Capabilities, Part, Say, Words};
use serde_json::Value;

/// Every action, for people who named another.
pub(crate) const ACTIONS: &[&str] =
    &["send", "react", "edit", "delete", "pin", "unpin", "poll", "thread-create", "read"];
/// Most options of a poll.
const MOST_OPTIONS: usize = 12;
/// Seconds a poll may be open.
const POLL_OPEN: std::ops::RangeInclusive<u64> = 5..=604_800;
/// Messages `read` shows when nobody says how many.
const READ_DEFAULT: u64 = 20;
/// The most it shows; no more are kept.
const READ_MAX: u64 = 200;

/// Something to do in a chat.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Deed {
    /// Goes through the outbox.
    Out(Body),
    /// Reads what was said there lately.
    Read {
        /// At most so many messages.
        limit: usize,
    },
}

/// Reads an action; `files` came along with its words.
///
/// # Errors
/// A sentence about what is missing, or that this channel cannot do it.
pub(crate) fn read(action: &str, params: &Value, files: Vec<Attached>, can: Capabilities) -> Result<Deed, String> {
    let params = Params(params);
    let calls = |part: Part| Ok(Deed::Out(Body::Calls { parts: vec![part] }));
    match action {
        "send" | "reply" | "sendMessage" => say(&params, files, can).map(|say| Deed::Out(Body::Say(say))),
        "react" => {
            able(can.reactions, "react")?;
            let taken_back = params.flag(&["remove"]);
            let emoji = params.text(&["emoji"]).filter(|emoji| !emoji.is_empty() && !taken_back);
            if emoji.is_none() && !taken_back {
                return Err("`emoji` is missing; `remove: true` takes a reaction back".into());
            }
            calls(Part::React { message_id: params.message_id()?, emoji })
        }
        "edit" => {
            able(can.edit, "edit messages")?;
            let words = Words { text: params.need(&["message", "text", "content"])?, plain: None };
            calls(Part::Edit { message_id: params.message_id()?, words, buttons: buttons(&params)? })
        }
        "delete" | "unsend" => {
            able(can.unsend, "take messages away")?;
            calls(Part::Delete { message_id: params.message_id()? })
        }
        "pin" | "unpin" => calls(Part::Pin { message_id: params.message_id()?, pinned: action == "pin" }),
        "poll" => {
            able(can.polls, "ask for votes")?;
            calls(poll(&params)?)
        }
        "thread-create" | "topic-create" | "thread" => {
            able(can.threads, "open topics")?;
            calls(Part::Topic { name: params.need(&["threadName", "name", "title"])? })
        }
        "read" => {
            let limit = params.number(&["limit"]).unwrap_or(READ_DEFAULT).clamp(1, READ_MAX);
            Ok(Deed::Read { limit: usize::try_from(limit).unwrap_or(usize::MAX) })
        }
        other => Err(format!("unsupported action: {other}; there are {}", ACTIONS.join(", "))),
    }
}

fn able(can: bool, what: &str) -> Result<(), String> {
    if can { Ok(()) } else { Err(format!("this channel cannot {what}")) }
}

fn say(params: &Params<'_>, files: Vec<Attached>, can: Capabilities) -> Result<Say, String> {
    let text = params.text(&["message", "text", "content", "caption"]).unwrap_or_default();
    let named = params.list(&["media", "mediaUrl", "mediaUrls"]);
    let mut media = named.iter().map(|url| attached(url)).collect::<Result<Vec<_>, _>>()?;
    media.extend(files);
    if text.trim().is_empty() && media.is_empty() {
        return Err("`message` is missing".into());
    }
    if !media.is_empty() {
        able(can.media, "send files")?;
    }
    Ok(Say {
        text,
        media,
        as_voice: params.flag(&["asVoice"]),
        reply_to: params.text(&["replyTo", "replyToId"]),
        buttons: buttons(params)?,
        silent: params.flag(&["silent"]),
    })
}

/// A file somebody serves. One of this host is not sent by its path: whoever may send is not always who may read it.
pub(crate) fn attached(url: &str) -> Result<Attached, String> {
    match url::Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "https" => {
            Ok(Attached { from: AttachedFrom::Url(url.to_owned()), mime_type: None, name: None })
        }
        _ => Err("media is an https URL; a file of your own is sent along with `message send --media <file>`".into()),
    }
}

fn buttons(params: &Params<'_>) -> Result<Vec<Vec<Button>>, String> {
    let Some(rows) = params.0.get("buttons").filter(|rows| !rows.is_null()) else { return Ok(Vec::new()) };
    let shape = || "`buttons` is a list of rows, each a list of {text, data}".to_owned();
    let row = |row: &Value| row.as_array().ok_or_else(shape)?.iter().map(|one| button(one).ok_or_else(shape)).collect();
    rows.as_array().ok_or_else(shape)?.iter().map(row).collect()
}

fn button(one: &Value) -> Option<Button> {
    let one = Params(one);
    let label = one.text(&["text", "label"])?;
    let data = one.text(&["data", "callback_data", "callbackData", "value"])?;
    Some(Button { label, data })
}

fn poll(params: &Params<'_>) -> Result<Part, String> {
    let question = params.need(&["pollQuestion", "question"])?;
    let options = params.list(&["pollOption", "pollOptions", "options"]);
    if !(2..=MOST_OPTIONS).contains(&options.len()) || options.iter().any(|option| option.trim().is_empty()) {
        return Err(format!("a poll has 2 to {MOST_OPTIONS} options, none of them empty"));
    }
    let all = options.len() as u64;
    let several = if params.flag(&["pollMulti"]) { all } else { 1 };
    let max_selections = params.number(&["maxSelections"]).unwrap_or(several).clamp(1, all);
    let hours = params.number(&["pollDurationHours", "durationHours"]).map(|hours| hours.saturating_mul(3600));
    let seconds = params.number(&["pollDurationSeconds", "durationSeconds"]).or(hours);
    if let Some(seconds) = seconds.filter(|seconds| !POLL_OPEN.contains(seconds)) {
        return Err(format!("a poll is open for 5 seconds to 7 days, not for {seconds} seconds"));
    }
    Ok(Part::Poll {
        question,
        options,
        max_selections: u32::try_from(max_selections).unwrap_or(1),
        seconds: seconds.and_then(|seconds| u32::try_from(seconds).ok()),
        silent: params.flag(&["silent"]),
    })
}

/// Params by any of their names; an id may be a number.
pub(crate) struct Params<'p>(pub(crate) &'p Value);

impl Params<'_> {
    /// A text or a number.
    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    fn need(&self, names: &[&str]) -> Result<String, String> {
        let found = self.text(names).filter(|text| !text.trim().is_empty());
        found.ok_or_else(|| format!("`{}` is missing", names[0]))
    }

    fn message_id(&self) -> Result<String, String> {
        self.need(&["messageId", "message_id"])
    }

    fn number(&self, names: &[&str]) -> Option<u64> {
        self.text(names).and_then(|text| text.trim().parse().ok())
    }

    fn flag(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.get(name).is_some_and(|value| *value == true || value == "true"))
    }

    fn list(&self, names: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for name in names {
            match self.0.get(name) {
                Some(Value::Array(many)) => found.extend(many.iter().filter_map(Value::as_str).map(str::to_owned)),
                Some(Value::String(one)) if !one.is_empty() => found.push(one.clone()),
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use channels::find;
    use serde_json::json;

    use super::*;

    fn of(action: &str, params: Value) -> Result<Deed, String> {
        read(action, &params, Vec::new(), find("webhook").unwrap().capabilities())
    }

    fn part(action: &str, params: Value) -> Part {
        match of(action, params).unwrap() {
            Deed::Out(Body::Calls { mut parts }) => parts.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// C-10.8
    #[test]
    fn each_action_is_one_call() {
        assert_eq!(
            part("react", json!({"messageId": 7, "emoji": "👍"})),
            Part::React { message_id: "7".into(), emoji: Some("👍".into()) }
        );
        assert_eq!(
            part("react", json!({"messageId": "7", "emoji": "👍", "remove": true})),
            Part::React { message_id: "7".into(), emoji: None }
        );
        assert_eq!(part("unpin", json!({"messageId": "7"})), Part::Pin { message_id: "7".into(), pinned: false });
        assert_eq!(part("delete", json!({"messageId": "7"})), Part::Delete { message_id: "7".into() });
        let poll = part("poll", json!({"pollQuestion": "Tea?", "pollOption": ["yes", "no"], "pollDurationHours": 1}));
        let (options, seconds) = (vec!["yes".to_owned(), "no".to_owned()], Some(3600));
        assert_eq!(poll, Part::Poll { question: "Tea?".into(), options, max_selections: 1, seconds, silent: false });
        assert_eq!(of("read", json!({"limit": "5"})), Ok(Deed::Read { limit: 5 }));
    }

    /// C-10.8, C-13.4
    #[test]
    fn what_is_missing_is_named() {
        for (action, params, word) in [
            ("send", json!({}), "message"),
            ("send", json!({"media": "/etc/passwd"}), "https"),
            ("send", json!({"media": "file:///etc/passwd"}), "https"),
            ("send", json!({"message": "x", "buttons": [{"text": "a"}]}), "buttons"),
            ("react", json!({"messageId": "7"}), "emoji"),
            ("edit", json!({"message": "x"}), "messageId"),
            ("delete", json!({}), "messageId"),
            ("poll", json!({"question": "q", "options": ["one"]}), "2 to 12"),
            ("poll", json!({"question": "q", "options": ["a", "b"], "durationSeconds": 4}), "7 days"),
            ("thread-create", json!({}), "threadName"),
            ("fly", json!({}), "there are send"),
        ] {
            let error = of(action, params).unwrap_err();
            assert!(error.contains(word), "{action}: {error}");
        }
    }

    #[test]
    fn a_channel_that_cannot_says_so() {
        let can = Capabilities { polls: false, ..find("webhook").unwrap().capabilities() };
        let poll = json!({"question": "q", "options": ["a", "b"]});
        assert_eq!(read("poll", &poll, Vec::new(), can), Err("this channel cannot ask for votes".into()));
    }
}
