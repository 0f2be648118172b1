//! A Gateway among networks, each host a namespace: who reaches it by which bind.

use std::io::{BufRead as _, BufReader};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kit::{Netns, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::{binary, json, run};

/// A loaded machine answers within this.
const PATIENCE: Duration = Duration::from_secs(30);

/// Repeats `health` at `url` on `host` until it ends with `exit`.
fn until_health_is(host: &Netns, gateway: &TestGateway, url: &str, exit: i32) {
    let began = Instant::now();
    loop {
        let mut health = host.on(&gateway.command());
        let (seen, _, stderr) = run(&mut health, &["health", "--url", url, "--token", TOKEN, "--timeout", "2000"]);
        if seen == exit {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{url}: exit {seen} instead of {exit}: {stderr}");
    }
}

/// BIND-3, BIND-10
#[test]
fn a_tailnet_address_that_comes_is_bound_and_one_that_goes_is_let_go_without_a_restart() {
    let host = Netns::new();
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let port = gateway.address().port();
    let mut daemon =
        Daemon::spawn(&mut host.on(&gateway.command()), &["gateway", "run", "--bind", "tailnet", "--json"]);
    let said = daemon.announced();
    assert_eq!(said["urls"], json!([format!("ws://127.0.0.1:{port}")]), "loopback alone without a tailnet");
    host.ip(&["addr", "add", "100.101.102.103/32", "dev", "lo"]);
    // The device of this state folder is not paired at that address: an answer of the Gateway's, not the kernel's.
    let url = format!("ws://100.101.102.103:{port}");
    until_health_is(&host, &gateway, &url, 4);
    let (exit, _) = json(&mut host.on(&gateway.command()), &["health", "--port", &port.to_string()]);
    assert_eq!(exit, 0, "loopback goes on");
    host.ip(&["addr", "del", "100.101.102.103/32", "dev", "lo"]);
    until_health_is(&host, &gateway, &url, 3);
    host.ip(&["addr", "add", "100.64.0.9/32", "dev", "lo"]);
    until_health_is(&host, &gateway, &format!("ws://100.64.0.9:{port}"), 4);
}

/// BIND-2, PAIR-4: two hosts on one network.
#[test]
fn a_device_on_another_host_comes_in_once_it_is_approved_on_the_gateways() {
    let (here, there) = (Netns::new(), Netns::new());
    here.join("10.77.0.1/24", &there, "10.77.0.2/24");
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let far = TestGateway::prepare(&binary(), &json!({}));
    let port = gateway.address().port();
    let mut daemon = Daemon::spawn(&mut here.on(&gateway.command()), &["gateway", "run", "--bind", "lan", "--json"]);
    assert_eq!(daemon.announced()["urls"], json!([format!("ws://0.0.0.0:{port}")]));
    let url = format!("ws://10.77.0.1:{port}");
    let health = ["health", "--url", &url, "--token", TOKEN];
    let (exit, refused) = json(&mut there.on(&far.command()), &health);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("PAIRING_REQUIRED")), "{refused}");
    let request = refused["error"]["details"]["requestId"].as_str().unwrap();
    let (exit, approved) = json(&mut here.on(&gateway.command()), &["devices", "approve", request]);
    assert_eq!(exit, 0, "{approved}");
    let (exit, answer) = json(&mut there.on(&far.command()), &health);
    assert_eq!(exit, 0, "{answer}");
}

/// RECON-2: no ping has to time out for an address that goes, and no back-off has to pass once it is there again.
#[test]
fn a_client_whose_address_comes_back_dials_at_once() {
    let (here, there) = (Netns::new(), Netns::new());
    here.join("10.77.0.1/24", &there, "10.77.0.2/24");
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let far = TestGateway::prepare(&binary(), &json!({}));
    let port = gateway.address().port();
    let mut daemon = Daemon::spawn(&mut here.on(&gateway.command()), &["gateway", "run", "--bind", "lan", "--json"]);
    daemon.announced();
    let url = format!("ws://10.77.0.1:{port}");
    let logs = ["logs", "--url", &url, "--token", TOKEN, "--limit", "1"];
    let (_, refused) = json(&mut there.on(&far.command()), &logs);
    let request = refused["error"]["details"]["requestId"].as_str().unwrap();
    assert_eq!(json(&mut here.on(&gateway.command()), &["devices", "approve", request]).0, 0);

    let follow = [&logs[..], &["--follow", "--json", "--interval", "60000"]].concat();
    let mut follower = Daemon::spawn(&mut there.on(&far.command()), &follow);
    let lines = BufReader::new(follower.output()).lines();
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            // The test is over when nobody listens.
            let _over = tell.send(line);
        }
    });
    let until = |test: &dyn Fn(&Value) -> bool| {
        let (began, mut last) = (Instant::now(), String::new());
        loop {
            last = told.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error} after {last}"));
            if test(&serde_json::from_str(&last).unwrap()) {
                return began.elapsed();
            }
        }
    };
    until(&|line| line["type"] == "log");
    there.ip(&["addr", "del", "10.77.0.2/24", "dev", "lan0"]);
    let noticed = until(&|line| line["state"] == "connecting");
    // Dials without an address fail at once; this is the third wait, of four seconds give or take a fifth.
    until(&|line| line["inMs"].as_u64() > Some(3_000));
    there.ip(&["addr", "add", "10.77.0.2/24", "dev", "lan0"]);
    let back = until(&|line| line["state"] == "up");
    drop(follower);
    reader.join().unwrap();
    // Two seconds for the answer that does not come; an idle line would be silent for 15 before a ping, and then 10 more.
    assert!(noticed < Duration::from_secs(6), "{noticed:?}");
    assert!(back < Duration::from_secs(2), "{back:?}");
}

/// BIND-4, START-2
#[test]
fn a_custom_address_this_machine_does_not_have_is_refused_and_nothing_else_is_bound() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let host = ["config", "set", "gateway.customBindHost", "192.0.2.77"];
    assert_eq!(run(&mut gateway.command(), &host).0, 0);
    let (exit, _, stderr) = run(&mut gateway.command(), &["gateway", "run", "--bind", "custom"]);
    assert!(exit == 78 && stderr.contains("192.0.2.77") && stderr.contains("refusing fallback"), "{exit}: {stderr}");
}
