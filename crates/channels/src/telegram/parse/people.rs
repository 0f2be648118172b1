//! Who and where.

use frankenstein::types::{Chat as TheirChat, ChatType, Message, MessageOrigin, User};

use crate::{Chat, ChatKind, Sender};

/// A person, or a program.
pub(super) fn sender(user: &User) -> Sender {
    Sender {
        id: user.id.to_string(),
        name: full_name(&user.first_name, user.last_name.as_deref()),
        username: user.username.clone(),
        is_bot: user.is_bot,
        is_anonymous: false,
    }
}

/// Who writes in the name of a chat: an anonymous admin, or a channel (C-5.7).
pub(super) fn in_the_name_of(chat: &TheirChat) -> Sender {
    Sender {
        id: chat.id.to_string(),
        name: title(chat).unwrap_or_default(),
        username: chat.username.clone(),
        is_bot: false,
        is_anonymous: true,
    }
}

/// Who wrote a message; nobody for a post of the channel itself.
pub(super) fn author(message: &Message) -> Option<Sender> {
    match (&message.sender_chat, &message.from) {
        (Some(chat), _) if message.chat.type_field == ChatType::Channel && chat.id == message.chat.id => None,
        (Some(chat), _) => Some(in_the_name_of(chat)),
        (None, from) => from.as_deref().map(sender),
    }
}

/// A chat.
pub(super) fn chat(chat: &TheirChat) -> Chat {
    let kind = match chat.type_field {
        ChatType::Private => ChatKind::Direct,
        ChatType::Group | ChatType::Supergroup => ChatKind::Group,
        ChatType::Channel => ChatKind::Channel,
    };
    Chat { kind, id: chat.id.to_string(), title: title(chat), has_topics: chat.is_forum == Some(true) }
}

/// From whom something was forwarded, in words (C-7.5).
pub(super) fn origin(origin: &MessageOrigin) -> String {
    let with_handle = |name: String, handle: Option<&str>| match handle {
        Some(handle) => format!("{name} (@{handle})"),
        None => name,
    };
    let signed = |name: String, signature: Option<&str>| match signature {
        Some(signature) => format!("{name} ({signature})"),
        None => name,
    };
    match origin {
        MessageOrigin::User(from) => {
            let user = &from.sender_user;
            with_handle(full_name(&user.first_name, user.last_name.as_deref()), user.username.as_deref())
        }
        MessageOrigin::HiddenUser(from) => from.sender_user_name.clone(),
        MessageOrigin::Chat(from) => {
            signed(title(&from.sender_chat).unwrap_or_default(), from.author_signature.as_deref())
        }
        MessageOrigin::Channel(from) => signed(title(&from.chat).unwrap_or_default(), from.author_signature.as_deref()),
    }
}

/// The same as somebody who wrote.
pub(super) fn origin_sender(origin: &MessageOrigin) -> Sender {
    match origin {
        MessageOrigin::User(from) => sender(&from.sender_user),
        MessageOrigin::HiddenUser(from) => Sender { name: from.sender_user_name.clone(), ..Sender::default() },
        MessageOrigin::Chat(from) => in_the_name_of(&from.sender_chat),
        MessageOrigin::Channel(from) => in_the_name_of(&from.chat),
    }
}

fn title(chat: &TheirChat) -> Option<String> {
    let person = || chat.first_name.as_ref().map(|first| full_name(first, chat.last_name.as_deref()));
    chat.title.clone().or_else(person)
}

fn full_name(first: &str, last: Option<&str>) -> String {
    [Some(first), last].into_iter().flatten().collect::<Vec<_>>().join(" ").trim().to_owned()
}
