//! The page at `/`: what this is and how to talk to it. Its one script signs in whoever opens a link of
//! `openclaw dashboard` (CON-3).

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::reply;
use crate::services::Services;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// The page, under a policy that lets in its own style and script by hash and nothing else.
pub(crate) fn home(services: &Services) -> Response<Body> {
    let run = &services.run;
    let html = PAGE.replace("{version}", &escaped(&run.version)).replace("{port}", &run.port.to_string());
    let html = html.replace("{script}", SCRIPT);
    let mut response = reply::with_type(StatusCode::OK, "text/html; charset=utf-8", html);
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy()) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// `/control-ui-config.json`, what a Control UI asks before it draws anything (`protocol.md` 1).
pub(crate) fn control_ui_config(services: &Services) -> Response<Body> {
    let config = services.config.current();
    let agent = services.config.default_agent();
    let named = config.agents.entries.iter().find(|entry| wire::AgentId::fold(&entry.id) == agent);
    let name = named.and_then(|entry| entry.name.clone()).unwrap_or_else(|| "OpenClaw".into());
    let body = json!({
        "basePath": config.gateway.control_ui.base_path, "assistantName": name, "assistantAvatar": null,
        "assistantAvatarSource": null, "assistantAvatarStatus": "none", "assistantAvatarReason": null,
        "assistantAgentId": agent, "serverVersion": services.run.version, "serverBuildId": services.run.version,
        "embedSandbox": "scripts",
        "allowExternalEmbedUrls": false, "automaticallyFetchFavicons": false, "communityInvite": null,
        "terminalEnabled": false, "cliAgentsEnabled": false, "pluginAssetsRequireAuth": true, "pluginFrameGrants": [],
    });
    reply::json(StatusCode::OK, &body)
}

/// Style and script are hashed as they stand in the page; neither holds a value of this run.
fn content_security_policy() -> String {
    let (style, script) = (style_hash(PAGE), hash(SCRIPT));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The hash of the one style of `page`, for its policy.
pub(super) fn style_hash(page: &str) -> String {
    hash(page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).map_or("", |(css, _)| css))
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// Text that stands in a page.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_has_one_style_one_script_and_nothing_from_elsewhere() {
        let page = super::PAGE.replace("{script}", super::SCRIPT);
        assert_eq!((page.matches("<style>").count(), page.matches("<script>").count()), (1, 1));
        for banned in ["<script ", " style=", " onclick=", "innerHTML", "http://", "https://", "@import"] {
            assert!(!page.contains(banned), "{banned}");
        }
    }
}
