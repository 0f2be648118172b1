//! `system.notify`: a note on this machine's screen (N-10.18), by whatever shows notes here.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command as Process;

use super::{Command, Cx, Refusal, read};
use exec_policy::Places;

/// How long the note may take to be shown.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// Longest title and text, in characters; more is cut.
const MAX_CHARS: usize = 2000;
/// The words are arguments of the script, never part of it.
const SCRIPT: &str = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run";

pub(super) struct Notify;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    priority: Option<String>,
}

impl Command for Notify {
    fn name(&self) -> &'static str {
        "system.notify"
    }

    fn cap(&self) -> &'static str {
        "system"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: Params = read(params)?;
            let cut = |text: &str| text.trim().chars().take(MAX_CHARS).collect::<String>();
            let (title, body) = (cut(&params.title), cut(&params.body));
            if title.is_empty() && body.is_empty() {
                return Err(Refusal::invalid("empty notification"));
            }
            let places = Places::new(&cx.host.path(), cx.host.home.clone(), cx.host.home.clone());
            let mut shows = match (places.find("notify-send"), places.find("osascript")) {
                (Some(found), _) => {
                    let urgency =
                        if params.priority.as_deref() == Some("timeSensitive") { "critical" } else { "normal" };
                    let mut shows = Process::new(found.path);
                    shows.args(["--app-name", "OpenClaw", "--urgency", urgency, "--", &title, &body]);
                    shows
                }
                (None, Some(found)) => {
                    let mut shows = Process::new(found.path);
                    shows.args(["-e", SCRIPT, &title, &body]);
                    shows
                }
                (None, None) => {
                    return Err(Refusal::unavailable(
                        "this node cannot show notes: it has neither notify-send nor osascript",
                    ));
                }
            };
            shows.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
            let shown = tokio::time::timeout(SHOWN_WITHIN, shows.output()).await;
            let shown = shown.map_err(|_| Refusal::unavailable("the note was not shown in time"))?;
            let shown = shown.map_err(|error| Refusal::unavailable(format!("the note could not be shown: {error}")))?;
            match shown.status.success() {
                true => Ok(json!({"ok": true})),
                false => {
                    let why = String::from_utf8_lossy(&shown.stderr);
                    Err(Refusal::unavailable(format!("the note could not be shown: {}", why.trim())))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::commands::tests::cx;

    /// N-10.18
    #[tokio::test]
    async fn a_note_is_shown_by_what_shows_notes_here_and_its_words_are_only_words() {
        let home = tempfile::tempdir().unwrap();
        let here = |host: Cx| {
            let env = base::Env::of([("PATH", home.path().to_str().unwrap())]);
            let voice = host.voice;
            let host = std::sync::Arc::into_inner(host.host).unwrap();
            Cx { host: std::sync::Arc::new(crate::commands::Host { env, ..host }), voice }
        };
        let note = json!({"title": "-x", "body": "$(y)", "priority": "timeSensitive"});
        let nobody = Notify.handle(here(cx(home.path())), note.clone()).await.unwrap_err();
        assert_eq!(nobody.code, "UNAVAILABLE");
        let tool = home.path().join("notify-send");
        let script = format!("#!/bin/sh\nprintf '%s|' \"$@\" > {}/said\n", home.path().display());
        std::fs::write(&tool, script).unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(Notify.handle(here(cx(home.path())), note).await.unwrap(), json!({"ok": true}));
        let said = std::fs::read_to_string(home.path().join("said")).unwrap();
        assert_eq!(said, "--app-name|OpenClaw|--urgency|critical|--|-x|$(y)|");
        let empty = Notify.handle(here(cx(home.path())), json!({"title": " "})).await.unwrap_err();
        assert_eq!(empty.code, "INVALID_REQUEST");
    }
}
