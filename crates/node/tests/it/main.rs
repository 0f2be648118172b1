//! The library, as somebody else's program uses it, against a real Gateway.

#[path = "../../examples/thermometer.rs"]
#[expect(dead_code, reason = "its main function is for the shell")]
mod thermometer;

use std::path::PathBuf;

use kit::{Client, Connect, TestGateway};
use serde_json::{Value, json};

/// A loaded machine gets there within this.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The binary beside this test.
fn openclaw() -> PathBuf {
    let this = std::env::current_exe().expect("this test is a file");
    let binary = this.ancestors().nth(2).expect("it is two folders below").join("openclaw");
    assert!(binary.is_file(), "there is no {}; run: cargo build", binary.display());
    binary
}

async fn asked(owner: &mut Client, node_id: &Value, zone: u32) -> Result<Value, String> {
    let params = json!({"nodeId": node_id, "command": "thermometer.read", "params": {"zone": zone},
        "idempotencyKey": format!("zone {zone}")});
    let answer = owner.request("node.invoke", params).await;
    answer.map(|answer| answer["payload"].clone()).map_err(|error| error.message)
}

/// N-1.2, N-4.1, N-5.5, N-6.2, N-11.6, A-8.27: a program of fifty lines pairs, waits for a person, is asked, and says what it cannot do.
#[tokio::test]
async fn a_thermometer_of_fifty_lines_is_a_node() {
    let allow = json!({"commands": {"allow": ["thermometer.read"]}});
    let mut gateway = TestGateway::prepare(&openclaw(), &json!({})).with_config("/gateway/nodes", allow);
    gateway.boot();
    let home = tempfile::tempdir().unwrap();
    let sensor = home.path().join("thermal_zone3");
    std::fs::create_dir(&sensor).unwrap();
    std::fs::write(sensor.join("temp"), "36600\n").unwrap();
    let url = format!("ws://{}", gateway.address());
    let folder = home.path().join("keys");
    let node = thermometer::thermometer(&url, kit::TOKEN, &folder, home.path().to_owned()).unwrap();

    let mut owner = Client::connect(gateway.address(), &Connect::backend(kit::TOKEN)).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let life = tokio::spawn(node.run(async {
        let _told_or_dropped = stopped.await;
    }));
    let waiting = owner.event("node.pair.requested").await;
    assert_eq!((&waiting["displayName"], &waiting["caps"]), (&json!("thermometer"), &json!(["thermometer"])));
    assert!(asked(&mut owner, &waiting["nodeId"], 1).await.unwrap_err().contains("nodes approve"), "{waiting}");
    owner.request("node.pair.approve", json!({"requestId": waiting["requestId"]})).await.unwrap();
    assert_eq!(asked(&mut owner, &waiting["nodeId"], 3).await, Ok(json!({"celsius": 36.6})));
    let about = json!({"nodeId": waiting["nodeId"]});
    let published = async |owner: &mut Client| {
        owner.request("node.describe", about.clone()).await.unwrap()["nodePluginTools"].clone()
    };
    // It publishes after it has heard of the approval.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while published(&mut owner).await == json!([]) {
        assert!(tokio::time::Instant::now() < deadline, "the tool was not published");
    }
    assert_eq!(published(&mut owner).await[0]["name"], "read_thermometer");
    let missing = asked(&mut owner, &waiting["nodeId"], 4).await.unwrap_err();
    assert!(missing.starts_with("UNAVAILABLE: there is no thermometer 4"), "{missing}");
    stop.send(()).unwrap();
    life.await.unwrap().unwrap();
}
