//! What somebody is given to join by: a setup code, the same as a link, or the address of a join page (N-3.7).

use std::io::Read as _;

use link::{Connect, Source, Target};
use url::Url;
use wire::SetupCode;
use wire::connect::ClientInfo;

use crate::app::App;
use crate::exit::Failure;
use crate::rpc::{TIMEOUT, block_on};

/// Characters of a join page's code.
const PAGE_CODE_CHARS: usize = 22;
/// More than any code.
const STDIN_MAX_BYTES: u64 = 64 * 1024;

/// Whether `text` was meant as one, rather than as a host or an address to dial.
pub(crate) fn is_meant(text: &str) -> bool {
    page(text).is_some() || SetupCode::is_meant(text)
}

/// The setup code it stands for; `-` reads it from stdin, since others on this host can read a command line.
pub(crate) fn read(app: &App, text: &str) -> Result<SetupCode, Failure> {
    let mut given = String::new();
    let text = if text == "-" {
        let read = std::io::stdin().take(STDIN_MAX_BYTES).read_to_string(&mut given);
        read.map_err(|error| Failure::usage(format!("`-` reads stdin: {error}")))?;
        given.trim()
    } else {
        text.trim()
    };
    let code = match page(text) {
        Some(page) => fetched(app, &page)?,
        None => {
            SetupCode::parse(text).map_err(|bad| anew(Failure::refused("SETUP_CODE_UNREADABLE", bad.to_string())))?
        }
    };
    base::log::hide(&base::Secret::new(code.bootstrap_token.as_str()));
    if code.is_over(base::now_ms()) {
        return Err(anew(Failure::refused(
            "SETUP_CODE_EXPIRED",
            "this setup code is too old: it works for ten minutes",
        )));
    }
    Ok(code)
}

fn anew(failure: Failure) -> Failure {
    failure.advise("have another made where the Gateway runs: openclaw qr")
}

/// The URL of a join page: `https://…/j/CODE`.
fn page(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let (_, code) = url.path().rsplit_once("/j/")?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (code.len() == PAGE_CODE_CHARS && code.chars().all(legal)).then_some(url)
}

fn fetched(app: &App, page: &Url) -> Result<SetupCode, Failure> {
    let target = Target::parse(page.as_str(), Source::Flag)?;
    let roots = app.config().ok().and_then(|loaded| loaded.config.gateway.tls.ca_path.clone());
    let how = Connect { roots, timeout: TIMEOUT, ..Connect::new(target, ClientInfo::default()) };
    block_on(async { link::setup_code_at(&how, page).await.map_err(|error| Failure::of(&error)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-3.7
    #[test]
    fn codes_links_and_pages_are_told_from_hosts_and_addresses() {
        let page = "https://gw.example/j/AAAAAAAAAAAAAAAAAAAAAA";
        for ticket in
            [page, "http://127.0.0.1:18789/base/j/AAAAAAAAAAAAAAAAAAAAA_", "oc-pair://abc", &"eyJ1cmwi".repeat(8)]
        {
            assert!(is_meant(ticket), "{ticket}");
        }
        for other in
            ["me@far", "wss://gw.example/j/AAAAAAAAAAAAAAAAAAAAAA", "https://gw.example", "https://gw.example/j/short"]
        {
            assert!(!is_meant(other), "{other}");
        }
    }
}
