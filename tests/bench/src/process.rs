//! Processes under measurement: started, accounted for, stopped by pid.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub(crate) const TOKEN: &str = "bench-token-0123456789abcdef0123456789";
const COME_UP_WITHIN: Duration = Duration::from_secs(20);

/// A server process and where it listens.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) started: Instant,
    pub(crate) folder: TempDir,
}

impl Server {
    /// Starts the Gateway under test on a state folder of its own; returns at once, before it answers.
    pub(crate) fn gateway(binary: &Path, extra: &serde_json::Value) -> Result<Self> {
        Self::with(binary, extra, &serde_json::json!({}))
    }

    /// The same with more in its `gateway` section.
    pub(crate) fn gateway_of(binary: &Path, gateway: &serde_json::Value) -> Result<Self> {
        Self::with(binary, &serde_json::json!({}), gateway)
    }

    fn with(binary: &Path, extra: &serde_json::Value, gateway: &serde_json::Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut config = serde_json::json!({
            "gateway": {"mode": "local", "port": port, "auth": {"mode": "token", "token": TOKEN}}
        });
        for (part, more) in [("", extra), ("/gateway", gateway)] {
            let section = config.pointer_mut(part).and_then(serde_json::Value::as_object_mut);
            if let (Some(section), Some(more)) = (section, more.as_object()) {
                section.extend(more.clone());
            }
        }
        base::write_atomic(&folder.path().join("openclaw.json"), &serde_json::to_vec(&config)?)?;
        let started = Instant::now();
        let child = command(binary, folder.path()).args(["gateway", "run"]).kill_on_drop(true).spawn()?;
        Ok(Self { child, port, started, folder })
    }

    /// Starts the echo floor.
    pub(crate) async fn echo(tls: bool) -> Result<Self> {
        Self::floor(if tls { &["--echo", "--tls"] } else { &["--echo"] }).await
    }

    /// Starts the relay floor; its port takes pairs only, so nobody may knock.
    pub(crate) async fn relay() -> Result<Self> {
        Self::floor(&["--relay"]).await
    }

    async fn floor(args: &[&str]) -> Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the floor")?;
        let stdout = child.stdout.take().context("the floor has no stdout")?;
        let line = BufReader::new(stdout).lines().next_line().await?.context("the floor said no port")?;
        Ok(Self { child, port: line.trim().parse()?, started, folder: tempfile::tempdir()? })
    }

    /// Waits until the port accepts a connection.
    pub(crate) async fn accepting(&mut self) -> Result<()> {
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server exited with {status} before it listened");
            }
            if self.started.elapsed() > COME_UP_WITHIN {
                bail!("the server did not listen within {COME_UP_WITHIN:?}");
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has exited")
    }

    /// CPU time of the process so far, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()?))?;
        let after_name = stat.rsplit_once(") ").context("odd /proc stat")?.1;
        let fields: Vec<&str> = after_name.split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Resident memory in KiB.
    pub(crate) fn rss_kib(&self) -> Result<u64> {
        rss_kib(self.pid()?)
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// Resident memory of a process in KiB.
pub(crate) fn rss_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("no VmRSS value")?.parse()?)
}

/// A command of the binary with nothing of this shell's environment that could change it.
pub(crate) fn command(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().env("HOME", folder).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("OPENCLAW_STATE_DIR", folder).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
