//! `openclaw qr`: a setup code for one new device, as text and as a picture to scan (CON-4, N-3.7).

mod picture;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use wire::methods::device::SetupCodeParams;

use crate::app::App;
use crate::args::{Reach, millis};
use crate::exit::Failure;
use crate::out;
use crate::rpc::TIMEOUT;
use crate::setup_code::{self, Made};

/// Make a code by which one phone or computer joins
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The address in the code, when others reach the Gateway by another than it knows of itself
    #[arg(long, alias = "public-url", value_name = "URL")]
    url: Option<String>,
    /// Put gateway.remote.url of this config into the code
    #[arg(long, conflicts_with = "url")]
    remote: bool,
    /// Print the code and nothing else
    #[arg(long)]
    setup_code_only: bool,
    /// No picture
    #[arg(long)]
    no_ascii: bool,
    /// Hand over what an app needs to chat and decide about approvals, never more; it is always so
    #[arg(long, conflicts_with = "voice_node")]
    limited: bool,
    /// Hand over only what it takes to talk
    #[arg(long)]
    voice_node: bool,
    /// Gateway token; `-` reads it from stdin
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true, help_heading = "Gateway")]
    token: Option<String>,
    /// Gateway password; `-` reads it from stdin
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, help_heading = "Gateway")]
    password: Option<String>,
    /// Read the token from this file
    #[arg(long, value_name = "PATH", conflicts_with = "token", help_heading = "Gateway")]
    token_file: Option<PathBuf>,
    /// Read the password from this file
    #[arg(long, value_name = "PATH", conflicts_with = "password", help_heading = "Gateway")]
    password_file: Option<PathBuf>,
    /// For asking the Gateway; a bare number is milliseconds [default: 10000]
    #[arg(long, value_name = "MS", value_parser = millis, help_heading = "Gateway")]
    timeout: Option<Duration>,
}

const EXAMPLES: &str = "\
The code is a secret until it is used: it lets one device in, once, within ten minutes, and what that device offers is
approved with it. Nothing else is handed over but, to an app, a token to chat and to decide about approvals.

Examples:
  openclaw qr
  openclaw qr --url wss://gw.example --setup-code-only";

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let params = SetupCodeParams {
        public_url: address(app, args)?,
        bootstrap_profile: args.voice_node.then(|| "voice-node".to_owned()),
        ..SetupCodeParams::default()
    };
    let made = setup_code::make(app, &reach(args), args.timeout.unwrap_or(TIMEOUT), &params)?;
    made.warn(app);
    let told = &made.told;
    let mut value = json!({"setupCode": told.setup_code.as_str(), "gatewayUrl": told.gateway_url, "auth": told.auth,
        "access": told.access, "urlSource": told.url_source, "setupId": told.setup_id,
        "expiresAtMs": told.expires_at_ms, "endpoints": made.endpoints()});
    if !told.gateway_urls.is_empty() {
        value["gatewayUrls"] = json!(told.gateway_urls);
    }
    app.out.either(&value, || match args.setup_code_only {
        true => told.setup_code.as_str().to_owned(),
        false => shown(app, &made, !args.no_ascii),
    });
    if !app.out.json && !args.setup_code_only {
        out::complain("It lets one device in, once, within ten minutes. Until then, show it to nobody else.");
    }
    Ok(())
}

fn address(app: &App, args: &Args) -> Result<Option<String>, Failure> {
    if !args.remote {
        return Ok(args.url.clone());
    }
    let remote = app.config()?.config.gateway.remote.url.clone();
    match remote.filter(|url| !url.trim().is_empty()) {
        Some(url) => Ok(Some(url)),
        None => Err(Failure::usage("--remote: the config has no gateway.remote.url").run("openclaw qr --url wss://…")),
    }
}

fn reach(args: &Args) -> Reach {
    Reach {
        token: args.token.clone(),
        password: args.password.clone(),
        token_file: args.token_file.clone(),
        password_file: args.password_file.clone(),
        ..Reach::default()
    }
}

fn shown(app: &App, made: &Made, with_picture: bool) -> String {
    let code = made.told.setup_code.as_str();
    let picture = with_picture.then(|| picture::of(code, app.out.color)).flatten();
    let how = match &picture {
        Some(picture) => format!("{picture}\n\nScan this with the OpenClaw app, or paste the code there:"),
        None => "Paste this code into the OpenClaw app:".to_owned(),
    };
    let address = format!("{} ({})", made.told.gateway_url, made.told.url_source);
    format!("{how}\n\n{code}\n\nOn a computer: openclaw connect CODE\nIt leads to {address}.")
}
