//! The setup code behind a join page (N-3.7): one small HTTP request, over TLS or to this machine. What comes back is a
//! secret, so that no redirection is followed and nothing is fetched in the clear.

use base::{Code, Explain, Kind, Step};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;
use wire::SetupCode;

use crate::error::{Awaited, DialError};
use crate::handshake::{self, Connect};

/// More than any code with its headers.
const ANSWER_MAX_BYTES: u64 = 32 * 1024;

/// Why a join page gave no setup code.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// It could not be asked.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It would come in the clear.
    #[error("a join page is fetched through https, or from this machine")]
    Plaintext,
    /// It is none, or not any more.
    #[error("the join code is unknown, used or too old ({0})")]
    Unknown(String),
}

impl Explain for PageError {
    fn code(&self) -> Code {
        match self {
            Self::Dial(error) => error.code(),
            Self::Plaintext => Code("JOIN_PAGE_NEEDS_TLS"),
            Self::Unknown(_) => Code("JOIN_CODE_UNKNOWN"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Dial(error) => error.kind(),
            Self::Plaintext => Kind::Usage,
            Self::Unknown(_) => Kind::Refused,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Dial(error) => error.next(),
            Self::Plaintext => vec![Step::advise("ask for the setup code itself: openclaw qr --setup-code-only")],
            Self::Unknown(_) => {
                vec![Step::advise("have another made where the Gateway runs: openclaw devices join-code")]
            }
        }
    }
}

/// Fetches the setup code of the join page at `page`; `how` says where that is and which certificate to insist on.
///
/// # Errors
/// [`PageError`]
pub async fn setup_code_at(how: &Connect, page: &Url) -> Result<SetupCode, PageError> {
    if !how.target.is_tls() && !how.target.is_loopback() {
        return Err(PageError::Plaintext);
    }
    let mut awaited = Awaited::Connection;
    let asked = async {
        let (mut stream, _) = handshake::open(how, &mut awaited).await?;
        awaited = Awaited::Upgrade;
        let broken = |error| DialError::broken(&how.target, error);
        let port = page.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", page.host_str().unwrap_or_default());
        // An old version of the protocol: nobody answers it in pieces.
        let request = format!("GET {} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n", page.path());
        stream.write_all(request.as_bytes()).await.map_err(broken)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_MAX_BYTES).read_to_end(&mut answer).await.map_err(broken)?;
        Ok(answer)
    };
    let outcome = tokio::time::timeout(how.timeout, asked).await;
    let (target, waited) = (how.target.clone(), how.timeout);
    let answer = outcome.unwrap_or(Err(DialError::Timeout { target, awaited, waited }))?;
    code_in(&answer).map_err(PageError::Unknown)
}

fn code_in(answer: &[u8]) -> Result<SetupCode, String> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = end.map_or((answer, &[][..]), |end| (&answer[..end], &answer[end + 4..]));
    let head = String::from_utf8_lossy(head);
    let status = head.lines().next().and_then(|line| line.split_whitespace().nth(1)).unwrap_or("no HTTP");
    if status != "200" {
        return Err(format!("HTTP {status}"));
    }
    SetupCode::of_json(body).map_err(|bad| bad.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_holds_a_code() {
        let good = b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n{\"url\":\"wss://g\",\"bootstrapToken\":\"t\"}";
        assert_eq!(code_in(good).unwrap().url, "wss://g");
        for bad in
            [&b""[..], b"garbage", b"HTTP/1.1 404 Not Found\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n<html>", &good[..50]]
        {
            assert!(code_in(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
