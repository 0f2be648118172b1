//! The system prompt.

use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;
use openclaw_agent::prompt::files::{Caps, ContextFile, load};
use openclaw_agent::prompt::{BUDGET, Facts, Runtime, TurnKind, build};
use openclaw_agent::providers::ToolSpec;

/// As many tools as the product will ever offer directly.
fn tools() -> Vec<ToolSpec> {
    let names = ["read", "write", "edit", "exec", "process", "web_fetch", "web_search", "browser", "nodes", "message"];
    let description = "Does one thing well, which takes a sentence of about a hundred characters to say. And more.";
    let more = ["cron", "sessions_list", "sessions_history", "sessions_send", "session_status", "memory_search"];
    let spec = |name: &'static str| ToolSpec {
        name: name.into(),
        description: description.into(),
        parameters: serde_json::json!({"type": "object"}),
    };
    names.into_iter().chain(more).map(spec).collect()
}

fn facts<'a>(tools: &'a [ToolSpec], files: &'a [ContextFile]) -> Facts<'a> {
    Facts {
        tools,
        workspace: Path::new("/home/me/.openclaw/workspace"),
        files,
        kind: TurnKind::Conversation,
        may_be_silent: false,
        extra: None,
        events: &[],
        now_ms: 1_795_241_529_120,
        zone: const { &TimeZone::UTC },
        runtime: Runtime { agent: "main", session: "agent:main:main", model: "p/m", ..Runtime::default() },
    }
}

///
#[test]
fn the_prompt_stays_small_and_in_order() {
    let tools = tools();
    let prompt = build(&facts(&tools, &[]));
    let size = prompt.stable.chars().count() + prompt.volatile.chars().count();
    assert!(size <= BUDGET / 2, "{size} characters: half the budget is for what is to come");
    let sections =
        ["You are", "## Tools", "## Calling tools", "## Working", "## Safety", "## OpenClaw", "## Workspace"];
    let places: Vec<_> = sections.iter().map(|section| prompt.stable.find(section).expect(section)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(!prompt.stable.contains("  "), "continued lines are joined by one blank");
}

///
#[test]
fn what_changes_comes_last_and_alone() {
    let tools = tools();
    let now = build(&facts(&tools, &[]));
    let later = build(&Facts { now_ms: 1_795_341_529_120, extra: Some("Be brief."), ..facts(&tools, &[]) });
    assert_eq!(now.stable, later.stable);
    assert!(now.volatile.starts_with("## Now\n[Sat 2026-11-21 06:12 UTC]"), "{}", now.volatile);
    assert!(later.volatile.contains("## For this turn\nBe brief."));
    assert!(now.volatile.ends_with("Runtime: agent=main | session=agent:main:main | model=p/m"), "{}", now.volatile);
}

/// A-7.8a, A-10.4
#[test]
fn silence_is_offered_only_where_it_is_accepted() {
    let says = |facts: &Facts<'_>| build(facts).volatile.contains("NO_REPLY");
    assert!(!says(&facts(&[], &[])));
    assert!(says(&Facts { may_be_silent: true, ..facts(&[], &[]) }));
    assert!(!says(&Facts { may_be_silent: true, kind: TurnKind::Subagent, ..facts(&[], &[]) }));
}

///
#[test]
fn files_are_capped_each_and_together_and_a_missing_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("AGENTS.md"), "a".repeat(150)).unwrap();
    fs::write(folder.path().join("SOUL.md"), "b".repeat(90)).unwrap();
    fs::write(folder.path().join("USER.md"), "never read").unwrap();
    let files = load(folder.path(), false, Caps { file: 100, total: 180 });
    let texts: Vec<_> = files.iter().map(|file| (file.name, file.present)).collect();
    assert_eq!(texts, [("AGENTS.md", true), ("SOUL.md", true), ("IDENTITY.md", false), ("USER.md", false)]);
    assert!(files[0].text.starts_with(&"a".repeat(70)) && files[0].text.contains("characters left out"));
    assert_eq!(files[2].text, "[IDENTITY.md: missing]");
    assert_eq!(files[3].text, "[USER.md: left out: the files before it used up the room]");
    let prompt = build(&facts(&[], &files)).stable;
    assert!(prompt.contains("## AGENTS.md\naaa") && prompt.contains("\n[IDENTITY.md: missing]"));
}

///
#[test]
fn a_link_out_of_the_workspace_is_not_followed() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), "hunter2").unwrap();
    fs::write(folder.path().join("real.md"), "mine").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("AGENTS.md")).unwrap();
    std::os::unix::fs::symlink("real.md", folder.path().join("SOUL.md")).unwrap();
    let files = load(folder.path(), false, Caps::default());
    assert_eq!((files[0].present, files[1].text.as_str()), (false, "mine"));
    assert!(files.iter().all(|file| !file.text.contains("hunter2")));
}

///
#[test]
fn a_subagent_reads_less() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["AGENTS.md", "SOUL.md", "TOOLS.md", "MEMORY.md"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let files = load(folder.path(), true, Caps::default());
    assert_eq!(files.iter().map(|file| file.name).collect::<Vec<_>>(), ["AGENTS.md", "TOOLS.md"]);
    let prompt = build(&Facts { kind: TurnKind::Subagent, ..facts(&[], &files) });
    assert!(prompt.stable.contains("## Task") && !prompt.stable.contains("## Replies"));
}
