//! A model vendor that answers at once, so that what is left of a chat's time is ours.

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &str = concat!(
    r#"data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":"ok"},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#,
    "\n\ndata: [DONE]\n\n"
);

/// Starts it and returns the piece of config that makes it the Gateway's model.
pub(crate) async fn start() -> Result<serde_json::Value> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let base_url = format!("http://127.0.0.1:{port}/v1");
    Ok(serde_json::json!({
        "models": {"providers": {"fake": {"baseUrl": base_url, "apiKey": "x", "api": "openai-completions",
            "models": [{"id": "m", "name": "m", "contextWindow": 120_000, "maxTokens": 4096}]}}},
        "agents": {"defaults": {"model": {"primary": "fake/m"}}}
    }))
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut seen = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        while !is_whole(&seen) {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                read => seen.extend_from_slice(&buffer[..read]),
            }
        }
        seen.clear();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
        stream.write_all(format!("{head}{ANSWER}").as_bytes()).await?;
    }
}

/// Whether a whole request has arrived; our Gateway always sends a length.
fn is_whole(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
