//! read, write, edit.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use image::{DynamicImage, GenericImageView as _, ImageFormat, RgbImage};
use serde_json::json;
use wire::message::Block;

use super::Bench;

///
#[tokio::test]
async fn a_long_file_is_read_page_by_page_to_its_end() {
    let bench = Bench::new();
    let text: String = (1..=4500).map(|line| format!("line {line}\n")).collect();
    bench.file("long.txt", &text);

    let (mut offset, mut whole, mut pages) = (1, String::new(), 0);
    loop {
        let page = bench.text("read", json!({"path": "long.txt", "offset": offset})).await;
        pages += 1;
        match page.rsplit_once("\n[lines ") {
            Some((lines, hint)) => {
                whole.push_str(lines);
                whole.push('\n');
                offset = hint.rsplit_once('=').unwrap().1.trim_end_matches(']').parse().unwrap();
                assert!(hint.contains("of about 4500"), "{hint}");
            }
            None => break whole.push_str(&page),
        }
    }
    assert_eq!((whole == text, pages), (true, 3));
    let some = bench.text("read", json!({"path": "long.txt", "offset": "10", "limit": 2})).await;
    assert!(some.starts_with("line 10\nline 11\n[lines 10 to 11"), "{some}");
    let past = bench.error("read", json!({"path": "long.txt", "offset": 9999})).await;
    assert!(past.contains("has 4500 lines"), "{past}");
}

///
#[tokio::test]
async fn a_page_has_at_most_fifty_kilobytes_and_a_giant_line_is_read_by_cursor() {
    let bench = Bench::new();
    bench.file("wide.txt", format!("{}\n", "é".repeat(500)).repeat(200));
    let page = bench.text("read", json!({"path": "wide.txt"})).await;
    assert!(page.len() < 52_000 && page.contains("read on with offset="), "{}", page.len());

    let giant = "äb".repeat(40_000);
    bench.file("giant.txt", &giant);
    let (mut cursor, mut whole) = (0, String::new());
    loop {
        let page = bench.text("read", json!({"path": "giant.txt", "cursor": cursor})).await;
        match page.rsplit_once("\n[goes on; read further with cursor=") {
            Some((part, next)) => {
                whole.push_str(part);
                cursor = next.trim_end_matches(']').parse().unwrap();
            }
            None => break whole.push_str(&page),
        }
    }
    assert!(whole == giant, "no character is lost or broken at a page's end");
}

///
#[tokio::test]
async fn what_is_not_text_is_described() {
    let bench = Bench::new();
    bench.file("a.pdf", b"%PDF-1.7\n\xff\xfe\x00");
    let text = bench.text("read", json!({"path": "a.pdf"})).await;
    assert!(text.contains("a PDF document, 12 bytes"), "{text}");
    bench.file("empty", "");
    assert_eq!(bench.text("read", json!({"path": "empty"})).await, "[the file is empty]");
    bench.file("bom.txt", "\u{feff}hello");
    assert_eq!(bench.text("read", json!({"path": "bom.txt"})).await, "hello");
}

///
#[tokio::test]
async fn what_cannot_be_read_is_an_error_with_a_hint() {
    let bench = Bench::new();
    bench.file("inside.txt", "x");
    let folder = bench.error("read", json!({"path": "."})).await;
    assert!(folder.contains("is a folder") && folder.contains("ls -la") && folder.contains("inside.txt"), "{folder}");
    assert!(bench.error("read", json!({"path": "gone"})).await.contains("does not exist"));
    assert!(bench.text("read", json!({"path": "gone", "optional": true})).await.contains("does not exist"));
    assert!(bench.error("read", json!({"path": "/dev/zero"})).await.contains("only files are read"));
    assert!(bench.error("read", json!({"path": "/proc/self/environ"})).await.contains("may hold secrets"));
}

///
#[tokio::test]
async fn paths_begin_at_the_workspace_or_at_home_and_may_lead_out() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("out.txt");
    std::fs::write(&file, "outside").unwrap();
    bench.file("in.txt", "inside");
    assert_eq!(bench.text("read", json!({"path": "in.txt"})).await, "inside");
    assert_eq!(bench.text("read", json!({"path": "~/in.txt"})).await, "inside");
    assert_eq!(bench.text("read", json!({"path": file})).await, "outside");
}

