//! `openclaw dashboard`: a link to the Gateway's own page (CON-3). It carries a token that works once and for ten
//! minutes; the shared secret is in it only when asked for.

use std::io::IsTerminal as _;
use std::process::{Command, Stdio};

use link::{Route, Target};
use serde_json::json;
use wire::methods::Method as _;
use wire::methods::dashboard::{Link, LinkResult};

use crate::app::App;
use crate::args::Rpc;
use crate::cred::Way;
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};
use crate::service::process;
use crate::tunnel::{Record, Records};

/// Open the web page, or print the link to it
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
    /// Put the Gateway's own token into the link, which then works for as long as that does
    #[arg(long)]
    include_token: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let way = rpc::way(app, &args.rpc.reach, None, true)?;
    let http = page(app, &way);
    let token = way.credentials.token.as_ref().filter(|_| args.include_token);
    let once = if token.is_some() { None } else { link(app, &args.rpc) };
    let signed_in = once.as_ref().map(|once| fragment(&http, "bootstrapToken", once.bootstrap_token.as_str()));
    let url = token.map_or_else(|| http.clone(), |token| fragment(&http, "token", token.expose()));
    let browser = signed_in.unwrap_or_else(|| url.clone());
    let value = json!({"ok": true, "url": url, "httpUrl": http, "wsUrl": way.target.to_string(),
        "port": way.target.port(), "tokenIncluded": token.is_some(), "browserUrl": browser,
        "browserBootstrapExpiresAtMs": once.as_ref().map(|once| once.expires_at_ms)});
    app.out.either(&value, || browser.clone());
    if app.out.json {
        return Ok(());
    }
    let from_afar = app.env.raw("SSH_CONNECTION").is_some();
    if way.target.is_loopback() && from_afar {
        out::complain(&format!("from your own machine: ssh -N -L {0}:127.0.0.1:{0} <user>@<host>", way.target.port()));
    }
    match (&once, token) {
        (Some(_), _) => out::complain("the link signs one page in, once, within ten minutes"),
        (None, None) => out::complain("the Gateway made no link that signs in; is it running? openclaw gateway status"),
        (None, Some(_)) => {}
    }
    let may_open = once.is_some() && !args.no_open && !from_afar && std::io::stdout().is_terminal();
    if may_open && open(app, &browser) {
        out::complain("opened in your browser");
    }
    Ok(())
}

/// A link to the page of the Gateway here that signs in once; `None` when it makes none.
pub(super) fn signed_in(app: &App) -> Result<Option<String>, Failure> {
    let rpc = Rpc::default();
    let way = rpc::way(app, &rpc.reach, None, true)?;
    let once = link(app, &rpc);
    Ok(once.map(|once| fragment(&page(app, &way), "bootstrapToken", once.bootstrap_token.as_str())))
}

/// Where the page is.
fn page(app: &App, way: &Way) -> String {
    page_at(app, &way.target, way.target.url().host_str().unwrap_or_default(), way.target.port())
}

/// Where a browser of this machine finds the page (PROBE-5): at the Gateway's own address, or behind SSH at the local end
/// of a forward that leads there; `None` when only commands get there.
pub(super) fn from_here(app: &App, target: &Target) -> Option<String> {
    let route = match target.route() {
        Route::Direct | Route::Unix(_) => {
            return Some(page_at(app, target, target.url().host_str().unwrap_or_default(), target.port()));
        }
        Route::Forward(_) => return None,
        Route::Ssh(route) => route,
    };
    let written = route.target.to_string();
    let leads_there = |record: &Record| record.target == written && record.remote_port == target.port();
    let kept = Records::of(&app.paths)
        .ok()
        .and_then(|records| records.live().into_iter().filter(leads_there).find_map(|record| record.local_port));
    let by_hand = || route.standing.as_ref().map(|near| near.port()).filter(|port| process::answers(*port));
    kept.or_else(by_hand).map(|port| page_at(app, target, "127.0.0.1", port))
}

/// What opens a port that leads to `target`, for whoever wants the page of it.
pub(super) fn way_to_page(target: &Target) -> String {
    let host = target.ssh().map(|route| route.target.to_string()).unwrap_or_default();
    format!("openclaw tunnel up {host}").trim_end().to_owned()
}

fn page_at(app: &App, target: &Target, host: &str, port: u16) -> String {
    let base_path = app.config().map(|loaded| loaded.config.gateway.control_ui.base_path.clone()).unwrap_or_default();
    let path = format!("/{}/", base_path.trim_matches('/')).replace("//", "/");
    let scheme = if target.is_tls() { "https" } else { "http" };
    format!("{scheme}://{host}:{port}{path}")
}

/// Has the Gateway make a token for one page; without it the link is still good for looking.
fn link(app: &App, rpc: &Rpc) -> Option<LinkResult> {
    let want = Want::of(Link::NAME, rpc.timeout_or(rpc::TIMEOUT));
    let answer = rpc::block_on(async {
        let connection = rpc::open(app, &rpc.reach, None, &want).await?;
        let answer = connection.call(Link::NAME, None).await;
        connection.client.close().await;
        answer
    });
    serde_json::from_value(answer.ok()?).ok()
}

/// The secret stands after `#`, which no browser sends to anyone.
fn fragment(page: &str, name: &str, secret: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    format!("{page}#{name}={encoded}")
}

/// Opens a browser where there is a desktop to show it; whether one was started. It is given the name of a private file
/// that leads on to the link: other users of this host can read command lines.
fn open(app: &App, url: &str) -> bool {
    let desktop =
        cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| app.env.raw(name).is_some());
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let Some(program) = which::which(program).ok().filter(|_| desktop) else { return false };
    let file = app.paths.dashboard_page();
    let text = format!("<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={url}\"><title>OpenClaw</title>\n");
    let made = file.parent().map_or(Ok(()), base::ensure_private_dir);
    if made.and_then(|()| base::write_atomic(&file, text.as_bytes())).is_err() {
        return false;
    }
    let mut command = Command::new(program);
    command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
