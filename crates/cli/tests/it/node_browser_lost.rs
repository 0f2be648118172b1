//! A node's browser that is lost in the middle of a command, or was never one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use futures_util::{SinkExt as _, StreamExt as _};
use kit::{Signal, TestGateway};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};

use crate::binary;
use crate::node_browser::{browsers_in, home_with, serve_telling, steering, steering_in};
use crate::node_host::eventually;

/// N-10.20: who waits for a browser that dies hears of it at once, and the next call has a new one.
#[tokio::test]
async fn a_browser_that_dies_leaves_nobody_waiting() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (mut browser, host) = steering(&gateway).await;
    let folder = host.folder.path().to_owned();
    let page = serve_telling(move || {
        for pid in browsers_in(&folder) {
            kit::signal(pid, Signal::KILL);
        }
    });
    browser.post("/tabs/open", json!({"url": page})).await;
    let waits = json!({"kind": "evaluate", "fn": "() => fetch('/never').then(() => 1)"});
    let lost = browser.ask("POST", "/act", waits).await.unwrap_err();
    assert!(lost.message.contains("Runtime.evaluate: it has ended") || lost.message.contains("is lost"), "{lost:?}");
    let opened = browser.post("/tabs/open", json!({"url": page})).await;
    assert_eq!(opened["title"], "Shop", "{opened}");
}

/// A program that says it is a browser, which listens at `port`.
fn pretender(folder: &Path, port: u16) -> Value {
    let program = folder.join("pretender");
    let script =
        format!("#!/bin/sh\necho 'DevTools listening on ws://127.0.0.1:{port}/devtools/browser/x' >&2\nsleep 600\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    json!({"browser": {"executablePath": program}})
}

type Line = WebSocketStream<TcpStream>;

/// Takes a connection and the first command of it.
async fn asked(listener: &TcpListener) -> (Line, Value) {
    let (stream, _) = listener.accept().await.unwrap();
    let (_, mut line) = ServerBuilder::new().accept(stream).await.unwrap();
    let command = line.next().await.unwrap().unwrap();
    let command = serde_json::from_str(command.as_text().unwrap()).unwrap();
    (line, command)
}

/// N-10.20: whatever answers in a browser's place is told from one, and neither holds a call nor fills the memory.
#[tokio::test]
async fn what_is_no_browser_is_told_from_one() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outside = tempfile::tempdir().unwrap();
    let home = home_with(&pretender(outside.path(), listener.local_addr().unwrap().port()));
    let (mut browser, host) = steering_in(&gateway, home).await;
    let plays = async {
        let (stream, _) = listener.accept().await.unwrap();
        drop(stream);
        for garbage in [Message::text("no JSON"), Message::text("[1]"), Message::binary(vec![0xff; 9])] {
            let (mut line, _) = asked(&listener).await;
            line.send(garbage).await.unwrap();
            // It stays open: the other side is the one that leaves.
            while line.next().await.is_some_and(|message| message.is_ok()) {}
        }
        let (line, _) = asked(&listener).await;
        let mut stream = line.into_inner();
        // A text of 64 MiB and a byte, as its head promises.
        let head = [&[0x81, 127][..], &(64 * 1024 * 1024 + 1_u64).to_be_bytes()].concat();
        stream.write_all(&head).await.unwrap();
        let (mut line, command) = asked(&listener).await;
        // Nobody waits for these; the command has its answer all the same.
        line.send(Message::text(json!({"id": 77, "result": {}}).to_string())).await.unwrap();
        line.send(Message::text(json!({"method": "New.event", "params": [1]}).to_string())).await.unwrap();
        let refused = json!({"id": command["id"], "error": {"code": -32601, "message": "not known here"}});
        line.send(Message::text(refused.to_string())).await.unwrap();
        while line.next().await.is_some_and(|message| message.is_ok()) {}
        let (line, _) = asked(&listener).await;
        drop(line);
        drop(stream);
    };
    let folder = host.folder.path().to_owned();
    let calls = async {
        let strange = "Browser.setDownloadBehavior: it sent what is no message of the DevTools protocol";
        let large = "it sent a message of 67108865 bytes, and 67108864 are taken at most";
        let refused = "Browser.setDownloadBehavior: not known here";
        let cut = "Browser.setDownloadBehavior: ";
        for why in ["connect: ", strange, strange, strange, large, refused, cut] {
            let failed = browser.ask("POST", "/start", json!({})).await.unwrap_err();
            assert!(failed.message.contains(why), "{why}: {failed:?}");
            assert!(!failed.message.contains("no answer within"), "{failed:?}");
            assert!(browsers_in(&folder).is_empty(), "nothing is left of it when the answer comes");
        }
        assert_eq!(browser.ask("GET", "/", json!({})).await.unwrap()["result"]["running"], false);
    };
    tokio::join!(plays, calls);
    drop(host);
    eventually("nothing is left", || browsers_in(&folder).is_empty());
}
