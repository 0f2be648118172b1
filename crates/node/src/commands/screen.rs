//! `screen.snapshot`, `screen.record`: what this machine's screen shows (N-10.11, N-10.12), by the programs its desktop
//! brings. Sound is not recorded.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::media::{FILM, Need, Room, STILL, Wanted, film, only_mp4, seconds, words};
use super::{Command, Cx, Refusal, read};

/// A film's length when nobody says, and at most.
const DEFAULT_LENGTH_MS: u64 = 10_000;
const LENGTH_MS: std::ops::RangeInclusive<u64> = 250..=300_000;
/// Pictures a second when nobody says, and at most.
const DEFAULT_FPS: u32 = 10;
const MAX_FPS: u32 = 60;

const WAYLAND_STILL: Need = Need {
    any_of: &["grim", "gnome-screenshot"],
    to: "take a picture of a Wayland screen",
    install: "sudo apt install grim",
};
const X11_STILL: Need = Need {
    any_of: &["scrot", "import", "ffmpeg"],
    to: "take a picture of an X11 screen",
    install: "sudo apt install scrot",
};
const MAC: Need = Need { any_of: &["screencapture"], to: "look at the screen", install: "xcode-select --install" };
const WAYLAND_FILM: Need =
    Need { any_of: &["wf-recorder"], to: "film a Wayland screen", install: "sudo apt install wf-recorder" };
const X11_FILM: Need = Need { any_of: &["ffmpeg"], to: "film an X11 screen", install: "sudo apt install ffmpeg" };
/// Ends a program that does not end by itself, as a person would.
const TIMEOUT: Need = Need { any_of: &["timeout"], to: "end the film", install: "sudo apt install coreutils" };

/// What shows pictures here.
enum Display {
    Mac,
    Wayland,
    X11(String),
}

impl Display {
    fn of(cx: &Cx) -> Result<Self, Refusal> {
        let set = |name: &str| cx.host.env.raw(name).filter(|value| !value.is_empty());
        if cfg!(target_os = "macos") {
            return Ok(Self::Mac);
        }
        match (set("WAYLAND_DISPLAY"), set("DISPLAY")) {
            (Some(_), _) => Ok(Self::Wayland),
            (None, Some(display)) => Ok(Self::X11(display)),
            (None, None) => Err(Refusal::unavailable(
                "this node has no screen: neither WAYLAND_DISPLAY nor DISPLAY is set where it runs; start it in the desktop's session",
            )),
        }
    }
}

pub(super) struct Snapshot;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotParams {
    screen_index: Option<u32>,
    max_width: Option<u32>,
    quality: Option<f64>,
    format: Option<String>,
}

impl Command for Snapshot {
    fn name(&self) -> &'static str {
        "screen.snapshot"
    }

    fn cap(&self) -> &'static str {
        "screen"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: SnapshotParams = read(params)?;
            let wanted = Wanted { max_width: params.max_width, quality: params.quality, format: params.format };
            wanted.check()?;
            let display = Display::of(&cx)?;
            let need = match display {
                Display::Mac => MAC,
                Display::Wayland => WAYLAND_STILL,
                Display::X11(_) => X11_STILL,
            };
            let (tool, room) = (need.find(&cx)?, Room::new()?);
            let file = room.file("screen.png");
            let args = still(tool.name, &display, params.screen_index, &file.to_string_lossy())?;
            tool.run(&cx, &args, STILL).await?;
            wanted.picture(file).await
        })
    }
}

/// The line that makes a picture in `file`.
fn still(tool: &str, display: &Display, index: Option<u32>, file: &str) -> Result<Vec<String>, Refusal> {
    let number = index.unwrap_or(0);
    let line = match (tool, display) {
        ("screencapture", _) => words(&["-x", "-t", "png", "-D", &(number + 1).to_string(), file]),
        ("scrot", _) if number > 0 => words(&["--overwrite", "--monitor", &number.to_string(), file]),
        _ if number > 0 => {
            return Err(Refusal::invalid(format!(
                "screenIndex: {tool} takes all screens in one picture; leave it out"
            )));
        }
        ("grim", _) => words(&["-t", "png", file]),
        ("scrot", _) => words(&["--overwrite", file]),
        ("gnome-screenshot", _) => words(&["--file", file]),
        ("import", _) => words(&["-window", "root", file]),
        (_, Display::X11(display)) => {
            words(&["-nostdin", "-loglevel", "error", "-f", "x11grab", "-i", display, "-frames:v", "1", "-y", file])
        }
        _ => return Err(Refusal::unavailable(format!("{tool} takes no picture here"))),
    };
    Ok(line)
}

pub(super) struct Record;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordParams {
    screen_index: Option<u32>,
    duration_ms: Option<u64>,
    fps: Option<u32>,
    format: Option<String>,
}

