//! A connection forwarded to the Gateway's own machine, as `ssh -L` does it.

use std::net::SocketAddr;

use kit::{Client, Connect};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::house::{House, TOKEN};

/// Listens on a port of its own and passes the bytes of each connection on to `target`.
async fn forward(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(target).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    address
}

/// LOCAL-2: whoever can forward can read the token, so a forwarded client is a local one.
#[tokio::test]
async fn a_client_behind_a_forwarded_port_is_local() {
    let house = House::start().await;
    let port = forward(house.address()).await;
    let device = Connect::device(TOKEN, &kit::device_key());
    let client = Client::connect(port, &device).await.expect("paired without a question");
    assert!(client.hello["auth"]["deviceToken"].is_string());
    let helper = Client::connect(port, &Connect::backend(TOKEN)).await.expect("no device needed");
    assert_eq!(helper.hello["auth"]["scopes"].as_array().unwrap().len(), 5);
}

/// LOCAL-2
#[tokio::test]
async fn where_a_forwarded_port_proves_nothing_local_devices_wait_for_approval() {
    let config = json!({"gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN},
        "nodes": {"pairing": {"autoApproveLocal": false}}}});
    let house = House::with(&config.to_string()).await;
    let port = forward(house.address()).await;
    let Err(refused) = Client::connect(port, &Connect::device(TOKEN, &kit::device_key())).await else {
        panic!("a new device is not let in")
    };
    assert_eq!(refused.error.unwrap().detail_code(), Some("PAIRING_REQUIRED"));
}
