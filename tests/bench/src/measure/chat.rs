//! What `chat.send` adds to a model that answers at once: from the request to the `final` event.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::client;
use crate::process::Server;
use crate::report::Report;
use crate::vendor;

const CHATS: usize = 50;

pub(crate) async fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let config = vendor::start().await?;
    let (mut p50, mut p99) = (vec![], vec![]);
    for _ in 0..runs {
        let mut server = Server::gateway(binary, &config)?;
        server.accepting().await?;
        let mut socket = client::connect(server.port, None).await?;
        let mut times = Vec::with_capacity(CHATS);
        for at in 0..=CHATS {
            let key = format!("bench-{at}");
            let params = json!({"sessionKey": format!("bench-{at}"), "message": "hello", "idempotencyKey": key});
            let started = Instant::now();
            client::send(&mut socket, &key, "chat.send", &params).await?;
            loop {
                let text = client::next_text(&mut socket).await?;
                if text.contains(r#""state":"final""#) && text.contains(&key) {
                    break;
                }
            }
            // The first chat also creates the workspace.
            if at > 0 {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        p50.push(times[times.len() / 2]);
        p99.push(times[times.len() * 99 / 100]);
        server.stop().await?;
    }
    report.add("chat.send to final, instant model: p50", "ms", Some(8.0), p50);
    report.add("chat.send to final, instant model: p99", "ms", None, p99);
    Ok(())
}
