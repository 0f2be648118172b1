//! Server-sent events out of bytes that arrive in any pieces.
//!
//! Ours instead of the `eventsource-stream` crate for one reason: a vendor, or whatever answers in its place, must not
//! make us hold a line without end. Everything else follows the event-stream format of the HTML standard, and is kinder
//! in one point: an event the body ends in without its blank line still counts, since several local servers write their
//! last `data: [DONE]` that way.

/// Longest event, in bytes. The largest honest one is a tool call given whole: a file to write.
pub(super) const EVENT_MAX_BYTES: usize = 8 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// The `event:` field, empty when there is none.
    pub(super) name: String,
    /// The `data:` lines, joined by line breaks.
    pub(super) data: String,
}

/// An event grew beyond [`EVENT_MAX_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Splits a stream of bytes into events.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    started: bool,
}

impl Parser {
    /// Takes the next bytes and appends the events they complete to `out`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), TooLong> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.grow(&rest[..at])?;
            let cr = rest[at] == b'\r';
            rest = &rest[at + 1..];
            if cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            self.end_line(out);
        }
        self.grow(rest)
    }

    /// The bytes are over: a last event without its blank line.
    pub(super) fn finish(&mut self) -> Option<Event> {
        let mut out = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut out);
        }
        self.end_line(&mut out);
        out.pop()
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.event.data.len() + bytes.len() > EVENT_MAX_BYTES {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        let line = if self.started { &line[..] } else { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line) };
        self.started = true;
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                out.push(event);
            }
            return;
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            // A comment has an empty field name; `id` and `retry` are for clients that reconnect, and a call does not.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for piece in pieces {
            parser.feed(piece, &mut events).unwrap();
        }
        events.extend(parser.finish());
        events.into_iter().map(|event| (event.name, event.data)).collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.into(), data.into())
    }

    #[test]
    fn names_comments_and_several_data_lines_are_read() {
        let text = b"\xEF\xBB\xBF: hello\nevent: ping\ndata:{}\n\n: OPENROUTER PROCESSING\n\ndata: a\ndata: b\nid: 7\n\ndata: [DONE]";
        assert_eq!(parse(&[text]), [event("ping", "{}"), event("", "a\nb"), event("", "[DONE]")]);
    }

    #[test]
    fn an_event_without_data_is_nothing() {
        assert_eq!(parse(&[b"event: ping\n\n\n\n"]), []);
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; EVENT_MAX_BYTES / 4];
        let results: Vec<_> = (0..5).map(|_| parser.feed(&piece, &mut Vec::new())).collect();
        assert_eq!(results[3], Ok(()));
        assert_eq!(results[4], Err(TooLong));
        let (mut parser, line) = (Parser::default(), [&b"data: "[..], &piece, b"\n"].concat());
        assert!((0..5).any(|_| parser.feed(&line, &mut Vec::new()).is_err()), "many data lines are one event");
    }

    proptest! {
        #[test]
        fn the_pieces_bytes_arrive_in_do_not_matter(
            lines in prop::collection::vec(("(data|event|:|id)", "[ -~é日]{0,12}"), 0..8),
            ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 8),
            cuts in prop::collection::vec(0usize..200, 0..6),
        ) {
            let text: String = lines.iter().zip(&ends).map(|((field, value), end)| format!("{field}: {value}{end}{end}")).collect();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(parse(&pieces), parse(&[bytes]));
        }
    }
}
