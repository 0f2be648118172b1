//! What must not be said in the wrong place.

use std::collections::BTreeSet;

use crate::house::{read, sources};

#[test]
fn only_store_speaks_sql() {
    for file in sources("crates").iter().filter(|file| file.krate() != "store") {
        for (at, line) in file.product_lines() {
            assert!(!line.contains("rusqlite"), "{}:{at} speaks to the database itself", file.path);
        }
    }
}

#[test]
fn only_wire_spells_the_names_of_methods() {
    let names: BTreeSet<String> = wire::methods::table::ALL
        .iter()
        .map(|row| row.name)
        .filter(|name| name.contains('.'))
        .map(|name| format!("\"{name}\""))
        .collect();
    assert!(names.len() > 100, "the table is read");
    for file in sources("crates").iter().filter(|file| file.krate() != "wire" && !file.is_test()) {
        for (at, line) in file.product_lines() {
            let spelled = names.iter().find(|name| line.contains(name.as_str()));
            assert!(spelled.is_none(), "{}:{at} spells {}; name its type in `wire`", file.path, spelled.unwrap());
        }
    }
}

#[test]
fn no_test_double_is_named_in_the_product() {
    for file in sources("crates").iter().filter(|file| !file.is_test()) {
        for (at, line) in file.product_lines() {
            assert!(!line.contains("kit::"), "{}:{at} uses the test harness", file.path);
        }
    }
}

#[test]
fn no_secret_can_be_displayed() {
    for file in sources("crates") {
        for (at, line) in file.product_lines() {
            let Some((_, what)) = line.split_once("Display for ") else { continue };
            let what = what.trim_end_matches([' ', '{']);
            let secret = ["Secret", "Password", "PrivateKey", "SigningKey"].iter().any(|word| what.ends_with(word));
            assert!(!secret, "{}:{at} makes {what} printable", file.path);
        }
    }
    assert!(!read("crates/base/src/secret.rs").contains("Serialize"), "a secret is never written out by serde");
}

#[test]
fn no_handler_touches_a_socket() {
    for file in sources("crates/gateway/src/methods") {
        for (at, line) in file.product_lines() {
            for word in ["WebSocketStream", "Message::text", "tokio_websockets"] {
                assert!(!line.contains(word), "{}:{at} touches a socket", file.path);
            }
        }
    }
}

/// A slot that is filled later means two parts need each other: the shared piece moves down, or a trait is passed in.
#[test]
fn nothing_is_set_after_wiring() {
    let late = ["RwLock<Option<", "Mutex<Option<Arc<", "OnceLock<Arc<", "OnceCell<Arc<", "OnceLock<Box<dyn"];
    for file in sources("crates").iter().filter(|file| file.krate() == "gateway" && !file.is_test()) {
        for (at, line) in file.product_lines() {
            let slot = late.iter().find(|slot| line.contains(**slot));
            assert!(slot.is_none(), "{}:{at} has a `{}` that somebody must fill later", file.path, slot.unwrap());
        }
    }
}
