//! What the other program posts: one event as JSON, or several in a list.

use base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::signature;
use crate::{Chat, ChatKind, Desk, Event, Fetched, HttpCall, Kind, Media, MediaKind, Quoted, SendError, Sender};

/// The longest id of anything.
const LONGEST_ID: usize = 256;
/// How many events one call may bring.
const MOST_EVENTS: usize = 100;

/// Why a call was not taken.
pub(super) struct Refused {
    /// For HTTP.
    pub(super) status: u16,
    /// For whoever wrote the program.
    pub(super) why: String,
}

/// Takes a call; answers how many of its events were new. They are durable then.
pub(super) async fn take(secret: &Secret, call: &HttpCall, desk: &Desk) -> Result<usize, Refused> {
    if call.method != Method::POST {
        return Err(Refused { status: 405, why: "events are posted".into() });
    }
    let refused = |why: &str| Refused { status: 401, why: why.to_owned() };
    signature::check(secret, &call.headers, &call.body, base::now_ms() / 1000).map_err(refused)?;
    let events = read(&call.body).map_err(|why| Refused { status: 400, why })?;
    desk.take(events, None).await.map_err(|error| {
        tracing::error!(%error, account = desk.account(), "what a webhook brought could not be kept");
        Refused { status: 500, why: "the event could not be kept; send it again".into() }
    })
}

/// Whether a text can be an id.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_ID && !text.chars().any(char::is_control)
}

/// A file that came along.
pub(super) fn fetch(media: &Media, limit: u64) -> Result<Fetched, SendError> {
    let bytes = STANDARD.decode(&media.file).map_err(|_| SendError::Permanent("the file is not base64".into()))?;
    if bytes.len() as u64 > limit {
        return Err(SendError::TooLarge(format!("the file is larger than {limit} bytes")));
    }
    Ok(Fetched { bytes: Bytes::from(bytes), mime_type: media.mime_type.clone(), name: media.name.clone() })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Value>),
    One(Value),
}

fn read(body: &[u8]) -> Result<Vec<Event>, String> {
    let posted: OneOrMany = serde_json::from_slice(body).map_err(|error| format!("it is not JSON: {error}"))?;
    let posted = match posted {
        OneOrMany::Many(many) => many,
        OneOrMany::One(one) => vec![one],
    };
    if posted.len() > MOST_EVENTS {
        return Err(format!("one call brings at most {MOST_EVENTS} events"));
    }
    posted.into_iter().map(|one| Posted::deserialize(one).map_err(|error| error.to_string())?.event()).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Posted {
    id: String,
    #[serde(default)]
    kind: PostedKind,
    chat: PostedChat,
    sender: PostedSender,
    #[serde(default)]
    text: String,
    thread_id: Option<String>,
    message_id: Option<String>,
    reply_to: Option<PostedQuote>,
    /// What a pressed button stands for.
    data: Option<String>,
    /// What somebody reacted with.
    #[serde(default)]
    emoji: Vec<String>,
    #[serde(default)]
    mentions_us: bool,
    /// When it happened, in milliseconds.
    at: Option<i64>,
    #[serde(default)]
    media: Vec<PostedMedia>,
}

#[derive(Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PostedKind {
    #[default]
    Message,
    Edit,
    Button,
    Reaction,
}

