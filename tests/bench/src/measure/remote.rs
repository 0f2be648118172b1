//! From elsewhere: what a command through SSH costs beside the same command on loopback, and how soon a link that was cut
//! is back.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kit::{CutLine, Sshd};
use link::{Connect, Credentials, Link, LinkState, Source, Target};
use serde_json::json;

use crate::process::{Server, TOKEN, command};
use crate::report::Report;

/// Commands of each kind, in turns.
const COMMANDS: usize = 21;
const CUTS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(30);
/// Beyond loopback, over a connection that stands.
const SSH_BUDGET_MS: f64 = 30.0;
const DIAL_BUDGET_MS: f64 = 250.0;
const RESUME_BUDGET_MS: f64 = 1_000.0;
/// The copy of the program included.
const UP_BUDGET_SECS: f64 = 15.0;

pub(crate) async fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let mut server = Server::gateway(binary, &json!({}))?;
    server.accepting().await?;
    ssh(binary, &server, runs, report).await?;
    cuts(&server, report).await?;
    up(binary, runs, report).await?;
    server.stop().await
}

/// One sample a run: the median of the commands through SSH less that of the same commands on loopback.
async fn ssh(binary: &Path, server: &Server, runs: usize, report: &mut Report) -> Result<()> {
    let sshd = tokio::task::spawn_blocking(Sshd::start).await?;
    let laptop = tempfile::tempdir()?;
    let (target, port) = (sshd.target(), server.port.to_string());
    let token = laptop.path().join("token.txt");
    base::write_atomic(&token, TOKEN.as_bytes())?;
    let url = format!("ws://127.0.0.1:{port}");
    let config = json!({"gateway": {"mode": "remote", "remote": {"sshTarget": target, "remotePort": server.port}}});
    base::write_atomic(&laptop.path().join("openclaw.json"), &serde_json::to_vec(&config)?)?;
    let health = async |args: &[&str]| {
        let mut command = command(binary, laptop.path());
        command.env("OPENCLAW_SSH_CONFIG", sshd.config()).args(["health", "--json"]).args(args);
        let began = Instant::now();
        let status = command.status().await?;
        if !status.success() {
            bail!("`health {}` ended with {status}", args.join(" "));
        }
        Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    let file = token.to_str().context("a plain path")?;
    // The first one shows the token, makes the connection and gets a token of its own.
    let cold = health(&["--token-file", file]).await?;
    let direct = ["--url", &url, "--token-file", file];
    let (mut beyond, mut through) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let (mut far, mut near) = (Vec::new(), Vec::new());
        for _ in 0..COMMANDS {
            near.push(health(&direct).await?);
            far.push(health(&[]).await?);
        }
        beyond.push(median(&mut far) - median(&mut near));
        through.push(median(&mut far));
    }
    report.add("`openclaw health` through SSH, the first: login and pairing", "ms", None, vec![cold]);
    report.add("`openclaw health` through SSH, connection shared", "ms", None, through);
    report.add("the same, beyond loopback", "ms", Some(SSH_BUDGET_MS), beyond);
    Ok(())
}

/// `openclaw up` on a host that has nothing of ours: the program is copied, a config made, a Gateway started, and this
/// machine let in.
async fn up(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let mut took = Vec::new();
    for _ in 0..runs {
        let (far, laptop) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let home = format!("SetEnv HOME={}", far.path().display());
        let sshd = tokio::task::spawn_blocking(move || Sshd::with(&[&home])).await?;
        let (target, port) = (sshd.target(), kit::free_port().to_string());
        let run = async |words: &[&str]| {
            let mut command = command(binary, laptop.path());
            command.env("OPENCLAW_SSH_CONFIG", sshd.config()).args(words);
            let began = Instant::now();
            let status = command.status().await?;
            Ok::<_, anyhow::Error>((status.success(), began.elapsed()))
        };
        let (ok, elapsed) = run(&["up", &target, "--yes", "--no-service", "--gateway-port", &port]).await?;
        let (down, _) = run(&["down", &target, "--yes"]).await?;
        if !(ok && down) {
            bail!("`up {target}` ended well: {ok}; `down`: {down}");
        }
        took.push(elapsed.as_secs_f64());
    }
    report.add("`openclaw up` through SSH, nothing there before", "s", Some(UP_BUDGET_SECS), took);
    Ok(())
}

/// From the cut to the next dial, and to the stream that goes on.
async fn cuts(server: &Server, report: &mut Report) -> Result<()> {
    let line = CutLine::to(([127, 0, 0, 1], server.port).into()).await;
    let target = Target::loopback(line.address().port(), Source::LocalLoopback);
    let client = json!({"id": "cli", "version": "1", "platform": "linux", "mode": "cli"});
    let mut how = Connect::new(target, serde_json::from_value(client)?);
    how.scopes = vec!["operator.read".into()];
    how.credentials = Credentials { token: Some(base::Secret::new(TOKEN)), ..Credentials::default() };
    let (link, _happenings) = Link::open(how, PATIENCE).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let (mut dialled, mut resumed) = (Vec::new(), Vec::new());
    for _ in 0..CUTS {
        let before = line.accepted();
        let mut state = link.state();
        let began = Instant::now();
        line.cut();
        let back = async {
            let mut dialled = None;
            loop {
                let is_dialled = line.accepted() > before;
                if is_dialled && dialled.is_none() {
                    dialled = Some(began.elapsed());
                }
                if is_dialled && matches!(&*state.borrow_and_update(), LinkState::Up { .. }) {
                    return dialled;
                }
                // Whichever comes first; the line has no event for a connection that was accepted.
                let _either = tokio::time::timeout(Duration::from_millis(1), state.changed()).await;
            }
        };
        let dial = tokio::time::timeout(PATIENCE, back).await?.context("dialled")?;
        dialled.push(dial.as_secs_f64() * 1e3);
        resumed.push(began.elapsed().as_secs_f64() * 1e3);
    }
    link.close().await;
    report.add("after a cut: until the next dial", "ms", Some(DIAL_BUDGET_MS), dialled);
    report.add("after a cut: until the stream goes on", "ms", Some(RESUME_BUDGET_MS), resumed);
    Ok(())
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
