//! What updates become (C-7), from the wire as it is to the event as it is kept.

use channels::{Event, Media, MediaKind, SendError};
use kit::{FakeTelegram, TelegramFault};
use serde_json::{Value, json};

use super::{AtWork, House};

struct Scene {
    telegram: FakeTelegram,
    house: House,
    at_work: AtWork,
}

impl Scene {
    async fn new() -> Self {
        let (telegram, house) = (FakeTelegram::start().await, House::new());
        let at_work = house.begins(&telegram, &json!({}));
        Self { telegram, house, at_work }
    }

    /// What becomes of a message in the private chat 42 that has these keys.
    async fn direct(&mut self, more: Value) -> Event {
        self.message(json!({"id": 42, "type": "private", "first_name": "Ada", "last_name": "L"}), more).await
    }

    /// The same in the group -100.
    async fn group(&mut self, more: Value) -> Event {
        self.message(json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Club"}), more).await
    }

    async fn message(&mut self, chat: Value, more: Value) -> Event {
        let mut message = json!({"message_id": 7, "date": 1_700_000_000, "chat": chat,
            "from": {"id": 42, "is_bot": false, "first_name": "Ada", "last_name": "L", "username": "ada"}});
        for (key, value) in more.as_object().unwrap() {
            message[key] = value.clone();
        }
        self.telegram.push(json!({"message": message}));
        self.at_work.event().await
    }

    async fn update(&mut self, update: Value) -> Event {
        self.telegram.push(update);
        self.at_work.event().await
    }
}

/// C-7.1, C-5.5
#[tokio::test]
async fn a_message_is_kept_as_it_was_said_with_who_where_and_when() {
    let mut scene = Scene::new().await;
    let event = scene.direct(json!({"text": "hello"})).await;
    let expected = json!({
        "eventId": "1000:42:7", "kind": {"is": "message"},
        "chat": {"kind": "direct", "id": "42", "title": "Ada L", "hasTopics": false},
        "sender": {"id": "42", "name": "Ada L", "username": "ada", "isBot": false, "isAnonymous": false},
        "messageId": "7", "at": 1_700_000_000_000_i64, "text": "hello", "mentionsUs": false, "forAnother": false,
    });
    assert_eq!(serde_json::to_value(event).unwrap(), expected);
    let edit = json!({"edited_message": {"message_id": 7, "date": 1, "edit_date": 2, "text": "other",
        "chat": {"id": 42, "type": "private", "first_name": "Ada"}}});
    let edit = scene.update(edit).await;
    assert_eq!((edit.kind, edit.text.as_str(), edit.at), (channels::Kind::Edit, "other", 2000));
    assert!(scene.house.store.open_arrivals().await.unwrap().len() == 2, "both are on disk");
}

/// C-7.1
#[tokio::test]
async fn links_are_told_and_counted_in_the_units_of_telegram() {
    let mut scene = Scene::new().await;
    let link = |offset: u32, length: u32, url: &str| json!({"type": "text_link", "offset": offset, "length": length, "url": url});
    // The emoji has two units, the letter with its accent one.
    let event = scene
        .direct(json!({"text": "😀é see here and there", "entities": [link(8, 4, "https://a.example"), link(17, 5, "https://b.example")]}))
        .await;
    assert_eq!(event.text, "😀é see [here](https://a.example) and [there](https://b.example)");
    let event = scene
        .direct(json!({"photo": [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}], "caption": "look",
            "caption_entities": [link(0, 400, "https://c.example"), {"type": "not_known_yet", "offset": 0, "length": 1}]}))
        .await;
    assert_eq!(event.text, "[look](https://c.example)");
}

