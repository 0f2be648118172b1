//! HTTP on the same port (AUTH-13, AUTH-14, ORIGIN-7, ORIGIN-8).

use crate::house::{House, TOKEN};

const HOST: &str = "host: 127.0.0.1";

/// AUTH-14
#[tokio::test]
async fn probes_answer_without_a_secret() {
    let house = House::start().await;
    for (path, part) in [
        ("/healthz", r#"{"ok":true,"status":"live"}"#),
        ("/health", r#""status":"live""#),
        ("/startupz", r#""status":"started""#),
        ("/readyz", r#""ready":true"#),
    ] {
        let answer = house.http(&format!("GET {path} HTTP/1.1\r\n{HOST}")).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(part), "{answer}");
    }
    let proxied = house.http(&format!("GET /readyz HTTP/1.1\r\n{HOST}\r\nx-forwarded-for: 9.9.9.9")).await;
    assert!(proxied.starts_with("HTTP/1.1 403") && proxied.contains("proxy_attribution_required"), "{proxied}");
    let alive = house.http(&format!("GET /healthz HTTP/1.1\r\n{HOST}\r\nx-forwarded-for: 9.9.9.9")).await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
}

/// ORIGIN-7
#[tokio::test]
async fn the_page_is_safe_and_says_what_this_is() {
    let house = House::start().await;
    let page = house.http(&format!("GET / HTTP/1.1\r\n{HOST}")).await.to_lowercase();
    for part in [
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "x-frame-options: deny",
        "default-src 'none'",
        "openclaw chat",
        "0.0.0-test",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let missing = house.http(&format!("GET /v1/models HTTP/1.1\r\n{HOST}")).await;
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
}

/// AUTH-13
#[tokio::test]
async fn the_control_ui_config_needs_the_secret() {
    let house = House::start().await;
    let ask = |auth: &str| format!("GET /control-ui-config.json HTTP/1.1\r\n{HOST}{auth}");
    let none = house.http(&ask("")).await;
    assert!(
        none.starts_with("HTTP/1.1 401")
            && none.contains(r#"{"error":{"message":"Unauthorized","type":"unauthorized"}}"#)
    );
    assert!(house.http(&ask("\r\nauthorization: Bearer wrong")).await.starts_with("HTTP/1.1 401"));
    let right = house.http(&ask(&format!("\r\nauthorization: Bearer {TOKEN}"))).await;
    assert!(right.starts_with("HTTP/1.1 200") && right.contains(r#""assistantAgentId":"main""#), "{right}");
}

#[tokio::test]
async fn a_rebound_host_name_is_refused_on_every_path() {
    let house = House::start().await;
    for path in ["/", "/metrics", "/control-ui-config.json"] {
        let answer = house.http(&format!("GET {path} HTTP/1.1\r\nhost: evil.example")).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    }
    let upgrade = "GET / HTTP/1.1\r\nhost: evil.example\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    assert!(house.http(upgrade).await.starts_with("HTTP/1.1 421"));
}

#[tokio::test]
async fn metrics_are_for_this_machine() {
    let house = House::start().await;
    let local = house.http(&format!("GET /metrics HTTP/1.1\r\n{HOST}")).await;
    assert!(local.contains("openclaw_uptime_seconds"), "{local}");
    let page = house.http(&format!("GET /metrics HTTP/1.1\r\n{HOST}\r\norigin: http://localhost:3000")).await;
    assert!(page.starts_with("HTTP/1.1 401"), "{page}");
}
