//! Commands typed into a chat: answered at once into the chat they came from. From somebody who may not give any
//! they are plain text in a direct chat, and nothing in a group.

use channels::{Body, ChatKind, Say};
use store::NewOutgoing;
use wire::Scope;

use super::scene::Scene;
use crate::slash::{self, Asker, Command};

/// What became of a message that may be a command.
pub(super) enum Typed {
    /// It is one, and the sender may give it.
    Command(Command),
    /// It is one that is not for the sender, in a group.
    NotTheirs,
}

/// The command in a message, if it is one.
pub(super) fn of(scene: &Scene<'_>) -> Option<Typed> {
    if !scene.event.media.is_empty() {
        return None;
    }
    let busy = !scene.services.lanes.runs().of(&scene.session).is_empty();
    let command = slash::parse(&bare(&scene.event.text), busy)?;
    let may = match command.takes() {
        Some(Scope::Approvals) => scene.may_approve(),
        Some(Scope::Pairing) => scene.is_owner,
        _ => scene.may_command(),
    };
    match (may, scene.event.chat.kind) {
        (true, _) => Some(Typed::Command(command)),
        (false, ChatKind::Direct) => None,
        (false, _) => Some(Typed::NotTheirs),
    }
}

/// Carries it out. The answer is in the outbox in the stroke that says that the message is done.
pub(super) async fn run(scene: &Scene<'_>, typed: Typed) -> Result<(), String> {
    let Typed::Command(command) = typed else {
        return scene.done().await.map_err(|error| error.to_string());
    };
    let person = scene.person();
    let answered = slash::answer(&Asker::chat(scene.services, &person), &scene.session, &command).await;
    let text = answered.map_or_else(|error| error.message, |answer| answer.text);
    let say = Say { text, reply_to: scene.event.message_id.clone(), ..Say::default() };
    let new = NewOutgoing {
        id: scene.run_id(),
        route: scene.live.route(&scene.event),
        body: serde_json::to_value(Body::Say(say)).unwrap_or_default(),
        inbox: scene.positions.clone(),
    };
    scene.services.store.put_outgoing(new).await.map(drop).map_err(|error| error.to_string())
}

/// The text with a command's address taken off: `/status@our_bot now` is `/status now`. Whose it is was seen before.
pub(super) fn bare(text: &str) -> String {
    let text = text.trim();
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    match word.split_once('@') {
        Some((name, _)) if name.starts_with('/') => format!("{name}{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-6.3, A-16.1
    #[test]
    fn a_commands_address_is_taken_off() {
        for (text, expected) in [
            ("/status@our_bot", "/status"),
            (" /model@our_bot demo/x ", "/model demo/x"),
            ("/stop", "/stop"),
            ("mail me@example.com /now", "mail me@example.com /now"),
            ("", ""),
        ] {
            assert_eq!(bare(text), expected);
        }
    }
}
