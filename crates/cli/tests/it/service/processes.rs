//! Without a service the same commands act on the process that runs (SVC-4).

use kit::TestGateway;
use serde_json::{Value, json};

use crate::binary;

/// SVC-4
#[test]
fn without_a_service_start_and_restart_fail_with_hints_and_stop_is_content() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    for action in ["start", "restart"] {
        let (exit, answer) = crate::json(&mut gateway.command(), &["gateway", action]);
        assert_eq!((exit, &answer["error"]["code"]), (1, &json!("SERVICE_NOT_INSTALLED")), "{answer}");
    }
    let (exit, answer) = crate::json(&mut gateway.command(), &["gateway", "stop", "--force"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("not-loaded")), "{answer}");
}

/// SVC-4, SVC-5
#[test]
fn a_gateway_in_the_foreground_is_restarted_in_its_process_and_stopped() {
    let mut gateway = TestGateway::start(&binary(), &json!({}));
    let pid = gateway.pid();
    let since = |gateway: &TestGateway| -> Value {
        let lock =
            gateway.folder().join(format!("tmp/openclaw-{}/gateway.state.lock", rustix::process::getuid().as_raw()));
        serde_json::from_slice::<Value>(&std::fs::read(lock).unwrap()).unwrap()["ownerId"].clone()
    };
    let before = since(&gateway);
    let (exit, answer) = crate::json(&mut gateway.command(), &["gateway", "restart", "--wait", "30s"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("restarted")), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains(&pid.as_raw_nonzero().to_string()), "{answer}");
    assert_ne!(since(&gateway), before, "it has begun anew");
    gateway.await_up();
    let (exit, answer) = crate::json(&mut gateway.command(), &["gateway", "stop", "--force"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("stopped")), "{answer}");
    assert!(gateway.end(kit::Signal::TERM).success(), "it left by itself");
}
