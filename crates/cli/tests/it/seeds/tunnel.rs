//! The section about the SSH tunnel.

use std::io::{Read as _, Write as _};

use kit::{Client, Connect, TOKEN};
use serde_json::json;

use super::{COMMANDS, FarHost, Laptop, Tunnel, all_reach, published};

/// SEED-2, SEED-3, SEED-4, CRED-1. The sentences: a target can be persisted and is used by default; 18789 is to be replaced
/// by the configured `gateway.port`; the tunnel is opened first. With the forward up and the target kept, every command goes to the far Gateway. The far
/// port is the one to fill in; the local one is another. Without the forward the cure is the forward, not a Gateway here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_published_forward_every_command_reaches_the_far_gateway() {
    let (far, laptop) = (FarHost::start().await, Laptop::new());
    let tunnel = Tunnel::open(&far, &laptop.home);
    assert_ne!(tunnel.local, far.port());
    laptop.write(&published(&tunnel.url(), TOKEN));
    all_reach(|args| laptop.json(args));
    let (_, target) = laptop.json(&["gateway", "target"]);
    assert_eq!((&target["url"], &target["transport"]), (&json!(tunnel.url()), &json!("direct")));
    assert_eq!(far.sshd.logins(), 1, "nothing here but the forward went through SSH");

    let (local, url) = (tunnel.local, tunnel.url());
    drop(tunnel);
    for args in COMMANDS {
        let (exit, stdout, stderr) = laptop.run(args);
        assert_eq!((exit, stdout.as_str()), (3, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(&format!("Run: ssh -N -L {local}:127.0.0.1:18789 user@host")), "{stderr}");
        assert!(stderr.contains(&format!("Gateway target: {url}\n")) && !stderr.contains("gateway run"), "{stderr}");
    }
}

/// SEED-2, SEED-4, CRED-2, ENV-3. The sentences: `gateway {status,health,send,agent,call}` can target the forwarded URL with
/// `--url`, then with an explicit `--token` or `--password`; 18789 is to be replaced by the port, also that of `--port` or
/// `OPENCLAW_GATEWAY_PORT`. All on a machine that was told nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_forward_is_reached_by_url_by_flag_and_by_variable() {
    let (far, laptop) = (FarHost::start().await, Laptop::new());
    let tunnel = Tunnel::open(&far, &laptop.home);
    let url = tunnel.url();
    all_reach(|args| laptop.json(&[args, &["--url", &url, "--token", TOKEN]].concat()));
    all_reach(|args| {
        let mut command = laptop.command();
        command.env("OPENCLAW_GATEWAY_PORT", tunnel.local.to_string()).env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
        crate::json(&mut command, args)
    });
    let (exit, healthy) = laptop.json(&["gateway", "health", "--url", &url, "--password", TOKEN]);
    assert_eq!((exit, &healthy["ok"]), (0, &json!(true)), "{healthy}");
    let mut by_flag = laptop.command();
    by_flag.env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
    let (exit, healthy) = crate::json(&mut by_flag, &["health", "--port", &tunnel.local.to_string()]);
    assert_eq!((exit, &healthy["ok"]), (0, &json!(true)), "{healthy}");
    let (exit, failed) = laptop.json(&["gateway", "health", "--url", &url, "--token", "not it"]);
    assert_eq!((exit, &failed["error"]["details"]["code"]), (4, &json!("AUTH_TOKEN_MISMATCH")), "{failed}");
}

/// SEED-1, ORIGIN-3. The sentences: WebChat has no HTTP port of its own, its page speaks to the Gateway's WebSocket; forward
/// 18789 over SSH, then connect clients to `ws://127.0.0.1:18789`. The page comes from the forward's end, whatever its port.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_page_is_served_and_speaks_through_the_one_forward() {
    let (far, laptop) = (FarHost::start().await, Laptop::new());
    let tunnel = Tunnel::open(&far, &laptop.home);
    let page = format!("http://127.0.0.1:{}", tunnel.local);
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", tunnel.local)).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n", tunnel.local).unwrap();
    let mut served = String::new();
    stream.read_to_string(&mut served).unwrap();
    assert!(served.starts_with("HTTP/1.1 200 ") && served.contains("text/html"), "{served}");
    let chat = |origin: &str| {
        let chat = Connect::device(TOKEN, &kit::device_key()).header("origin", origin);
        chat.set("/client/id", json!("openclaw-control-ui")).set("/client/mode", json!("webchat"))
    };
    let local = ([127, 0, 0, 1], tunnel.local).into();
    let mut client = Client::connect(local, &chat(&page)).await.expect("the page is let in");
    assert!(client.request("sessions.list", json!({})).await.is_ok());
    let Err(refused) = Client::connect(local, &chat("https://evil.example")).await else { panic!("another site's") };
    assert_eq!(refused.error.unwrap().detail_code(), Some("CONTROL_UI_ORIGIN_NOT_ALLOWED"));
}

/// SEED-2: the pages name `gateway send`. It goes to the Gateway, which says what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn send_goes_to_the_gateway_which_says_that_no_channel_is_set_up() {
    let far = FarHost::start().await;
    let laptop = Laptop::with(&published(&format!("ws://127.0.0.1:{}", far.port()), TOKEN));
    let (exit, stdout, stderr) = laptop.run(&["gateway", "send", "--to", "+15550100", "--message", "hi"]);
    assert_eq!((exit, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.contains("no channel is configured") && stderr.contains("openclaw channels add"), "{stderr}");
    let (exit, failed) = laptop.json(&["gateway", "send", "--to", "+15550100", "--message", "hi"]);
    assert_eq!((exit, &failed["error"]["code"]), (1, &json!("INVALID_REQUEST")), "{failed}");
}
