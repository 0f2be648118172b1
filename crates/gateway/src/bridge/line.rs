//! Lines in and out of one connection (N-14.1). A line has a limit, small until the node has proven itself; what is sent
//! makes progress or the connection ends.

use std::io;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use wire::bridge::{LINE_MAX_BYTES, ToNode};

use crate::http::incoming::Stream;

/// A peer that takes nothing for so long is gone.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// How long a peer that is sent away has to read why.
const FAREWELL: Duration = Duration::from_secs(2);

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A line that is not blank.
    Line(String),
    /// More than a line may hold, or bytes that are no text; nothing after it can be trusted.
    Unreadable(&'static str),
    /// The peer is gone.
    End,
}

/// The reading half.
pub(super) struct Reading(FramedRead<ReadHalf<Box<dyn Stream>>, LinesCodec>);

/// The writing half.
pub(super) struct Writing(WriteHalf<Box<dyn Stream>>);

/// Both.
pub(super) struct Lines {
    pub(super) reading: Reading,
    pub(super) writing: Writing,
}

impl Lines {
    /// Of a stream that has said nothing yet.
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        let (read, write) = tokio::io::split(stream);
        let codec = LinesCodec::new_with_max_length(LINE_MAX_BYTES[0]);
        Self { reading: Reading(FramedRead::new(read, codec)), writing: Writing(write) }
    }

    /// The node has proven itself: its lines may be as long as a frame.
    pub(super) fn raised(self) -> Self {
        let raise = |_| LinesCodec::new_with_max_length(LINE_MAX_BYTES[1]);
        Self { reading: Reading(self.reading.0.map_decoder(raise)), ..self }
    }

    /// Tells why, and lets the peer read it: closing on what it is still sending would throw our line away.
    pub(super) async fn part(mut self, code: &str, message: &str) {
        let goodbye = async {
            self.writing.send(&ToNode::Error { code, message }.line()).await?;
            self.writing.close().await?;
            let mut scrap = [0; 8 * 1024];
            let rest = self.reading.0.get_mut();
            while rest.read(&mut scrap).await? > 0 {}
            Ok::<(), io::Error>(())
        };
        // A peer that is gone, or does not listen, needs no goodbye.
        let _gone_or_late = timeout(FAREWELL, goodbye).await;
    }
}

impl Reading {
    /// The next line; can be given up and asked again.
    pub(super) async fn next(&mut self) -> Said {
        loop {
            match self.0.next().await {
                None => return Said::End,
                Some(Ok(line)) if line.trim().is_empty() => {}
                Some(Ok(line)) => return Said::Line(line),
                Some(Err(LinesCodecError::MaxLineLengthExceeded)) => return Said::Unreadable("line too long"),
                Some(Err(LinesCodecError::Io(error))) if error.kind() == io::ErrorKind::InvalidData => {
                    return Said::Unreadable("not UTF-8");
                }
                Some(Err(LinesCodecError::Io(_))) => return Said::End,
            }
        }
    }
}

impl Writing {
    /// Sends a line.
    ///
    /// # Errors
    /// When the peer is gone or takes nothing any more.
    pub(super) async fn send(&mut self, line: &str) -> io::Result<()> {
        for mut left in [line.as_bytes(), b"\n"] {
            while !left.is_empty() {
                match timeout(STALLED_AFTER, self.0.write(left)).await?? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    taken => left = &left[taken..],
                }
            }
        }
        timeout(STALLED_AFTER, self.0.flush()).await?
    }

    /// Says that nothing more will come.
    ///
    /// # Errors
    /// When the peer is gone.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        timeout(FAREWELL, self.0.shutdown()).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Lines, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        (Lines::new(Box::new(ours)), theirs)
    }

    /// N-14.1
    #[tokio::test]
    async fn lines_come_whole_however_they_were_cut_and_blank_ones_are_skipped() {
        let (mut lines, mut peer) = pair();
        for piece in ["{\"a", "\":1}\n{}\r\n\n  \n[", "]\nleft"] {
            peer.write_all(piece.as_bytes()).await.unwrap();
        }
        for line in ["{\"a\":1}", "{}", "[]"] {
            assert_eq!(lines.reading.next().await, Said::Line(line.into()));
        }
        drop(peer);
        assert_eq!(lines.reading.next().await, Said::Line("left".into()));
        assert_eq!(lines.reading.next().await, Said::End);
    }

    /// N-14.1
    #[tokio::test]
    async fn a_line_that_is_too_long_or_no_text_is_not_waited_for() {
        let (mut lines, mut peer) = pair();
        peer.write_all(&vec![b'x'; LINE_MAX_BYTES[0] + 1]).await.unwrap();
        assert_eq!(lines.reading.next().await, Said::Unreadable("line too long"));
        let (lines, mut peer) = pair();
        peer.write_all(&vec![b'x'; LINE_MAX_BYTES[0] + 1]).await.unwrap();
        peer.write_all(b"\n").await.unwrap();
        let Said::Line(line) = lines.raised().reading.next().await else { panic!("it fits now") };
        assert_eq!(line.len(), LINE_MAX_BYTES[0] + 1);
        let (mut lines, mut peer) = pair();
        peer.write_all(b"\xff\xfe\n").await.unwrap();
        assert_eq!(lines.reading.next().await, Said::Unreadable("not UTF-8"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut lines = Lines::new(Box::new(ours));
        assert_eq!(lines.writing.send(&"x".repeat(64)).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
