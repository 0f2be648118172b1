//! `openclaw version`, and what `--version` prints.

use serde_json::json;

use crate::app::App;
use crate::exit::Failure;

/// The one line.
pub(crate) const LINE: &str = concat!("OpenClaw ", env!("CARGO_PKG_VERSION"));

/// No flags of its own.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(app: &App, _: &Args) -> Result<(), Failure> {
    let value = json!({"name": "openclaw", "version": env!("CARGO_PKG_VERSION"), "protocol": wire::PROTOCOL,
        "minProtocol": wire::MIN_PROTOCOL, "platform": std::env::consts::OS, "arch": std::env::consts::ARCH});
    app.out.either(&value, || LINE.to_owned());
    Ok(())
}
