//! A full disk: the Gateway says so, keeps what it has, and takes messages again once there is room.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use kit::vendors::{FakeOpenAi, Reply};
use kit::{Client, Connect, TOKEN, TestGateway};
use serde_json::json;

/// Small enough to fill at once, large enough for a new database.
const DISK: &str = "8m";

/// The binary on a state folder that is a small disk of its own, in a mount namespace of its own.
struct SmallDisk {
    child: Child,
    inside: PathBuf,
}

impl SmallDisk {
    fn start(gateway: &TestGateway) -> Self {
        let folder = gateway.folder().join("disk");
        fs::create_dir(&folder).unwrap();
        let script = format!(
            r#"mount -t tmpfs -o size={DISK} tmpfs "$DISK" && cp "$CONFIG" "$DISK/openclaw.json" && exec "$BINARY" gateway run"#
        );
        let child = Command::new("unshare")
            .args(["-rm", "sh", "-c", &script])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &folder)
            .env("DISK", &folder)
            .env("CONFIG", gateway.folder().join("openclaw.json"))
            .env("BINARY", crate::binary())
            .env("OPENCLAW_STATE_DIR", &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // `exec` all the way: the child's pid is the Gateway's, and this is its view of the disk.
        let seen = format!("/proc/{}/root{}", child.id(), folder.display());
        Self { child, inside: PathBuf::from(seen) }
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.inside.join("filler")).unwrap();
        let block = [0u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.inside.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A-5.7: what cannot be made durable is not acknowledged.
#[tokio::test]
async fn a_full_disk_refuses_new_messages_and_loses_no_old_one() {
    let vendor = FakeOpenAi::start().await;
    vendor.always(Reply::text("Fine."));
    let mut gateway = TestGateway::prepare(&crate::binary(), &super::crash::model(&vendor));
    let disk = SmallDisk::start(&gateway);
    gateway.await_up();
    let mut client = Client::connect(gateway.address(), &Connect::backend(TOKEN)).await.unwrap();
    let say = |key: &str| json!({"sessionKey": "main", "message": format!("say {key}"), "idempotencyKey": key});

    client.request("chat.send", say("before")).await.unwrap();
    client.event_where("chat", |chat| chat["runId"] == "before" && chat["state"] == "final").await;

    disk.fill();
    let refusal = client.request("chat.send", say("during")).await.unwrap_err();
    assert_eq!(refusal.detail_code(), Some("STATE_DISK_FULL"), "{refusal:?}");
    assert!(client.request("health", json!({})).await.is_ok(), "the Gateway is still there");

    disk.make_room();
    client.request("chat.send", say("after")).await.unwrap();
    client.event_where("chat", |chat| chat["runId"] == "after" && chat["state"] == "final").await;
    let history = client.request("chat.history", json!({"sessionKey": "main", "limit": 100})).await.unwrap();
    let said: Vec<_> = history["messages"].as_array().unwrap().iter().filter_map(|m| m["content"].as_str()).collect();
    assert_eq!(said, ["say before", "say after"]);
}
