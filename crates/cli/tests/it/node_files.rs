//! A node's files through the whole way: a Gateway, the real host, and the folders its owner opened.

use std::os::unix::fs::symlink;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::{Client, TestGateway};
use serde_json::{Value, json};
use wire::ErrorShape;

use crate::binary;
use crate::node_host::{approved_in, call};

/// What a Gateway must allow for files to be asked for on Linux.
const FILES: [&str; 6] = ["file.fetch", "file.stat", "file.write", "file.create", "dir.list", "dir.fetch"];

fn gateway() -> TestGateway {
    let allow = json!({"commands": {"allow": FILES}});
    let gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/nodes", allow);
    let mut gateway = gateway;
    gateway.boot();
    gateway
}

/// A home with these settings of a node host.
fn home(settings: Value) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".openclaw")).unwrap();
    let config = json!({"nodeHost": settings}).to_string();
    base::write_atomic(&home.path().join(".openclaw/openclaw.json"), config.as_bytes()).unwrap();
    for folder in ["in", "out", "closed"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    std::fs::write(home.path().join("closed/secret"), "s3cret").unwrap();
    home
}

async fn ask(owner: &mut Client, id: &str, key: &str, command: &str, params: Value) -> Result<Value, ErrorShape> {
    Ok(owner.request("node.invoke", call(id, key, command, params)).await?["payload"].clone())
}

/// N-10.22, N-5.15
#[tokio::test]
async fn files_come_and_go_within_the_open_folders_and_their_limits() {
    let gateway = gateway();
    let home = home(json!({"files": {"read": ["~/in"], "write": ["~/out"]}}));
    symlink(home.path().join("closed/secret"), home.path().join("in/link")).unwrap();
    let (mut owner, host, id) = approved_in(&gateway, home).await;
    let large = vec![b'x'; 16 * 1024 * 1024];
    std::fs::write(host.path("in/large"), &large).unwrap();
    let fetched = ask(&mut owner, &id, "large", "file.fetch", json!({"path": "~/in/large"})).await.unwrap();
    assert_eq!(fetched["size"], large.len());
    let sha = base::sha256_hex(&large[..]).unwrap();
    assert_eq!(
        (&fetched["sha256"], STANDARD.decode(fetched["base64"].as_str().unwrap()).unwrap()),
        (&json!(sha), large)
    );

    for (path, code) in [
        ("~/closed/secret", "PERMISSION_MISSING"),
        ("~/in/../closed/secret", "INVALID_REQUEST"),
        ("~/in/link", "INVALID_REQUEST"),
        ("/etc/shadow", "PERMISSION_MISSING"),
    ] {
        let refused = ask(&mut owner, &id, path, "file.fetch", json!({"path": path})).await.unwrap_err();
        assert!(refused.message.starts_with(code), "{path}: {refused:?}");
    }
    let refused = ask(&mut owner, &id, "no", "file.write", json!({"path": "~/in/x", "contentBase64": "eA=="})).await;
    assert!(refused.unwrap_err().message.contains("nodeHost.files.write"), "what opens it is said");

    let made =
        ask(&mut owner, &id, "w1", "file.write", json!({"path": "~/out/f", "contentBase64": "b25l"})).await.unwrap();
    let after = |base: &Value, text: &str| json!({"path": "~/out/f", "contentBase64": STANDARD.encode(text), "baseSha256": base});
    ask(&mut owner, &id, "w2", "file.write", after(&made["sha256"], "two")).await.unwrap();
    let lost = ask(&mut owner, &id, "w3", "file.write", after(&made["sha256"], "three")).await.unwrap_err();
    assert!(lost.message.contains("changed since it was read"), "{lost:?}");
    assert_eq!(std::fs::read(host.path("out/f")).unwrap(), b"two");
    let listed = ask(&mut owner, &id, "list", "dir.list", json!({"path": "~/out"})).await.unwrap();
    assert_eq!(listed["entries"][0]["name"], "f", "{listed}");
}

/// N-10.22: nothing is open by itself.
#[tokio::test]
async fn without_the_owners_word_no_file_is_open() {
    let gateway = gateway();
    let (mut owner, host, id) = approved_in(&gateway, home(json!({}))).await;
    let path = host.path("closed/secret");
    for command in FILES {
        let asked = json!({"path": path, "contentBase64": "eA==", "overwrite": true});
        let refused = ask(&mut owner, &id, command, command, asked).await.unwrap_err();
        let remedy = "openclaw config set nodeHost.files.";
        assert!(refused.message.starts_with("PERMISSION_MISSING") && refused.message.contains(remedy), "{refused:?}");
    }
    assert_eq!(std::fs::read(path).unwrap(), b"s3cret");
}