/// C-7.1, C-7.2
#[tokio::test]
async fn files_come_along_and_stand_for_a_text_that_is_missing() {
    let mut scene = Scene::new().await;
    let file = |id: &str| {
        json!({"file_id": id, "file_unique_id": id, "file_size": 9, "mime_type": "x/y", "file_name": "n",
        "width": 1, "height": 1, "duration": 1, "length": 1})
    };
    let size = |id: &str, side: u32| json!({"file_id": id, "file_unique_id": id, "width": side, "height": side});
    let cases = [
        (
            json!({"photo": [size("s", 10), size("l", 99), size("m", 50)], "media_group_id": "g1"}),
            "image",
            MediaKind::Image,
            "l",
        ),
        (json!({"video": file("v")}), "video", MediaKind::Video, "v"),
        (json!({"video_note": file("n")}), "video", MediaKind::Video, "n"),
        (json!({"animation": file("a"), "document": file("a")}), "video", MediaKind::Video, "a"),
        (json!({"audio": file("u")}), "audio", MediaKind::Audio, "u"),
        (json!({"voice": file("o")}), "audio", MediaKind::Voice, "o"),
        (json!({"document": file("d")}), "document", MediaKind::Document, "d"),
        (
            json!({"sticker": {"file_id": "t", "file_unique_id": "t", "type": "regular", "width": 1, "height": 1,
            "is_animated": false, "is_video": false, "emoji": "🦞"}}),
            "sticker",
            MediaKind::Sticker,
            "t",
        ),
    ];
    for (content, word, kind, id) in cases {
        let event = scene.direct(content.clone()).await;
        assert_eq!(event.text, format!("<media:{word}>"), "{content}");
        let [media] = event.media.as_slice() else { panic!("one file: {content}") };
        assert_eq!((media.kind, media.file.as_str()), (kind, id));
        assert_eq!(event.group_mark.is_some(), id == "l");
        assert_eq!(media.emoji.is_some(), id == "t");
    }
}

/// C-7.4
#[tokio::test]
async fn what_has_no_text_is_told_in_one_line() {
    let mut scene = Scene::new().await;
    let place = json!({"latitude": 48.858_844, "longitude": 2.294_351, "horizontal_accuracy": 12.0});
    let cases = [
        (json!({"location": place}), "📍 48.858844, 2.294351 ±12m"),
        (
            json!({"location": place, "venue": {"location": place, "title": "Tower", "address": "Paris"}}),
            "📍 Tower — Paris (48.858844, 2.294351)",
        ),
        (json!({"contact": {"phone_number": "+1", "first_name": "Bo", "last_name": "B"}}), "Contact: Bo B, +1"),
        (json!({"dice": {"emoji": "🎲", "value": 5}}), "🎲 5"),
        (
            json!({"poll": {"id": "1", "question": "Tea?", "options": [{"text": "yes", "voter_count": 0}, {"text": "no", "voter_count": 0}],
            "total_voter_count": 0, "is_closed": false, "is_anonymous": true, "type": "regular", "allows_multiple_answers": false}}),
            "Poll: Tea? — yes / no",
        ),
    ];
    for (content, line) in cases {
        assert_eq!(scene.direct(content).await.text, line);
    }
}

