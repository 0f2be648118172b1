//! One file per thing measured, one line here.

mod chat;
mod connects;
mod fanout;
mod idle;
mod nodes;
mod remote;
mod rpc;
mod start;
mod telegram;
mod tls;

use std::path::Path;

use anyhow::Result;

use crate::report::Report;

/// Runs every measurement whose name contains `only`, in the order a user meets them.
pub(crate) async fn all(binary: &Path, runs: usize, only: Option<&str>) -> Result<Report> {
    let mut report = Report::default();
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    if wanted("start") {
        start::measure(binary, runs, &mut report).await?;
    }
    if wanted("connects") {
        connects::measure(binary, runs, &mut report).await?;
    }
    if wanted("tls") {
        tls::measure(binary, runs, &mut report).await?;
    }
    if wanted("remote") {
        remote::measure(binary, runs, &mut report).await?;
    }
    if wanted("rpc") {
        rpc::measure(binary, runs, &mut report).await?;
    }
    if wanted("fanout") {
        fanout::measure(binary, runs, &mut report).await?;
    }
    if wanted("idle") {
        idle::measure(binary, &mut report).await?;
    }
    if wanted("nodes:idle") {
        nodes::idle(binary, &mut report).await?;
    }
    if wanted("nodes:calls") {
        nodes::calls(binary, runs, &mut report).await?;
    }
    if wanted("nodes:host") {
        nodes::hosts(binary, runs, &mut report).await?;
    }
    if wanted("chat") {
        chat::measure(binary, runs, &mut report).await?;
    }
    if wanted("telegram") {
        telegram::measure(binary, &mut report).await?;
    }
    Ok(report)
}
