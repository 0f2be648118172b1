//! Files as they are asked for: what comes, what goes, and what leads nowhere.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::commands::tests::cx;
use crate::commands::{Command, Host};
use crate::files::Roots;

/// A machine with `home/read` and `home/write` open.
fn open(home: &Path) -> Cx {
    let cx = cx(home);
    let host = Arc::into_inner(cx.host).unwrap();
    for folder in ["read", "write", "closed"] {
        std::fs::create_dir_all(home.join(folder)).unwrap();
    }
    let roots = Roots::new(&[home.join("read")], &[home.join("write")], Path::to_path_buf);
    Cx { host: Arc::new(Host { roots, ..host }), voice: cx.voice }
}

async fn ask(home: &Path, command: &dyn Command, params: Value) -> Result<Value, Refusal> {
    command.handle(open(home), params).await
}

/// N-10.22
#[tokio::test]
async fn a_file_comes_with_its_digest_and_not_beyond_the_limit() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()));
    std::fs::write(home.path().join("read/a.txt"), "hello").unwrap();
    let fetched = ask(home.path(), &Fetch, json!({"path": "~/read/a.txt"})).await.unwrap();
    let sha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!((&fetched["base64"], &fetched["sha256"]), (&json!("aGVsbG8="), &json!(sha)));
    assert_eq!((&fetched["size"], &fetched["mimeType"]), (&json!(5), &json!("text/plain")));
    let stat = ask(home.path(), &Stat, json!({"path": "~/read/a.txt", "digest": true})).await.unwrap();
    assert_eq!((&stat["kind"], &stat["sha256"], &stat["size"]), (&json!("file"), &json!(sha), &json!(5)), "{stat}");
    let large = ask(home.path(), &Fetch, json!({"path": "~/read/a.txt", "maxBytes": 4})).await.unwrap_err();
    assert_eq!(large.code, "PAYLOAD_TOO_LARGE");
    std::fs::write(home.path().join("read/big"), vec![0; MAX_BYTES]).unwrap();
    assert_eq!(ask(home.path(), &Fetch, json!({"path": "~/read/big"})).await.unwrap()["size"], MAX_BYTES);
    std::fs::write(home.path().join("read/big"), vec![0; MAX_BYTES + 1]).unwrap();
    let large = ask(home.path(), &Fetch, json!({"path": "~/read/big"})).await.unwrap_err();
    assert_eq!(large.code, "PAYLOAD_TOO_LARGE");
    let large = json!({"path": "~/write/big", "contentBase64": "A".repeat(MAX_BYTES / 3 * 4 + 12)});
    assert_eq!(ask(home.path(), &Write, large).await.unwrap_err().code, "PAYLOAD_TOO_LARGE");
    assert!(!home.path().join("write/big").exists());
}

/// N-10.22: nothing below leads out of what is open.
#[tokio::test]
async fn no_path_leaves_the_open_folders() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    drop(open(home.path()));
    std::fs::write(at("closed/secret"), "s").unwrap();
    symlink(at("closed"), at("read/way")).unwrap();
    symlink(at("closed/secret"), at("read/link")).unwrap();
    symlink("..", at("read/up")).unwrap();
    symlink(at("closed/secret"), at("write/link")).unwrap();
    std::fs::create_dir(at("read-more")).unwrap();
    std::fs::write(at("read-more/secret"), "s").unwrap();
    let closed = at("closed/secret").to_str().unwrap().to_owned();
    for (path, code) in [
        ("~/closed/secret", "PERMISSION_MISSING"),
        (&*closed, "PERMISSION_MISSING"),
        ("/etc/passwd", "PERMISSION_MISSING"),
        ("~/read-more/secret", "PERMISSION_MISSING"),
        ("~/read/../closed/secret", "INVALID_REQUEST"),
        ("~/read/way/secret", "INVALID_REQUEST"),
        ("~/read/link", "INVALID_REQUEST"),
        ("~/read/up/closed/secret", "INVALID_REQUEST"),
        ("~/read/\u{ff0e}\u{ff0e}/closed/secret", "NOT_FOUND"),
        ("~/read/..\u{200b}/closed/secret", "NOT_FOUND"),
        ("~/read/a\0b", "INVALID_REQUEST"),
        ("", "INVALID_REQUEST"),
        ("~/read", "INVALID_REQUEST"),
    ] {
        let refused = ask(home.path(), &Fetch, json!({"path": path})).await.unwrap_err();
        assert_eq!(refused.code, code, "{path:?}: {}", refused.message);
    }
    for (path, code) in [
        ("~/read/new", "PERMISSION_MISSING"),
        ("~/write/link", "INVALID_REQUEST"),
        ("~/write/none/new", "NOT_FOUND"),
        ("~/write", "INVALID_REQUEST"),
    ] {
        let asked = json!({"path": path, "contentBase64": "eA==", "overwrite": true});
        let refused = ask(home.path(), &Write, asked).await.unwrap_err();
        assert_eq!(refused.code, code, "{path:?}: {}", refused.message);
    }
    assert_eq!(std::fs::read(at("closed/secret")).unwrap(), b"s");
    let refused = ask(home.path(), &List, json!({"path": "~/closed"})).await.unwrap_err();
    assert!(refused.message.contains("openclaw config set nodeHost.files.read"), "{}", refused.message);
    // A folder that is swapped for a link after the host has started is not entered.
    let cx = open(home.path());
    std::fs::rename(at("read"), at("moved")).unwrap();
    symlink(at("closed"), at("read")).unwrap();
    let refused = Fetch.handle(cx, json!({"path": "~/read/secret"})).await.unwrap_err();
    assert_eq!(refused.code, "INVALID_REQUEST", "{}", refused.message);
}

