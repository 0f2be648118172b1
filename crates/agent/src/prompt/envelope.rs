//! The frame around what a person says: when it was said, in their time zone. The transcript keeps the bare
//! text; the frame is put on when the conversation is sent, and is the same each time, so that vendors can cache it.

use jiff::tz::TimeZone;
use wire::message::{Block, Message, UserContent};

/// `[Sat 2026-11-21 09:13 UTC]`.
pub fn stamp(ms: i64, zone: &TimeZone) -> String {
    // A time beyond the calendar (a damaged entry) shows as 1970; the words it stands before are what matters.
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(zone.clone());
    format!("[{}]", at.strftime("%a %Y-%m-%d %H:%M %Z"))
}

/// Puts the frame on everything people said in `messages`; notes of ours in their place have no time and no frame.
pub fn frame(messages: &mut [Message], zone: &TimeZone) {
    for message in messages {
        let Message::User(user) = message else { continue };
        if user.timestamp == 0 {
            continue;
        }
        let stamp = stamp(user.timestamp, zone);
        match &mut user.content {
            UserContent::Text(text) => *text = format!("{stamp} {text}"),
            UserContent::Blocks(blocks) => match blocks.first_mut() {
                Some(Block::Text { text }) => *text = format!("{stamp} {text}"),
                _ => blocks.insert(0, Block::text(stamp)),
            },
        }
    }
}

/// The zone of that IANA name; the machine's own without one, or when the name means nothing.
pub fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system)
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn what_a_person_says_is_stamped_in_their_zone() {
        let at = 1_795_241_529_120; // 2026-11-21T06:12:09Z, a Saturday
        assert_eq!(stamp(at, &TimeZone::UTC), "[Sat 2026-11-21 06:12 UTC]");
        assert_eq!(stamp(at, &zone(Some("America/New_York"))), "[Sat 2026-11-21 01:12 EST]");
    }
    ///
    #[test]
    fn a_note_of_ours_is_not_stamped() {
        let mut messages = vec![crate::run::window::note("[Summary]")];
        frame(&mut messages, &TimeZone::UTC);
        assert_eq!(messages, [crate::run::window::note("[Summary]")]);
    }
}