impl Command for Record {
    fn name(&self) -> &'static str {
        "screen.record"
    }

    fn cap(&self) -> &'static str {
        "screen"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: RecordParams = read(params)?;
            only_mp4(params.format.as_deref())?;
            let index = params.screen_index.unwrap_or(0);
            let length = params.duration_ms.unwrap_or(DEFAULT_LENGTH_MS).clamp(*LENGTH_MS.start(), *LENGTH_MS.end());
            let fps = params.fps.unwrap_or(DEFAULT_FPS).clamp(1, MAX_FPS);
            let display = Display::of(&cx)?;
            if index > 0 && !matches!(display, Display::Mac) {
                return Err(Refusal::invalid("screenIndex: all screens are in one film here; leave it out"));
            }
            let room = Room::new()?;
            let file = room.file(if matches!(display, Display::Mac) { "screen.mov" } else { "screen.mp4" });
            let path = file.to_string_lossy();
            let within = Duration::from_millis(length) + FILM;
            let (fps_word, length_word) = (fps.to_string(), seconds(length));
            match &display {
                Display::Mac => {
                    let number = (index + 1).to_string();
                    let args = words(&["-x", "-v", "-V", &length.div_ceil(1000).to_string(), "-D", &number, &path]);
                    MAC.find(&cx)?.run(&cx, &args, within).await?;
                }
                Display::Wayland => {
                    let recorder = WAYLAND_FILM.find(&cx)?.name;
                    let line =
                        ["--preserve-status", "--signal=INT", &length_word, recorder, "-r", &fps_word, "-f", &path];
                    TIMEOUT.find(&cx)?.run(&cx, &words(&line), within).await?;
                }
                Display::X11(display) => {
                    let line = [
                        "-nostdin",
                        "-loglevel",
                        "error",
                        "-f",
                        "x11grab",
                        "-framerate",
                        &fps_word,
                        "-i",
                        display,
                        "-t",
                        &length_word,
                        "-pix_fmt",
                        "yuv420p",
                        "-y",
                        &path,
                    ];
                    X11_FILM.find(&cx)?.run(&cx, &words(&line), within).await?;
                }
            }
            let about = json!({"durationMs": length, "fps": fps, "screenIndex": index, "hasAudio": false});
            film(file.clone(), about).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{Machine, picture};

    /// N-10.12, N-10.27
    #[tokio::test]
    async fn a_picture_is_taken_by_what_the_desktop_brings_and_made_to_fit() {
        let machine = Machine::new();
        let nowhere = Snapshot.handle(machine.cx(&[]), Value::Null).await.unwrap_err();
        assert!(nowhere.code == "UNAVAILABLE" && nowhere.message.contains("WAYLAND_DISPLAY"), "{nowhere:?}");
        let wayland = [("WAYLAND_DISPLAY", "w")];
        let missing = Snapshot.handle(machine.cx(&wayland), Value::Null).await.unwrap_err();
        assert!(missing.message.contains("apt install grim"), "{missing:?}");
        std::fs::write(machine.path("shot.png"), picture(800, 400)).unwrap();
        machine.program("grim", &format!("for last; do :; done; cp {} \"$last\"", machine.path("shot.png").display()));
        let asked = json!({"maxWidth": 200, "format": "png"});
        let taken = Snapshot.handle(machine.cx(&wayland), asked).await.unwrap();
        assert_eq!((&taken["format"], &taken["width"], &taken["height"]), (&json!("png"), &json!(200), &json!(100)));
        let taken = Snapshot.handle(machine.cx(&wayland), Value::Null).await.unwrap();
        assert_eq!((&taken["format"], &taken["width"]), (&json!("jpg"), &json!(800)));
        machine.program("grim", "echo 'compositor says no' >&2; exit 1");
        let failed = Snapshot.handle(machine.cx(&wayland), Value::Null).await.unwrap_err();
        assert!(failed.message.contains("compositor says no"), "{failed:?}");
        let wrong = Snapshot.handle(machine.cx(&wayland), json!({"format": "bmp"})).await.unwrap_err();
        assert_eq!(wrong.code, "INVALID_REQUEST");
    }

    /// N-10.11
    #[tokio::test]
    async fn a_film_is_as_long_as_was_asked_and_not_too_large() {
        let machine = Machine::new();
        let x11 = [("DISPLAY", ":7")];
        let said = machine.path("said");
        let script = format!("echo \"$@\" > {}; for last; do :; done; printf film > \"$last\"", said.display());
        machine.program("ffmpeg", &script);
        let asked = json!({"durationMs": 1500, "fps": 5});
        let film = Record.handle(machine.cx(&x11), asked).await.unwrap();
        assert_eq!(
            (&film["base64"], &film["durationMs"], &film["hasAudio"]),
            (&json!("ZmlsbQ=="), &json!(1500), &json!(false))
        );
        let line = std::fs::read_to_string(said).unwrap();
        assert!(line.contains("-framerate 5 -i :7 -t 1.500"), "{line}");
        machine.program("ffmpeg", "for last; do :; done; head -c 19000000 /dev/zero > \"$last\"");
        assert_eq!(Record.handle(machine.cx(&x11), json!({})).await.unwrap_err().code, "PAYLOAD_TOO_LARGE");
    }
}