///
#[tokio::test]
async fn a_picture_is_attached_and_shrunk_when_it_is_too_large() {
    let bench = Bench::new();
    let small = DynamicImage::ImageRgb8(RgbImage::new(10, 6));
    small.save_with_format(bench.path("small.png"), ImageFormat::Png).unwrap();
    let large = DynamicImage::ImageRgb8(RgbImage::new(3000, 1000));
    large.save_with_format(bench.path("large.bin"), ImageFormat::Png).unwrap();

    let output = bench.call("read", json!({"path": "small.png"})).await;
    let [Block::Text { .. }, Block::Image { data, mime_type }] = output.content.as_slice() else {
        panic!("{output:?}")
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
    assert_eq!((mime_type.as_str(), bytes), ("image/png", std::fs::read(bench.path("small.png")).unwrap()));

    let output = bench.call("read", json!({"path": "large.bin"})).await;
    let [Block::Text { text }, Block::Image { data, mime_type }] = output.content.as_slice() else {
        panic!("{output:?}")
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().dimensions(), (2000, 667));
    assert!(mime_type == "image/jpeg" && text.contains("3000×1000, shown at 2000×667"), "{text}");

    bench.file("broken.png", &std::fs::read(bench.path("small.png")).unwrap()[..20]);
    assert!(bench.error("read", json!({"path": "broken.png"})).await.contains("is broken"));
}

///
#[tokio::test]
async fn a_written_file_has_its_folders_and_keeps_its_mode() {
    let bench = Bench::new();
    let text = bench.text("write", json!({"path": "a/b/c.txt", "content": "one\ntwo\n"})).await;
    assert!(text.contains("created") && text.contains("2 lines, 8 bytes"), "{text}");
    assert_eq!(std::fs::read_to_string(bench.path("a/b/c.txt")).unwrap(), "one\ntwo\n");

    let script = bench.file("run.sh", "old");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(bench.text("write", json!({"path": "run.sh", "content": "new"})).await.contains("replaced"));
    assert_eq!(std::fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_dir(bench.workspace.path()).unwrap().count(), 2, "nothing is left beside");

    assert!(bench.error("write", json!({"path": "a", "content": "x"})).await.contains("is a folder"));
    assert!(bench.error("write", json!({"path": "run.sh/x", "content": "x"})).await.contains("cannot write"));
}

///
#[tokio::test]
async fn edits_are_made_all_or_none() {
    let bench = Bench::new();
    let file = bench.file("a.rs", "fn one() {}\nfn two() {}\n");
    let text = bench
        .text("edit", json!({"path": "a.rs", "edits": [{"oldText": "one", "newText": "uno"}, {"oldText": "two", "newText": "due"}]}))
        .await;
    assert!(text.contains("made 2 replacements") && text.contains("-fn one() {}\n+fn uno() {}"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "fn uno() {}\nfn due() {}\n");

    let edits = json!([{"oldText": "uno", "newText": "x"}, {"oldText": "fn", "newText": "y"}]);
    let error = bench.error("edit", json!({"path": "a.rs", "edits": edits})).await;
    assert!(error.contains("edits[1].oldText occurs 2 times (lines 1, 2)"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "fn uno() {}\nfn due() {}\n");
}

/// the older spelling with one replacement.
#[tokio::test]
async fn an_edit_may_be_given_without_a_list() {
    let bench = Bench::new();
    let file = bench.file("a.txt", "a\r\nb\r\n");
    bench.text("edit", json!({"path": "a.txt", "oldText": "a\nb", "newText": "c\nd"})).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "c\r\nd\r\n");
    assert!(bench.error("edit", json!({"path": "a.txt", "oldText": "c"})).await.contains("come together"));
    assert!(bench.error("edit", json!({"path": "a.txt"})).await.contains("at least one"));
    bench.file("bin", b"\xff\xfe");
    assert!(bench.error("edit", json!({"path": "bin", "oldText": "a", "newText": "b"})).await.contains("not UTF-8"));
}
