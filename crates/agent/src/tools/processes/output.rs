//! What a child wrote: the beginning and the end, within a bound.

use std::collections::VecDeque;

/// Bytes kept of the beginning.
const HEAD_BYTES: usize = 80_000;
/// Bytes kept of the end; together with the beginning, 200 000.
const TAIL_BYTES: usize = 120_000;

/// Bounded output; positions count every byte ever written.
#[derive(Debug, Default)]
pub(super) struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: usize,
}

impl Output {
    /// Takes in more; the middle is forgotten when there is too much.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len();
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
    }

    /// Bytes written so far.
    pub(super) const fn total(&self) -> usize {
        self.total
    }

    /// Whether the middle was forgotten.
    pub(super) fn truncated(&self) -> bool {
        self.total > self.head.len() + self.tail.len()
    }

    /// Everything from byte `from` on, and where to go on from; a line stands for what was forgotten of it. The first
    /// bytes of a character that is not complete yet are left for the next time, unless this is the end.
    pub(super) fn since(&self, from: usize, at_end: bool) -> (String, usize) {
        let tail_start = self.total - self.tail.len();
        let (first, second) = self.tail.as_slices();
        let mut bytes = self.head.get(from..).unwrap_or_default().to_vec();
        let missing = tail_start.saturating_sub(from.max(self.head.len()));
        if missing > 0 {
            bytes.extend_from_slice(format!("\n[... {missing} bytes left out ...]\n").as_bytes());
        }
        let skip = from.saturating_sub(tail_start);
        bytes.extend(first.iter().chain(second).skip(skip));
        let begun = if at_end { 0 } else { unfinished_character(&bytes) };
        bytes.truncate(bytes.len() - begun);
        (String::from_utf8_lossy(&bytes).into_owned(), self.total - begun)
    }
}

/// How many bytes at the end begin a character without finishing it.
fn unfinished_character(bytes: &[u8]) -> usize {
    // A character has at most four bytes, so three can be there without the last.
    let last = &bytes[bytes.len().saturating_sub(3)..];
    let start = last.iter().rposition(|byte| byte & 0b1100_0000 == 0b1100_0000).map_or(last.len(), |at| at);
    match std::str::from_utf8(&last[start..]) {
        Err(wrong) if wrong.error_len().is_none() => last.len() - start,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    ///
    #[test]
    fn a_flood_keeps_two_hundred_thousand_bytes() {
        let mut output = Output::default();
        for line in 0..100_000 {
            output.push(format!("{line:06}\n").as_bytes());
        }
        let text = output.since(0, true).0;
        assert!(text.starts_with("000000\n") && text.ends_with("099999\n") && output.truncated());
        assert!(text.len() < HEAD_BYTES + TAIL_BYTES + 60 && text.contains("[... 500000 bytes left out ...]"));
    }

    ///
    #[test]
    fn new_output_begins_where_the_last_look_ended() {
        let mut output = Output::default();
        output.push(b"one ");
        let seen = output.total();
        output.push(b"two");
        assert_eq!(output.since(seen, true).0, "two");
        output.push(&vec![b'x'; HEAD_BYTES]);
        let seen = output.total();
        output.push(b"three");
        assert_eq!((output.since(seen, true).0, output.truncated()), ("three".into(), false));
    }

    proptest! {
        /// however the bytes of a text are cut, it arrives whole.
        #[test]
        fn no_character_is_broken_between_two_looks(text in "[aä€😀]{0,30}", cuts in prop::collection::vec(1_usize..5, 0..60)) {
            let (mut output, mut seen, mut from, mut rest) = (Output::default(), String::new(), 0, text.as_bytes());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                output.push(now);
                let (piece, next) = output.since(from, false);
                seen.push_str(&piece);
                (from, rest) = (next, later);
            }
            output.push(rest);
            seen.push_str(&output.since(from, true).0);
            prop_assert_eq!(seen, text);
        }
    }
}