#[derive(Deserialize)]
#[serde(untagged, rename_all = "camelCase")]
enum PostedChat {
    Id(String),
    #[serde(rename_all = "camelCase")]
    Full {
        id: String,
        #[serde(default)]
        kind: Option<ChatKind>,
        #[serde(default)]
        title: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PostedSender {
    id: String,
    #[serde(default)]
    name: String,
    username: Option<String>,
    #[serde(default)]
    is_bot: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PostedQuote {
    message_id: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    is_ours: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PostedMedia {
    data_base64: String,
    mime_type: Option<String>,
    name: Option<String>,
}

impl Posted {
    fn event(self) -> Result<Event, String> {
        let (chat_id, kind, title) = match self.chat {
            PostedChat::Id(id) => (id, ChatKind::Direct, None),
            PostedChat::Full { id, kind, title } => (id, kind.unwrap_or_default(), title),
        };
        let ids =
            [Some(&self.id), Some(&chat_id), Some(&self.sender.id), self.thread_id.as_ref(), self.message_id.as_ref()];
        if !ids.into_iter().flatten().all(|id| is_id(id)) {
            return Err(format!("ids have 1 to {LONGEST_ID} characters and no control characters"));
        }
        let is = match self.kind {
            PostedKind::Message => Kind::Message,
            PostedKind::Edit => Kind::Edit,
            PostedKind::Reaction => Kind::Reaction { emoji: self.emoji },
            PostedKind::Button => Kind::Button { data: self.data.ok_or("a pressed button has `data`")? },
        };
        let message_id = self.message_id.unwrap_or_else(|| self.id.clone());
        Ok(Event {
            event_id: self.id,
            kind: is,
            chat: Chat { kind, id: chat_id, title, has_topics: false },
            thread_id: self.thread_id,
            sender: Some(Sender {
                id: self.sender.id,
                name: self.sender.name,
                username: self.sender.username,
                is_bot: self.sender.is_bot,
                is_anonymous: false,
            }),
            message_id: Some(message_id),
            at: self.at.unwrap_or_else(base::now_ms),
            text: self.text,
            media: self.media.into_iter().map(PostedMedia::media).collect(),
            reply_to: self.reply_to.map(|quote| Quoted {
                message_id: quote.message_id,
                sender: None,
                text: quote.text,
                is_ours: quote.is_ours,
            }),
            mentions_us: self.mentions_us || kind == ChatKind::Direct,
            ..Event::default()
        })
    }
}

impl PostedMedia {
    fn media(self) -> Media {
        let kind = match self.mime_type.as_deref().and_then(|mime| mime.split('/').next()) {
            Some("image") => MediaKind::Image,
            Some("audio") => MediaKind::Audio,
            Some("video") => MediaKind::Video,
            _ => MediaKind::Document,
        };
        Media { kind, file: self.data_base64, mime_type: self.mime_type, name: self.name, size: None, emoji: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(body: &Value) -> Result<Vec<Event>, String> {
        read(body.to_string().as_bytes())
    }

    #[test]
    fn an_event_says_who_where_and_what() {
        let posted = json!({"id": "e1", "chat": {"id": "room", "kind": "group", "title": "Room"},
            "sender": {"id": "anna", "name": "Anna"}, "text": "hello", "threadId": "7", "mentionsUs": true});
        let event = of(&posted).unwrap().remove(0);
        assert_eq!((event.lane(), event.text.as_str(), event.mentions_us), ("room:7".into(), "hello", true));
        assert_eq!((event.chat.kind, event.message_id.as_deref()), (ChatKind::Group, Some("e1")));
        let button = json!([{"id": "e2", "kind": "button", "data": "yes", "chat": "anna", "sender": {"id": "anna"}}]);
        assert_eq!(of(&button).unwrap()[0].kind, Kind::Button { data: "yes".into() });
    }

    #[test]
    fn what_is_no_event_is_refused_as_a_whole() {
        let good = json!({"id": "e1", "chat": "anna", "sender": {"id": "anna"}, "text": "hello"});
        for bad in [
            json!({"chat": "anna", "sender": {"id": "anna"}}),
            json!({"id": "", "chat": "anna", "sender": {"id": "anna"}}),
            json!({"id": "e\n", "chat": "anna", "sender": {"id": "anna"}}),
            json!({"id": "e", "chat": "anna", "sender": {"id": "x".repeat(257)}}),
            json!({"id": "e", "chat": "anna", "sender": {"id": "anna"}, "txt": "typo"}),
            json!({"id": "e", "kind": "button", "chat": "anna", "sender": {"id": "anna"}}),
            json!(7),
        ] {
            assert!(of(&bad).is_err(), "{bad}");
            assert!(of(&json!([good, bad])).is_err(), "with a good one: {bad}");
        }
        assert!(read(b"\xff{").is_err());
        assert!(of(&json!(vec![good; MOST_EVENTS + 1])).is_err());
    }

    #[test]
    fn a_file_comes_along_up_to_its_limit() {
        let media = Media { file: STANDARD.encode("four"), ..Media::default() };
        assert_eq!(fetch(&media, 4).unwrap().bytes, "four");
        assert!(matches!(fetch(&media, 3), Err(SendError::TooLarge(_))));
    }
}
