//! `sessions export`: what a person keeps of a conversation.

use std::os::unix::fs::PermissionsExt as _;

use kit::TestGateway;
use serde_json::{Value, json};

use crate::{binary, json as as_json, run};

/// A-4.1a, A-4.2: a header, then a chain of entries, each line JSON by itself.
#[test]
fn an_export_is_a_header_and_a_chain_of_entries() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    for text in ["first", "second"] {
        assert_eq!(run(&mut gateway.command(), &["agent", "-m", text]).0, 0);
    }
    let (exit, printed, stderr) = run(&mut gateway.command(), &["sessions", "export", "main"]);
    assert_eq!(exit, 0, "{stderr}");
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (header, entries) = lines.split_first().unwrap();
    assert_eq!((&header["type"], &header["version"]), (&json!("session"), &json!(4)));
    assert!(header["id"].is_string() && header["timestamp"].is_string() && header["cwd"].is_string(), "{header}");
    let mut above = Value::Null;
    for entry in entries {
        assert_eq!(entry["parentId"], above, "{entry}");
        assert!(entry["id"].is_string() && entry["type"].is_string() && entry["timestamp"].is_string(), "{entry}");
        above = entry["id"].clone();
    }
    let said = entries.iter().filter(|entry| entry["type"] == "message" && entry["message"]["role"] == "user");
    assert_eq!(said.count(), 2, "{printed}");
    assert!(entries.iter().any(|entry| entry["message"]["role"] == "assistant"), "{printed}");

    let file = gateway.folder().join("kept.jsonl");
    let to_file = ["sessions", "export", "main", "--output", file.to_str().unwrap()];
    let (exit, said) = as_json(&mut gateway.command(), &to_file);
    assert_eq!((exit, &said["lines"]), (0, &json!(lines.len())));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "a conversation is private");
    std::fs::write(&file, "mine").unwrap();
    let (exit, _, stderr) = run(&mut gateway.command(), &to_file);
    assert!(exit == 1 && stderr.contains("--force"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(run(&mut gateway.command(), &[&to_file[..], &["--force"]].concat()).0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed);
    let (exit, _, stderr) = run(&mut gateway.command(), &["sessions", "export", "nobody"]);
    assert!(exit == 1 && stderr.contains("NO_SESSION") || stderr.contains("INVALID_REQUEST"), "{stderr}");
}
