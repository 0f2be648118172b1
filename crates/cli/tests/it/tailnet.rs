//! A tailnet as people meet it: what the Gateway's host is told of its route, and a client of what is in the way.

use kit::{Netns, Signal, TAILNET_NAME, Tailnet, TestGateway};
use serde_json::json;

use crate::{alone, binary, json, run};

fn served(tailnet: &Tailnet) -> TestGateway {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    gateway.with_config("/gateway/tailscale", json!({"mode": "serve"})).with_env("PATH", &tailnet.path())
}

/// TS-5, TS-8: `kill -9` leaves no route behind, and the next start puts it up again.
#[tokio::test]
async fn the_urls_are_shown_and_a_killed_gateway_leaves_no_route_behind() {
    let tailnet = Tailnet::start();
    let mut gateway = served(&tailnet);
    gateway.boot();
    let first = tailnet.claim().await;
    let url = format!("https://{TAILNET_NAME}/");
    let line = format!("serve enabled: {url} (WS via wss://{TAILNET_NAME})");
    let (_, status, _) = run(&mut gateway.command(), &["status"]);
    assert!(status.contains(&format!("serve · {url}")), "{status}");
    let (_, seen) = json(&mut gateway.command(), &["gateway", "status"]);
    assert_eq!(
        seen["tailscale"],
        json!({"mode": "serve", "state": "up", "url": url, "wsUrl": format!("wss://{TAILNET_NAME}")})
    );
    let (_, text, _) = run(&mut gateway.command(), &["gateway", "status"]);
    assert!(text.contains(&format!("Tailscale: serve · {url}")), "{text}");
    assert!(gateway.printed().contains(&line), "{}", gateway.printed());
    gateway.end(Signal::KILL);
    tailnet.no_claim().await;
    gateway.boot();
    assert_ne!(tailnet.claim().await, first);
    gateway.end(Signal::TERM);
    assert_eq!(tailnet.claimed(), None, "the route is gone before the Gateway is");
}

/// TS-5, TS-10: a tailnet that is not there takes nothing down, and both reports say what mends it.
#[test]
fn what_keeps_the_route_down_is_shown_with_its_cure() {
    let tailnet = Tailnet::start();
    tailnet.status("/CertDomains", json!(null));
    let mut gateway = served(&tailnet);
    gateway.boot();
    for report in [&["status"][..], &["gateway", "status"]] {
        let (exit, text, _) = run(&mut gateway.command(), report);
        assert_eq!(exit, 0);
        assert!(
            text.contains("serve · not up: HTTPS certificates are off in this tailnet [TAILSCALE_CERTIFICATES_OFF]"),
            "{text}"
        );
        assert!(text.contains("https://login.tailscale.com/admin/dns"), "{text}");
    }
}

/// TS-11, TS-10: a dial that meets silence asks the local Tailscale; so does `why`.
#[test]
fn a_client_is_told_what_its_own_tailscale_has_to_do_with_it() {
    let (here, there) = (Netns::new(), Netns::new());
    here.join("100.64.0.1/10", &there, "100.64.0.3/10");
    let (home, tailnet) = (tempfile::tempdir().unwrap(), Tailnet::start());
    let dial = |command: &str, host: &str| {
        let mut client = here.on(alone(&home).env("PATH", tailnet.path()));
        json(&mut client, &[command, "--url", host, "--token", "x", "--timeout", "1500"])
    };
    let nobody = "ws://100.64.0.2:18789";
    let told = |host: &str, code: &str, sentence: &str| {
        let (exit, health) = dial("health", host);
        assert_eq!((exit, &health["error"]["code"]), (3, &json!(code)), "{health}");
        let (_, why) = dial("why", host);
        assert_eq!(why["code"], code, "{why}");
        assert!(health.to_string().contains(sentence) && why.to_string().contains(sentence), "{health} {why}");
    };
    let device = |online: bool| json!({"nodekey:2": {"DNSName": "far.tail1.ts.net.", "TailscaleIPs": ["100.64.0.2"], "Online": online}});
    tailnet.status("/Peer", device(true));
    told(nobody, "TAILNET_BLOCKED", "its policy may not let this machine reach port 18789");
    tailnet.status("/Peer", device(false));
    told(nobody, "TAILNET_OFFLINE", "is offline on the tailnet");
    tailnet.status("/BackendState", json!("Stopped"));
    told(nobody, "TAILSCALE_STOPPED", "Tailscale is stopped on this machine");
    told("far.tail1.ts.net", "TAILSCALE_STOPPED", "sudo tailscale up");
    tailnet.mark("no-daemon", true);
    told(nobody, "TAILSCALE_NOT_RUNNING", "tailscaled does not answer on this machine");
}
