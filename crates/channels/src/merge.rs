//! Messages that belong together become one (C-7.2): a long text that the vendor cut, an album, what is forwarded in one
//! go, and what somebody writes in quick succession. Pure: the time is passed in.
//!
//! One conversation has one [`Merge`]. At most one burst is open, so the order of what people wrote stays; another
//! sender's message closes it. With a debounce of zero a short text never waits.

use std::time::{Duration, Instant};

use crate::{Event, Kind};

/// Vendors cut texts a little above this.
const LONG_PIECE: usize = 4000;
/// A long piece waits this long for the next.
const AFTER_LONG: Duration = Duration::from_millis(1500);
/// The pictures of an album come within this.
const AFTER_ALBUM: Duration = Duration::from_millis(500);
/// What is forwarded in one go comes within this.
const AFTER_FORWARD: Duration = Duration::from_millis(80);
/// Most pieces of one burst.
const PIECES_MAX: usize = 12;
/// Most characters of one burst.
const CHARS_MAX: usize = 50_000;
/// A burst is over after this, whatever still comes.
const BURST_MAX: Duration = Duration::from_millis(7500);

/// One event on its way, with its position in the inbox.
pub type Piece = (i64, Event);

/// What of one conversation waits to be whole.
#[derive(Debug, Default)]
pub struct Merge {
    open: Option<Burst>,
}

#[derive(Debug)]
struct Burst {
    pieces: Vec<Piece>,
    sort: Sort,
    chars: usize,
    began: Instant,
    due: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sort {
    Text,
    Album(String),
    Forwarded,
}

impl Merge {
    /// Takes a piece in and returns what is whole now, in order. `debounce` is how long a short text waits for more;
    /// `is_command` marks what never waits.
    pub fn push(&mut self, now: Instant, piece: Piece, debounce: Duration, is_command: bool) -> Vec<Vec<Piece>> {
        let mut whole = self.ripe(now);
        let event = &piece.1;
        let Some(sort) = sort_of(event).filter(|_| !is_command) else {
            // A change of a message that still waits belongs before it, and is seen to be about it by whoever handles it.
            whole.extend(self.close());
            whole.push(vec![piece]);
            return whole;
        };
        let wait = wait_of(&sort, event, debounce);
        if self.open.as_ref().is_some_and(|open| open.takes(&sort, event)) {
            if let Some(open) = &mut self.open {
                open.add(now, piece, sort, wait);
            }
        } else {
            whole.extend(self.close());
            self.open = Some(Burst {
                chars: event.text.chars().count(),
                pieces: vec![piece],
                sort,
                began: now,
                due: now + wait,
            });
        }
        whole.extend(self.ripe(now));
        whole
    }

    /// When [`Merge::ripe`] has something to return, if nothing else comes.
    pub fn due(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.due)
    }

    /// What is whole by now.
    pub fn ripe(&mut self, now: Instant) -> Vec<Vec<Piece>> {
        let is_due = self.open.as_ref().is_some_and(|open| open.due <= now);
        if is_due { self.close().into_iter().collect() } else { Vec::new() }
    }

    fn close(&mut self) -> Option<Vec<Piece>> {
        self.open.take().map(|open| open.pieces)
    }
}

impl Burst {
    fn takes(&self, sort: &Sort, event: &Event) -> bool {
        let Some((_, last)) = self.pieces.last() else { return false };
        let same_sender = last.sender.as_ref().map(|who| &who.id) == event.sender.as_ref().map(|who| &who.id);
        let fits = match (&self.sort, sort) {
            (Sort::Text, Sort::Text | Sort::Forwarded) | (Sort::Forwarded, Sort::Forwarded) => true,
            (Sort::Album(open), Sort::Album(mark)) => open == mark,
            _ => false,
        };
        // An answer to another message is a thing of its own.
        let one_question = event.reply_to.is_none() || matches!(sort, Sort::Album(_));
        let room = self.pieces.len() < PIECES_MAX && self.chars + event.text.chars().count() <= CHARS_MAX;
        same_sender && fits && one_question && room
    }

    fn add(&mut self, now: Instant, piece: Piece, sort: Sort, wait: Duration) {
        self.chars += piece.1.text.chars().count();
        self.pieces.push(piece);
        self.sort = sort;
        self.due = (now + wait).min(self.began + BURST_MAX);
    }
}

fn sort_of(event: &Event) -> Option<Sort> {
    if !matches!(event.kind, Kind::Message) {
        return None;
    }
    match (&event.group_mark, &event.forwarded_from) {
        (Some(mark), _) => Some(Sort::Album(mark.clone())),
        (None, Some(_)) => Some(Sort::Forwarded),
        (None, None) => event.media.is_empty().then_some(Sort::Text),
    }
}

fn wait_of(sort: &Sort, event: &Event, debounce: Duration) -> Duration {
    match sort {
        Sort::Album(_) => AFTER_ALBUM,
        Sort::Forwarded => AFTER_FORWARD.max(debounce),
        Sort::Text if event.text.chars().count() >= LONG_PIECE => AFTER_LONG.max(debounce),
        Sort::Text => debounce,
    }
}

