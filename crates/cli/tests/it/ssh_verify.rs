//! A new node whose own machine vouches for it: a real `sshd` there, the real node host, and the Gateway that calls back.

use kit::{Client, Connect, Sshd, TOKEN, TestGateway};
use serde_json::{Value, json};
use wire::ErrorShape;

use crate::join::{Newcomer, eventually, nodes};
use crate::{binary, json};

/// The machine of `node`: who logs in finds its `openclaw`, and its identity.
fn machine(node: &Newcomer) -> Sshd {
    let programs = node.home.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(binary(), programs.join("openclaw")).unwrap();
    let path = format!("PATH={}:/usr/bin:/bin", programs.display());
    let state = format!("OPENCLAW_STATE_DIR={}", node.home.path().join(".openclaw").display());
    Sshd::with(&[&format!("SetEnv {path} {state}")])
}

/// A Gateway that calls this machine back, as an account that `sshd` takes.
fn gateway(node: &Newcomer, sshd: &Sshd) -> TestGateway {
    let config = node.home.path().join("ssh_config");
    let known = std::fs::read_to_string(sshd.config()).unwrap();
    std::fs::write(&config, format!("Port {}\n{known}", sshd.address().port())).unwrap();
    let verify = json!({"cidrs": ["127.0.0.0/8"], "timeoutMs": 25_000, "user": sshd.user()});
    let pairing = json!({"pairing": {"autoApproveLocal": false, "sshVerify": verify}});
    let prepared = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/nodes", pairing);
    let mut gateway = prepared.with_env("OPENCLAW_SSH_CONFIG", config.to_str().unwrap());
    gateway.boot();
    gateway
}

async fn refused(gateway: &TestGateway, connect: &Connect) -> ErrorShape {
    match Client::connect(gateway.address(), connect).await {
        Ok(_) => panic!("a stranger was let in"),
        Err(refused) => refused.error.unwrap(),
    }
}

fn detail<'e>(error: &'e ErrorShape, key: &str) -> &'e Value {
    &error.details.as_ref().unwrap()[key]
}

/// PAIR-9, N-3.2: the very device is let in with what it offers; another one at the same address waits for a person, is
/// told to come again only while somebody is asked, and its machine is left alone for a while.
#[tokio::test]
async fn a_machine_vouches_for_its_own_node_and_for_no_other() {
    let mut node = Newcomer::new();
    let sshd = machine(&node);
    let gateway = gateway(&node, &sshd);
    let port = gateway.address().port().to_string();
    let mut command = node.command();
    command.env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
    node.start(&mut command, &["node", "run", "--display-name", "Studio", "--port", &port]);
    let is_approved =
        || nodes(&gateway).iter().any(|node| node["approvalState"] == "approved" && node["connected"] == true);
    let said =
        || format!("{}\n{}", node.said(), std::fs::read_to_string(gateway.folder().join("gateway.out")).unwrap());
    eventually("it is let in with what it offers", said, is_approved);
    let (_, devices) = json(&mut gateway.command(), &["devices", "list"]);
    assert_eq!(devices["paired"][0]["approvedVia"], "ssh-verified", "{devices}");
    assert_eq!(sshd.logins(), 1, "{}", sshd.log());

    let operator = refused(&gateway, &Connect::device(TOKEN, &kit::device_key())).await;
    assert!(detail(&operator, "recommendedNextStep").is_null(), "{operator:?}");
    let stranger = Connect::node(TOKEN, &kit::device_key());
    let told = refused(&gateway, &stranger).await;
    assert_eq!((detail(&told, "code"), told.retryable), (&json!("PAIRING_REQUIRED"), Some(true)), "{told:?}");
    assert_eq!(
        (detail(&told, "recommendedNextStep"), detail(&told, "pauseReconnect")),
        (&json!("wait_then_retry"), &json!(false))
    );
    let request = detail(&told, "requestId").clone();
    loop {
        let again = refused(&gateway, &stranger).await;
        assert_eq!(detail(&again, "requestId"), &request, "the same request waits all along");
        if detail(&again, "recommendedNextStep").is_null() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(sshd.logins(), 2, "{}", sshd.log());
    refused(&gateway, &Connect::node(TOKEN, &kit::device_key())).await;
    assert_eq!(sshd.logins(), 2, "it is left alone after another device has answered");
}