/// N-10.22: what is no file is not waited for.
#[tokio::test]
async fn a_pipe_is_no_file() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()));
    let pipe = home.path().join("read/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_bits_truncate(0o600),
        0,
    )
    .unwrap();
    let refused = ask(home.path(), &Fetch, json!({"path": "~/read/pipe"})).await.unwrap_err();
    assert_eq!(refused.code, "INVALID_REQUEST", "{}", refused.message);
    assert_eq!(ask(home.path(), &Stat, json!({"path": "~/read/pipe"})).await.unwrap()["kind"], "other");
}

/// N-10.22: of two writers the second is told, and a file is whole at every instant.
#[tokio::test]
async fn two_writers_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let write = async |content: &str, more: Value| {
        let mut asked = json!({"path": "~/write/f", "contentBase64": STANDARD.encode(content)});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask(home.path(), &Write, asked).await
    };
    let first = write("one", json!({})).await.unwrap();
    assert_eq!(first["overwritten"], false);
    let file = home.path().join("write/f");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(write("two", json!({})).await.unwrap_err().code, "FILE_EXISTS");
    let base = json!({"baseSha256": first["sha256"]});
    let second = write("two", base.clone()).await.unwrap();
    assert_eq!(second["overwritten"], true);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o755, "it stays a program");
    let stale = write("three", base).await.unwrap_err();
    assert!(stale.code == "INVALID_REQUEST" && stale.message.contains("changed"), "{}", stale.message);
    let broken = write("four", json!({"overwrite": true, "expectedSha256": second["sha256"]})).await.unwrap_err();
    assert!(broken.message.contains("expectedSha256"), "{}", broken.message);
    assert_eq!(std::fs::read(&file).unwrap(), b"two");
    let at_once = json!({"baseSha256": second["sha256"]});
    let (a, b) = tokio::join!(write("a", at_once.clone()), write("b", at_once));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let taken = ask(home.path(), &Create, json!({"path": "~/write/f"})).await.unwrap_err();
    assert_eq!(taken.code, "FILE_EXISTS");
    assert_eq!(ask(home.path(), &Create, json!({"path": "~/write/g"})).await.unwrap()["size"], 0);
    assert_eq!(std::fs::read_dir(home.path().join("write")).unwrap().count(), 2, "nothing half written stays");
}

/// N-10.22
#[tokio::test]
async fn a_folder_is_listed_by_pages_and_packed_without_its_links() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()));
    let at = |name: &str| home.path().join("read").join(name);
    std::fs::create_dir(at("inner")).unwrap();
    for number in 0..250 {
        std::fs::write(at(&format!("f{number:03}")), format!("{number}")).unwrap();
    }
    std::fs::write(at("inner/deep"), "deep").unwrap();
    symlink("/etc/passwd", at("zlink")).unwrap();
    let page = ask(home.path(), &List, json!({"path": "~/read"})).await.unwrap();
    let names = |page: &Value| -> Vec<String> {
        page["entries"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names(&page).len(), &page["nextPageToken"]), (200, &json!("f199")));
    let rest = json!({"path": "~/read", "pageToken": "f199", "limit": 9999});
    let rest = ask(home.path(), &List, rest).await.unwrap();
    assert_eq!((names(&rest).len(), &rest["nextPageToken"]), (52, &Value::Null));
    assert_eq!(rest["entries"][51]["kind"], "symlink");

    let packed = ask(home.path(), &Pack, json!({"path": "~/read"})).await.unwrap();
    assert_eq!((&packed["fileCount"], &packed["skipped"]), (&json!(251), &json!(1)), "{}", packed["sha256"]);
    let archive = home.path().join("a.tar");
    std::fs::write(&archive, STANDARD.decode(packed["tarBase64"].as_str().unwrap()).unwrap()).unwrap();
    let out = home.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let status = std::process::Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(&out).status().unwrap();
    assert!(status.success());
    assert_eq!(std::fs::read(out.join("inner/deep")).unwrap(), b"deep");
    assert_eq!(std::fs::read(out.join("f249")).unwrap(), b"249");
    assert!(!out.join("zlink").exists());
    std::fs::write(at("big"), vec![0; MAX_BYTES]).unwrap();
    assert_eq!(ask(home.path(), &Pack, json!({"path": "~/read"})).await.unwrap_err().code, "PAYLOAD_TOO_LARGE");
}
