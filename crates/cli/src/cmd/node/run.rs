//! `openclaw node run`: the headless node host in the foreground (N-11.1, N-11.4).

use serde_json::json;

use super::host::{self, Offer};
use super::kept::Kept;
use super::pair;
use super::place::{self, Place};
use crate::app::App;
use crate::exit::Failure;
use crate::join::ticket;

/// Run the node host in the foreground
#[derive(Debug, Default, clap::Args)]
pub(in crate::cmd::node) struct Args {
    /// Join by this setup code, oc-pair:// link or join page first
    #[arg(long, value_name = "CODE", conflicts_with_all = ["host", "port", "url", "token", "password"])]
    pair: Option<String>,
    /// With --pair: use the code only where this machine is not known yet
    #[arg(long, requires = "pair")]
    pair_if_needed: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    offer: Offer,
}

impl Args {
    /// As `openclaw connect CODE` runs it.
    pub(in crate::cmd::node) fn joining(code: String, offer: Offer) -> Self {
        Self { pair: Some(code), offer, ..Self::default() }
    }
}

pub(in crate::cmd::node) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let kept = args.offer.over(Kept::read(app)?)?;
    // Typed in or fetched before anything listens for signals, so that Ctrl-C ends it there.
    let code = args.pair.as_deref().map(|text| ticket::read(app, text)).transpose()?;
    let ended = host::listen()?;
    let chosen = match &code {
        Some(code) => pair::come_in(app, code, &kept, args.pair_if_needed)?,
        None => pair::by_login(app, place::choose(app, &args.place, &kept)?, &kept)?,
    };
    let node_id = host::run(app, &chosen, &kept, ended)?;
    app.out.either(&json!({"ok": true, "nodeId": node_id}), || "Stopped.".to_owned());
    Ok(())
}