/// C-7.5
#[tokio::test]
async fn what_is_answered_and_from_whom_it_was_forwarded_is_told() {
    let mut scene = Scene::new().await;
    let chat = json!({"id": 42, "type": "private", "first_name": "Ada"});
    let ours = json!({"message_id": 3, "date": 1, "chat": chat, "text": "x".repeat(2000),
        "from": {"id": 777_000, "is_bot": true, "first_name": "Test bot"}});
    let event = scene.direct(json!({"text": "why?", "reply_to_message": ours})).await;
    let quoted = event.reply_to.unwrap();
    assert!(quoted.is_ours && event.mentions_us && quoted.message_id == "3");
    assert_eq!(quoted.text.chars().count(), 1001);
    let theirs = json!({"message_id": 4, "date": 1, "chat": chat, "text": "a long story",
        "from": {"id": 9, "is_bot": false, "first_name": "Eve"}});
    let event = scene
        .direct(json!({"text": "this", "reply_to_message": theirs, "quote": {"text": "story", "position": 7}}))
        .await;
    let quoted = event.reply_to.unwrap();
    assert_eq!((quoted.text.as_str(), quoted.sender.unwrap().id.as_str(), event.mentions_us), ("story", "9", false));
    let origins = [
        (
            json!({"type": "user", "date": 1, "sender_user": {"id": 5, "is_bot": false, "first_name": "Bo", "username": "bo"}}),
            "Bo (@bo)",
        ),
        (json!({"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}), "Somebody"),
        (
            json!({"type": "channel", "date": 1, "chat": {"id": -5, "type": "channel", "title": "News"}, "message_id": 1, "author_signature": "Ed"}),
            "News (Ed)",
        ),
    ];
    for (origin, name) in origins {
        let event = scene.direct(json!({"text": "fwd", "forward_origin": origin})).await;
        assert_eq!(event.forwarded_from.as_deref(), Some(name));
    }
}

/// C-6.1, C-6.3
#[tokio::test]
async fn to_whom_a_message_speaks_is_known_by_telegrams_own_marks() {
    let mut scene = Scene::new().await;
    let said = |text: &str, kind: &str, length: u32| json!({"text": text, "entities": [{"type": kind, "offset": 0, "length": length}]});
    let mut named = said("Ada says hi", "text_mention", 3);
    named["entities"][0]["user"] = json!({"id": 777_000, "is_bot": true, "first_name": "Test bot"});
    let cases = [
        (said("@test_bot hi", "mention", 9), true, false, "@test_bot hi"),
        (said("@Test_Bot hi", "mention", 9), true, false, "@Test_Bot hi"),
        (said("@other_bot hi", "mention", 10), false, false, "@other_bot hi"),
        (json!({"text": "mail me@test_bot hi"}), false, false, "mail me@test_bot hi"),
        (named, true, false, "Ada says hi"),
        (said("/new@test_bot now", "bot_command", 13), true, false, "/new now"),
        (said("/new@other_bot now", "bot_command", 14), false, true, "/new@other_bot now"),
        (said("/new now", "bot_command", 4), false, false, "/new now"),
    ];
    for (content, mentions, another, text) in cases {
        let event = scene.group(content.clone()).await;
        assert_eq!((event.mentions_us, event.for_another, event.text.as_str()), (mentions, another, text), "{content}");
    }
}

/// C-7.7
#[tokio::test]
async fn topics_count_in_forums_and_replies_are_no_topics() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let mut scene = Scene { at_work: house.begins(&telegram, &json!({})), telegram, house };
    let forum = json!({"id": -1_001_i64, "type": "supergroup", "title": "Forum", "is_forum": true});
    let opened = json!({"message_id": 55, "date": 1, "chat": forum, "from": {"id": 1, "is_bot": false, "first_name": "A"},
        "forum_topic_created": {"name": "Topic", "icon_color": 7_322_096}});
    let in_topic = json!({"text": "x", "message_thread_id": 55, "is_topic_message": true, "reply_to_message": opened});
    let event = scene.message(forum.clone(), in_topic).await;
    assert_eq!((event.thread_id.as_deref(), event.reply_to.is_none(), event.chat.has_topics), (Some("55"), true, true));
    assert_eq!(event.lane(), "-1001:55");
    assert_eq!(scene.message(forum, json!({"text": "x"})).await.thread_id.as_deref(), Some("1"));
    assert_eq!(scene.group(json!({"text": "x", "message_thread_id": 3})).await.thread_id, None);
    assert_eq!(scene.direct(json!({"text": "x", "message_thread_id": 3})).await.thread_id, None);
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    telegram.is(&json!({"has_topics_enabled": true}));
    let mut scene = Scene { at_work: house.begins(&telegram, &json!({})), telegram, house };
    assert_eq!(scene.direct(json!({"text": "x", "message_thread_id": 3})).await.thread_id.as_deref(), Some("3"));
}

/// C-5.7
#[tokio::test]
async fn who_hides_behind_a_chat_is_told_as_such() {
    let mut scene = Scene::new().await;
    let group = json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Club"});
    let anonymous = json!({"text": "x", "sender_chat": group, "from": {"id": 1_087_968_824, "is_bot": true, "first_name": "Group"}});
    let sender = scene.group(anonymous).await.sender.unwrap();
    assert!(sender.is_anonymous && !sender.is_bot && sender.id == "-1001234567890" && sender.name == "Club");
    let channel = json!({"id": -1_009, "type": "channel", "title": "News"});
    let post =
        json!({"channel_post": {"message_id": 1, "date": 1, "chat": channel, "sender_chat": channel, "text": "post"}});
    let event = scene.update(post).await;
    assert!(event.sender.is_none() && event.chat.kind == channels::ChatKind::Channel);
}

/// C-10.3, C-10.4, C-5.9
#[tokio::test]
async fn what_people_do_beside_writing_is_told() {
    let mut scene = Scene::new().await;
    let group = json!({"id": -77, "type": "group", "title": "G"});
    let ada = json!({"id": 42, "is_bot": false, "first_name": "Ada"});
    let query = json!({"id": "q1", "from": ada, "chat_instance": "1", "data": "yes",
        "message": {"message_id": 8, "date": 1, "chat": group, "text": "sure?", "from": {"id": 777_000, "is_bot": true, "first_name": "B"}}});
    let event = scene.update(json!({"callback_query": query})).await;
    assert_eq!(serde_json::to_value(&event.kind).unwrap(), json!({"is": "button", "data": "yes"}));
    assert_eq!(
        (event.text.as_str(), event.message_id.as_deref(), event.chat.id.as_str()),
        ("callback_data: yes", Some("8"), "-77")
    );
    let answered = scene.telegram.called("answerCallbackQuery", 1).await;
    assert_eq!(answered[0].params["callback_query_id"], "q1");
    assert_eq!(scene.house.store.open_arrivals().await.unwrap().len(), 1, "it was on disk before");

    let reaction = json!({"chat": group, "message_id": 8, "user": ada, "date": 5, "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}, {"type": "of_the_future"}]});
    let event = scene.update(json!({"message_reaction": reaction})).await;
    assert_eq!(serde_json::to_value(&event.kind).unwrap(), json!({"is": "reaction", "emoji": ["👍", "custom"]}));
    let member = |status: &str| {
        json!({"my_chat_member": {"chat": group, "from": ada, "date": 1,
        "old_chat_member": {"status": "left", "user": ada}, "new_chat_member": {"status": status, "user": ada, "some": "new key"}}})
    };
    for (status, present) in [("member", true), ("administrator", true), ("left", false), ("kicked", false)] {
        let event = scene.update(member(status)).await;
        assert_eq!(event.kind, channels::Kind::Member { present }, "{status}");
    }
    let vote = json!({"poll_answer": {"poll_id": "p", "user": ada, "option_ids": [1]}});
    assert_eq!(scene.update(vote).await.kind, channels::Kind::Vote { poll: "p".into(), options: vec![1] });
    let moved = json!({"message": {"message_id": 9, "date": 1, "chat": group, "migrate_to_chat_id": -1_007}});
    assert_eq!(scene.update(moved).await.kind, channels::Kind::Moved { to: "-1007".into() });
}

/// C-3.6
#[tokio::test]
async fn what_a_later_server_adds_hides_nothing_that_was_said() {
    let mut scene = Scene::new().await;
    let strange = json!({"text": "still here", "entities": "no list", "reply_markup": 7, "poll": {"question": "?"},
        "brand_new_key": {"x": [1]}, "reply_to_message": {"message_id": "x"}});
    assert_eq!(scene.direct(strange).await.text, "still here");
    let silent = json!({"message": {"message_id": 5, "date": 1, "chat": {"id": -77, "type": "group", "title": "G"}, "new_chat_title": "H"}});
    scene.telegram.push(silent);
    assert_eq!(scene.direct(json!({"text": "next"})).await.text, "next");
}

/// C-7.3
#[tokio::test]
async fn a_file_is_brought_here_within_its_limits() {
    let scene = Scene::new().await;
    scene.telegram.has_file("f", "photos/file_1.jpg", b"bytes of a picture").has_file(
        "local",
        "/etc/passwd",
        b"theirs",
    );
    let media = |file: &str, size| Media { file: file.into(), size, ..Media::default() };
    let fetch = |media: Media, limit| {
        let transport = scene.at_work.transport.clone();
        async move { transport.fetch(&media, limit).await }
    };
    let file = fetch(media("f", None), 1000).await.unwrap();
    assert_eq!((file.bytes.as_ref(), file.name.as_deref()), (&b"bytes of a picture"[..], Some("file_1.jpg")));
    assert!(matches!(fetch(media("f", None), 5).await, Err(SendError::TooLarge(_))));
    assert!(matches!(fetch(media("f", Some(30 << 20)), u64::MAX).await, Err(SendError::TooLarge(_))));
    assert!(matches!(fetch(media("gone", None), 1000).await, Err(SendError::NotFound(_))));
    let local = fetch(media("local", None), 1000).await;
    assert!(!matches!(&local, Ok(file) if file.bytes.starts_with(b"root:")), "no file of this machine is read");
    scene.telegram.fault("getFile", TelegramFault::Cut);
    assert!(matches!(fetch(media("f", None), 1000).await, Err(SendError::Retry { .. })));
}
