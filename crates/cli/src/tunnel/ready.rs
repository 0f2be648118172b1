//! Whether a way leads to a Gateway: `ssh` takes a connection long before the far side has answered, so only an answer
//! counts (SSH-8).

use std::io;
use std::time::Duration;

use link::{ByteStream, DialError, SshFailure, SshProblem, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// From the first byte to the answer, an SSH handshake included.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// More than a Gateway says of its health.
const ANSWER_MAX: u64 = 4096;
/// How a TLS server begins its complaint about a plain request.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Asks what is behind `stream` for its health.
pub(crate) async fn check(stream: impl ByteStream, target: &Target) -> Result<(), DialError> {
    let answer = timeout(ANSWERS_WITHIN, ask(stream, target.port())).await;
    let answer = answer.map_err(|_| silent(target))?.map_err(|error| DialError::broken(target, error))?;
    match evidence_against(&answer) {
        None => Ok(()),
        Some(evidence) => {
            let speaks_http = answer.starts_with(b"HTTP/");
            Err(DialError::NotAGateway { target: target.clone(), evidence, speaks_http })
        }
    }
}

async fn ask(mut stream: impl ByteStream, port: u16) -> io::Result<Vec<u8>> {
    let request = format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    match stream.take(ANSWER_MAX).read_to_end(&mut answer).await {
        // What closed rudely after its answer has answered.
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

/// Why this is no answer of a Gateway, if it is none. One that speaks TLS has said so.
fn evidence_against(answer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(answer);
    let speaks_tls = answer.starts_with(&TLS_ALERT) || (text.starts_with("HTTP/1.1 400") && text.contains("wss://"));
    if speaks_tls || (text.starts_with("HTTP/1.1 200") && text.contains("\"ok\":true")) {
        return None;
    }
    let first: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(60).collect();
    Some(if first.is_empty() { "it closed without a word".to_owned() } else { format!("it said `{first}`") })
}

fn silent(target: &Target) -> DialError {
    let Some(route) = target.ssh() else {
        let source = io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
        return DialError::Unreachable { target: target.clone(), source };
    };
    let (problem, said) = (SshProblem::Timeout, String::new());
    DialError::Ssh(Box::new(SshFailure { problem, target: route.target.clone(), far_port: target.port(), said }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SSH-8
    #[test]
    fn only_a_gateways_answer_is_one() {
        let live = "HTTP/1.1 200 OK\r\n\r\n{\"ok\":true,\"status\":\"live\"}";
        assert_eq!(evidence_against(live.as_bytes()), None);
        assert_eq!(evidence_against(&[0x15, 0x03, 0x01, 0, 2, 2, 70]), None);
        assert_eq!(evidence_against(b"HTTP/1.1 400 Bad Request\r\n\r\nuse https:// or wss://"), None);
        for (other, evidence) in
            [("", "without a word"), ("SSH-2.0-x\r\n", "SSH-2.0-x"), ("HTTP/1.1 404 No\r\n", "404")]
        {
            assert!(evidence_against(other.as_bytes()).unwrap().contains(evidence), "{other}");
        }
    }
}
