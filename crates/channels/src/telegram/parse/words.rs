//! What a message says, in plain text (C-7.1, C-7.4), and to whom (C-6.1, C-6.3). Telegram counts in UTF-16 units.

use frankenstein::types::{Location, Message, MessageEntity, MessageEntityType};

use super::super::start::Me;

/// A text, and to whom it speaks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) mentions_us: bool,
    pub(super) for_another: bool,
}

/// The text or caption, else a line that stands for what the message holds; empty when it holds files only.
pub(super) fn of(me: &Me, message: &Message) -> Said {
    let (text, entities) = match &message.text {
        Some(text) => (text.clone(), message.entities.as_deref()),
        None => (message.caption.clone().unwrap_or_default(), message.caption_entities.as_deref()),
    };
    let entities = entities.unwrap_or_default();
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut said = Said::default();
    let mut own_command = None;
    for entity in entities {
        let covered = covered(&units, entity);
        match entity.type_field {
            MessageEntityType::Mention => said.mentions_us |= is_our_name(me, covered.strip_prefix('@')),
            MessageEntityType::TextMention => {
                said.mentions_us |= entity.user.as_ref().is_some_and(|user| i64::try_from(user.id) == Ok(me.id));
            }
            MessageEntityType::BotCommand if entity.offset == 0 => {
                let addressed = covered.split_once('@').map(|(_, name)| name.to_owned());
                let ours = is_our_name(me, addressed.as_deref());
                said.mentions_us |= ours;
                said.for_another = addressed.is_some() && !ours;
                own_command = ours.then_some(covered);
            }
            _ => {}
        }
    }
    said.text = with_links(units, entities);
    if let Some((command, name)) = own_command.as_deref().and_then(|command| command.split_once('@')) {
        // `/new@us` is `/new`.
        said.text = said.text.replacen(&format!("{command}@{name}"), command, 1);
    }
    if said.text.trim().is_empty() {
        said.text = line(message).unwrap_or_default();
    }
    said
}

fn is_our_name(me: &Me, name: Option<&str>) -> bool {
    !me.username.is_empty() && name.is_some_and(|name| name.eq_ignore_ascii_case(&me.username))
}

/// Where an entity begins and ends; within the text whatever it says.
fn span(units: &[u16], entity: &MessageEntity) -> (usize, usize) {
    let start = usize::from(entity.offset).min(units.len());
    (start, (start + usize::from(entity.length)).min(units.len()))
}

fn covered(units: &[u16], entity: &MessageEntity) -> String {
    let (start, end) = span(units, entity);
    String::from_utf16_lossy(&units[start..end])
}

/// Links whose text hides where they lead, as Markdown.
fn with_links(mut units: Vec<u16>, entities: &[MessageEntity]) -> String {
    let is_link = |entity: &&MessageEntity| entity.type_field == MessageEntityType::TextLink;
    let mut links: Vec<&MessageEntity> = entities.iter().filter(is_link).collect();
    links.sort_by_key(|entity| std::cmp::Reverse(entity.offset));
    // What was put in before is behind all that follows.
    let mut behind = units.len();
    for link in links {
        let (start, end) = span(&units[..behind], link);
        let text = String::from_utf16_lossy(&units[start..end]);
        let Some(url) = link.url.as_deref().filter(|url| *url != text) else { continue };
        units.splice(start..end, format!("[{text}]({url})").encode_utf16());
        behind = start;
    }
    String::from_utf16_lossy(&units)
}

/// What has no text of its own, as one line.
fn line(message: &Message) -> Option<String> {
    if let Some(venue) = &message.venue {
        return Some(format!("📍 {} — {} ({})", venue.title, venue.address, place(&venue.location)));
    }
    if let Some(location) = &message.location {
        let live = if location.live_period.is_some() { "🛰 Live location" } else { "📍" };
        let accuracy = location.horizontal_accuracy.map(|meters| format!(" ±{}m", meters.round()));
        return Some(format!("{live} {}{}", place(location), accuracy.unwrap_or_default()));
    }
    if let Some(contact) = &message.contact {
        let name = [Some(contact.first_name.as_str()), contact.last_name.as_deref()];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
        return Some(format!("Contact: {name}, {}", contact.phone_number));
    }
    if let Some(poll) = &message.poll {
        let options: Vec<&str> = poll.options.iter().map(|option| option.text.as_str()).collect();
        return Some(format!("Poll: {} — {}", poll.question, options.join(" / ")));
    }
    if let Some(game) = &message.game {
        return Some(format!("Game: {}", game.title));
    }
    message.dice.as_ref().map(|dice| format!("{} {}", dice.emoji, dice.value))
}

fn place(location: &Location) -> String {
    format!("{:.6}, {:.6}", location.latitude, location.longitude)
}