/// One message of several: the texts under each other, all files, and what the first and the last say of the rest.
pub fn join(pieces: &[Piece]) -> Option<Event> {
    let (_, first) = pieces.first()?;
    let (_, last) = pieces.last()?;
    let texts = pieces.iter().map(|(_, event)| event.text.as_str()).filter(|text| !text.is_empty());
    // A caption stands under one picture of an album; the others only say that they are pictures.
    let is_stand_in = |text: &str| text.starts_with("<media:") && text.ends_with('>');
    let (stand_ins, words): (Vec<&str>, Vec<&str>) = texts.partition(|text| is_stand_in(text));
    let lines = if words.is_empty() { stand_ins } else { words };
    // A text that the vendor cut goes on where it was cut.
    let mut text = String::new();
    let mut was_long = false;
    for line in lines {
        if !text.is_empty() && !was_long {
            text.push('\n');
        }
        text.push_str(line);
        was_long = line.chars().count() >= LONG_PIECE;
    }
    Some(Event {
        text,
        media: pieces.iter().flat_map(|(_, event)| event.media.clone()).collect(),
        message_id: last.message_id.clone(),
        at: last.at,
        mentions_us: pieces.iter().any(|(_, event)| event.mentions_us),
        reply_to: pieces.iter().find_map(|(_, event)| event.reply_to.clone()),
        forwarded_from: pieces.iter().find_map(|(_, event)| event.forwarded_from.clone()),
        ..first.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sender;

    const DEBOUNCE: Duration = Duration::from_millis(300);

    fn said(sender: &str, text: &str) -> Event {
        let sender = Some(Sender { id: sender.into(), ..Sender::default() });
        Event { sender, text: text.into(), ..Event::default() }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn texts(whole: &[Vec<Piece>]) -> Vec<String> {
        whole.iter().filter_map(|pieces| join(pieces)).map(|event| event.text).collect()
    }

    /// C-7.2
    #[test]
    fn a_short_text_waits_for_quiet_and_not_at_all_without_debounce() {
        let (mut merge, now) = (Merge::default(), Instant::now());
        assert_eq!(texts(&merge.push(now, (1, said("5", "hi")), Duration::ZERO, false)), ["hi"]);
        assert!(merge.push(now, (2, said("5", "one")), DEBOUNCE, false).is_empty());
        assert!(merge.push(now + ms(200), (3, said("5", "two")), DEBOUNCE, false).is_empty());
        assert!(merge.ripe(now + ms(499)).is_empty());
        assert_eq!(merge.due(), Some(now + ms(500)));
        assert_eq!(texts(&merge.ripe(now + ms(500))), ["one\ntwo"]);
        assert_eq!(merge.due(), None);
    }

    /// C-7.2
    #[test]
    fn a_command_never_waits_and_keeps_its_place() {
        let (mut merge, now) = (Merge::default(), Instant::now());
        merge.push(now, (1, said("5", "first")), DEBOUNCE, false);
        assert_eq!(texts(&merge.push(now, (2, said("5", "/new")), DEBOUNCE, true)), ["first", "/new"]);
    }

    /// C-1.3, C-7.2
    #[test]
    fn another_sender_closes_the_burst_so_that_the_order_stays() {
        let (mut merge, now) = (Merge::default(), Instant::now());
        merge.push(now, (1, said("5", "a")), DEBOUNCE, false);
        assert_eq!(texts(&merge.push(now, (2, said("6", "b")), DEBOUNCE, false)), ["a"]);
        assert_eq!(texts(&merge.ripe(now + DEBOUNCE)), ["b"]);
    }

    /// C-7.2
    #[test]
    fn a_long_text_that_was_cut_is_put_together_as_it_was() {
        let (mut merge, now) = (Merge::default(), Instant::now());
        let long = "x".repeat(4096);
        assert!(merge.push(now, (1, said("5", &long)), Duration::ZERO, false).is_empty());
        assert!(merge.push(now + ms(1400), (2, said("5", &long)), Duration::ZERO, false).is_empty());
        let whole = merge.push(now + ms(2000), (3, said("5", "end")), Duration::ZERO, false);
        assert_eq!(texts(&whole), [format!("{long}{long}end")]);
    }

    /// C-7.2
    #[test]
    fn a_burst_has_an_end_whatever_comes() {
        let (mut merge, now) = (Merge::default(), Instant::now());
        let mut count = 0;
        for step in 0..40 {
            let whole = merge.push(now + ms(step * 1000), (1, said("5", &"x".repeat(4000))), DEBOUNCE, false);
            count += whole.len();
            for pieces in whole {
                assert!(pieces.len() <= 12);
                assert!(join(&pieces).unwrap().text.chars().count() <= 50_000);
            }
        }
        assert!(count >= 4, "{count}");
    }

    /// C-7.2
    #[test]
    fn an_album_is_one_message_with_its_caption() {
        let (mut merge, now) = (Merge::default(), Instant::now());
        let picture = |text: &str, file: &str| Event {
            group_mark: Some("g".into()),
            media: vec![crate::Media { file: file.into(), ..crate::Media::default() }],
            mentions_us: !text.starts_with('<'),
            ..said("5", text)
        };
        assert!(merge.push(now, (1, picture("look", "a")), Duration::ZERO, false).is_empty());
        assert!(merge.push(now + ms(400), (2, picture("<media:image>", "b")), Duration::ZERO, false).is_empty());
        let whole = merge.ripe(now + ms(900));
        let album = join(&whole[0]).unwrap();
        assert_eq!((album.text.as_str(), album.media.len(), album.mentions_us), ("look", 2, true));
        assert_eq!(whole[0].iter().map(|(position, _)| *position).collect::<Vec<_>>(), [1, 2]);
    }

    /// C-7.2
    #[test]
    fn what_is_forwarded_in_one_go_is_one_message() {
        let (mut merge, now) = (Merge::default(), Instant::now());
        let forwarded = |text: &str| Event { forwarded_from: Some("Ann".into()), ..said("5", text) };
        merge.push(now, (1, forwarded("a")), Duration::ZERO, false);
        merge.push(now + ms(50), (2, forwarded("b")), Duration::ZERO, false);
        assert_eq!(texts(&merge.ripe(now + ms(130))), ["a\nb"]);
    }
}
