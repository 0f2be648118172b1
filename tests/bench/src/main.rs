//! Measures the release binary from outside, as its users meet it: start, memory, commands, RPC, fan-out, chat.
//!
//! Absolute times drift on shared machines. Each server measurement therefore runs beside a bare WebSocket echo server
//! (this program again, in another process) with frames of the same size, and what counts is the ratio of CPU time per
//! operation, taken from the operating system's accounting of each process.

mod client;
mod echo;
mod measure;
mod process;
mod report;
mod vendor;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

/// Measures an openclaw binary and prints one table.
#[derive(Parser)]
struct Args {
    /// The release binary to measure.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where to write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Runs of each measurement; the table shows median, minimum and maximum.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only measurements whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Be the echo server (used by the benchmark itself).
    #[arg(long, hide = true)]
    echo: bool,
    /// Be the relay (used by the benchmark itself).
    #[arg(long, hide = true)]
    relay: bool,
    /// The same over TLS.
    #[arg(long, hide = true, requires = "echo")]
    tls: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if args.echo {
        return runtime.block_on(echo::serve(args.tls));
    }
    if args.relay {
        return runtime.block_on(echo::relay());
    }
    let binary = args.binary.ok_or_else(|| anyhow::anyhow!("--binary names the binary to measure"))?;
    let report = runtime.block_on(measure::all(&binary, args.runs, args.only.as_deref()))?;
    report.print();
    if let Some(file) = args.json {
        std::fs::write(&file, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(())
}
