//! `GET /j/CODE`: how to join with a code of `openclaw devices join-code` (N-3.7). A browser is shown a page, a program
//! is told the setup code. To look uses nothing up, so that a link preview spoils nothing: the token inside works once.

use std::time::Instant;

use axum::body::Body;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use wire::SetupCode;

use super::{page, probes, reply};
use crate::auth::locality::{Attribution, Peer, note_unattributable};
use crate::auth::throttle::{self, Bucket, Key};
use crate::services::Services;

const PAGE: &str = include_str!("join.html");
/// Where join pages are, behind whatever a proxy puts before it.
const FOLDER: &str = "/j/";

/// The code at the end of `path`, if it is that of a join page.
pub(crate) fn code(path: &str) -> Option<&str> {
    let (_, code) = path.rsplit_once(FOLDER)?;
    (!code.is_empty() && !code.contains('/')).then_some(code)
}

/// The answer; guessing is counted like any wrong secret.
pub(crate) async fn show(services: &Services, peer: &Peer, headers: &HeaderMap, code: &str) -> Response<Body> {
    if peer.attribution == Attribution::Unattributable {
        note_unattributable(peer);
        return probes::proxy_attribution_required();
    }
    let (gate, key, now) = (&services.gate, Key::of(peer), Instant::now());
    if let Some(left) = gate.counted(|counts| counts.locked(Bucket::BootstrapToken, &key, now)) {
        return reply::locked_out(left);
    }
    let Some(setup) = gate.links(|links| links.page(code, now)) else {
        let penalty = gate.counted(|counts| counts.failed(Bucket::BootstrapToken, &key, now));
        if let Some(count) = penalty.log {
            throttle::log_failure(Bucket::BootstrapToken, &key, count, peer, "http", "node", "join_code_unknown");
        }
        tokio::time::sleep(penalty.delay).await;
        return unknown(headers);
    };
    if wants_page(headers) { shown(&setup) } else { reply::json(StatusCode::OK, &json!(setup)) }
}

/// A browser asks for a page by name; whoever takes anything is a program.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

fn unknown(headers: &HeaderMap) -> Response<Body> {
    match wants_page(headers) {
        true => {
            let advice = "This code is unknown, used or too old. Make another where the Gateway runs: openclaw devices join-code";
            reply::text(StatusCode::NOT_FOUND, advice)
        }
        false => reply::json(StatusCode::NOT_FOUND, &json!({"error": "not_found"})),
    }
}

fn shown(setup: &SetupCode) -> Response<Body> {
    let until = setup.expires_at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let until = until.map_or_else(|| "its time is over".into(), |until| until.strftime("%H:%M UTC").to_string());
    let filled = [
        ("{address}", page::escaped(&setup.url)),
        ("{until}", until),
        ("{link}", setup.link()),
        ("{code}", setup.encode()),
    ];
    let html = filled.iter().fold(PAGE.to_owned(), |html, (name, value)| html.replace(name, value));
    let mut response = reply::with_type(StatusCode::OK, "text/html; charset=utf-8", html);
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        page::style_hash(PAGE)
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_page_is_found_behind_whatever_prefix() {
        assert_eq!(code("/j/abc"), Some("abc"));
        assert_eq!(code("/base/j/abc"), Some("abc"));
        for other in ["/j", "/j/", "/j/a/b", "/jabc", "/"] {
            assert_eq!(code(other), None, "{other}");
        }
    }

    #[test]
    fn the_page_has_one_style_no_script_and_nothing_from_elsewhere() {
        assert_eq!((PAGE.matches("<style>").count(), PAGE.matches("<script").count()), (1, 0));
        for banned in [" style=", " onclick=", "http://", "https://", "@import"] {
            assert!(!PAGE.contains(banned), "{banned}");
        }
    }
}
