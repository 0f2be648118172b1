//! `openclaw dashboard`: the link to the Gateway's own page (CON-3). The shared secret is in it only when asked for.

use serde_json::json;

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out;
use crate::rpc;

/// Print the link to the web page
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    rpc: Rpc,
    /// Print the link only; never open a browser
    #[arg(long)]
    no_open: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Put the Gateway's token into the link, so that the page needs none typed
    #[arg(long)]
    include_token: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let way = rpc::way(app, &args.rpc.reach, None, true)?;
    let base_path = app.config().map(|loaded| loaded.config.gateway.control_ui.base_path.clone()).unwrap_or_default();
    let path = format!("/{}/", base_path.trim_matches('/')).replace("//", "/");
    let scheme = if way.target.is_tls() { "https" } else { "http" };
    let http = format!("{scheme}://{}:{}{path}", way.target.url().host_str().unwrap_or_default(), way.target.port());
    let token = way.credentials.token.as_ref().filter(|_| args.include_token);
    let url = token.map_or_else(|| http.clone(), |token| format!("{http}#token={}", encoded(token.expose())));
    let value = json!({"ok": true, "url": url, "httpUrl": http, "wsUrl": way.target.to_string(),
        "port": way.target.port(), "tokenIncluded": token.is_some(), "browserUrl": url,
        "browserBootstrapExpiresAtMs": null});
    app.out.either(&value, || url.clone());
    if app.out.json {
        return Ok(());
    }
    if way.target.is_loopback() && app.env.raw("SSH_CONNECTION").is_some() {
        out::complain(&format!("from your own machine: ssh -N -L {0}:127.0.0.1:{0} <user>@<host>", way.target.port()));
    }
    if token.is_none() && way.credentials.token.is_some() {
        out::complain("the page asks for the Gateway token; --include-token puts it into the link");
    }
    Ok(())
}

/// Percent-encodes what a fragment cannot hold.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
