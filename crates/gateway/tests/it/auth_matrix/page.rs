//! `docs/auth-matrix.md`: the matrix for people. `UPDATE_DOCS=1` brings the page up to date.

use std::fmt::Write as _;

use super::rules::{KINDS, MODES, Mode, SHOWN, Way, expected};

/// The page says what `expected` says, and so what the Gateway does.
#[test]
fn the_page_shows_the_matrix() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/auth-matrix.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written == page, "docs/auth-matrix.md is out of date: run UPDATE_DOCS=1 cargo test -p openclaw-gateway");
}

fn page() -> String {
    let mut page = String::from(
        "# Who comes in with what\n\n\
         By `gateway.auth.mode`, and by the way a connection comes. Each cell is a connection made by a test: \"in\" is with\n\
         the scopes it asked for, a code is `details.code` of the refusal. `UPDATE_DOCS=1 cargo test -p openclaw-gateway`\n\
         writes this page.\n\n\
         An SSH forward ends on loopback, and so does what comes through it. A device that shows a device token was approved\n\
         before; the others are new. A new device on loopback is approved without asking, unless\n\
         `gateway.nodes.pairing.autoApproveLocal` is false; elsewhere it waits with `PAIRING_REQUIRED`. Where a way is\n\
         missing, the configuration is refused: `none` beyond loopback, `none` or `trusted-proxy` with Tailscale, a funnel\n\
         without a password.\n",
    );
    for (mode, name) in MODES {
        write!(page, "\n## Mode `{name}`\n").unwrap();
        for way in mode.ways() {
            write!(page, "\n### By {}\n\n{}", way.name(), table(mode, *way)).unwrap();
        }
    }
    page
}

fn table(mode: Mode, way: Way) -> String {
    let rows = KINDS.map(|(kind, who)| (who, SHOWN.map(|(shown, _)| expected(mode, way, kind, shown))));
    let first = rows[0].1[0];
    if rows.iter().all(|(_, cells)| cells.iter().all(|cell| *cell == first)) {
        return format!("Whoever comes, with whatever: {}\n", cell(first));
    }
    let columns = SHOWN.map(|(_, what)| what).join(" | ");
    let mut table = format!("| | {columns} |\n|---|{}\n", "---|".repeat(SHOWN.len()));
    for (who, cells) in rows {
        writeln!(table, "| {who} | {} |", cells.map(cell).join(" | ")).unwrap();
    }
    table
}

fn cell(end: &'static str) -> String {
    if end.starts_with("in") { end.to_owned() } else { format!("`{end}`") }
}
