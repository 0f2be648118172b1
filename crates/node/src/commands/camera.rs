//! `camera.list`, `camera.snap`, `camera.clip`: what this machine's cameras see (N-10.7…10.9), by ffmpeg on Linux and
//! imagesnap on macOS. Only a camera that is listed is ever opened.

use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::media::{FILM, Need, Room, STILL, Wanted, film, only_mp4, seconds, words};
use super::{Command, Cx, Refusal, read};

/// Widest picture when nobody says.
const DEFAULT_WIDTH: u32 = 1600;
/// How long a camera looks before its picture counts: the first ones are dark.
const DEFAULT_DELAY_MS: u64 = 500;
const MAX_DELAY_MS: u64 = 10_000;
/// A film's length when nobody says, and at most.
const DEFAULT_LENGTH_MS: u64 = 3000;
const LENGTH_MS: std::ops::RangeInclusive<u64> = 200..=60_000;
/// Where Linux tells of its cameras.
const SYSTEM: &str = "/sys/class/video4linux";

const FFMPEG: Need = Need { any_of: &["ffmpeg"], to: "use a camera", install: "sudo apt install ffmpeg" };
const IMAGESNAP: Need = Need { any_of: &["imagesnap"], to: "use a camera", install: "brew install imagesnap" };

/// A camera of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Camera {
    id: String,
    name: String,
}

pub(super) struct List;

impl Command for List {
    fn name(&self) -> &'static str {
        "camera.list"
    }

    fn cap(&self) -> &'static str {
        "camera"
    }

    fn handle(&self, cx: Cx, _: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let row = |camera: &Camera| {
                let kind = if cfg!(target_os = "macos") { "avfoundation" } else { "v4l2" };
                json!({"id": camera.id, "name": camera.name, "position": "unspecified", "deviceType": kind})
            };
            Ok(json!({"devices": cameras(&cx).await?.iter().map(row).collect::<Vec<_>>()}))
        })
    }
}

pub(super) struct Snap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapParams {
    facing: Option<String>,
    device_id: Option<String>,
    max_width: Option<u32>,
    quality: Option<f64>,
    format: Option<String>,
    delay_ms: Option<u64>,
}

impl Command for Snap {
    fn name(&self) -> &'static str {
        "camera.snap"
    }

    fn cap(&self) -> &'static str {
        "camera"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: SnapParams = read(params)?;
            let max_width = Some(params.max_width.unwrap_or(DEFAULT_WIDTH));
            let wanted = Wanted { max_width, quality: params.quality, format: params.format };
            wanted.check()?;
            let camera = chosen(&cx, params.device_id.as_deref(), params.facing.as_deref()).await?;
            let delay = params.delay_ms.unwrap_or(DEFAULT_DELAY_MS).min(MAX_DELAY_MS);
            let room = Room::new()?;
            let file = room.file("camera.jpg");
            let (path, delay_word) = (file.to_string_lossy(), seconds(delay));
            let within = STILL + Duration::from_millis(delay);
            if cfg!(target_os = "macos") {
                let line = ["-q", "-w", &delay_word, "-d", &camera.name, &path];
                IMAGESNAP.find(&cx)?.run(&cx, &words(&line), within).await?;
            } else {
                let line = [
                    "-nostdin",
                    "-loglevel",
                    "error",
                    "-f",
                    "v4l2",
                    "-i",
                    &camera.id,
                    "-ss",
                    &delay_word,
                    "-frames:v",
                    "1",
                    "-y",
                    &path,
                ];
                FFMPEG.find(&cx)?.run(&cx, &words(&line), within).await?;
            }
            wanted.picture(file.clone()).await
        })
    }
}

pub(super) struct Clip;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClipParams {
    facing: Option<String>,
    device_id: Option<String>,
    duration_ms: Option<u64>,
    format: Option<String>,
}

impl Command for Clip {
    fn name(&self) -> &'static str {
        "camera.clip"
    }

    fn cap(&self) -> &'static str {
        "camera"
    }

    /// N-10.9; without sound.
    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: ClipParams = read(params)?;
            only_mp4(params.format.as_deref())?;
            let camera = chosen(&cx, params.device_id.as_deref(), params.facing.as_deref()).await?;
            let length = params.duration_ms.unwrap_or(DEFAULT_LENGTH_MS).clamp(*LENGTH_MS.start(), *LENGTH_MS.end());
            let room = Room::new()?;
            let file = room.file("camera.mp4");
            let (path, length_word) = (file.to_string_lossy(), seconds(length));
            let from = if cfg!(target_os = "macos") { "avfoundation" } else { "v4l2" };
            let line = [
                "-nostdin",
                "-loglevel",
                "error",
                "-f",
                from,
                "-i",
                &camera.id,
                "-t",
                &length_word,
                "-pix_fmt",
                "yuv420p",
                "-y",
                &path,
            ];
            FFMPEG.find(&cx)?.run(&cx, &words(&line), Duration::from_millis(length) + FILM).await?;
            film(file.clone(), json!({"durationMs": length, "hasAudio": false})).await
        })
    }
}

/// The cameras there are.
async fn cameras(cx: &Cx) -> Result<Vec<Camera>, Refusal> {
    if !cx.host.settings.camera.enabled {
        let message = "the owner of this node has switched its cameras off (nodeHost.camera.enabled)".into();
        return Err(Refusal { code: "CAMERA_DISABLED", message });
    }
    if cfg!(target_os = "macos") {
        let listed = IMAGESNAP.find(cx)?.run(cx, &words(&["-l"]), STILL).await?;
        let names = listed.lines().filter_map(|line| line.trim().strip_prefix("=> "));
        return Ok(names.map(|name| Camera { id: name.to_owned(), name: name.to_owned() }).collect());
    }
    Ok(of_linux(Path::new(SYSTEM)))
}

/// Those the system lists, by their numbers; a camera's further entries, which hold no pictures, are left out.
fn of_linux(system: &Path) -> Vec<Camera> {
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let entries = std::fs::read_dir(system).into_iter().flatten().flatten();
    let mut found: Vec<(u32, Camera)> = entries
        .filter_map(|entry| {
            let device = entry.file_name().into_string().ok()?;
            let number = device.strip_prefix("video")?.parse().ok()?;
            let is_first = read(entry.path().join("index")).is_none_or(|index| index == "0");
            let name = read(entry.path().join("name")).unwrap_or_else(|| device.clone());
            is_first.then(|| (number, Camera { id: format!("/dev/{device}"), name }))
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, camera)| camera).collect()
}

/// The one that is meant. Which way they look nobody knows here: the first counts as the front, the second as the back.
async fn chosen(cx: &Cx, id: Option<&str>, facing: Option<&str>) -> Result<Camera, Refusal> {
    let cameras = cameras(cx).await?;
    let meant = match (id, facing) {
        (Some(id), _) => cameras.iter().find(|camera| camera.id == id || camera.name == id),
        (None, Some("back")) => cameras.get(1).or(cameras.first()),
        (None, None | Some("front")) => cameras.first(),
        (None, Some(other)) => {
            return Err(Refusal::invalid(format!("facing: `{other}` is neither front nor back")));
        }
    };
    meant.cloned().ok_or_else(|| match id {
        Some(id) if !cameras.is_empty() => {
            let known = cameras.iter().map(|camera| camera.id.as_str()).collect::<Vec<_>>().join(", ");
            Refusal::invalid(format!("deviceId: there is no camera `{id}`, but {known}"))
        }
        _ => Refusal::unavailable("this node has no camera"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::Machine;

    /// N-10.7, N-10.8: what is no camera is never opened.
    #[tokio::test]
    async fn cameras_are_those_the_system_lists() {
        let machine = Machine::new();
        for (device, name, index) in [("video10", "Late", "0"), ("video2", "Front", "0"), ("video3", "Data", "1")] {
            let folder = machine.path(device);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("name"), format!("{name}\n")).unwrap();
            std::fs::write(folder.join("index"), format!("{index}\n")).unwrap();
        }
        let found = of_linux(&machine.path(""));
        let told: Vec<_> = found.iter().map(|camera| (camera.id.as_str(), camera.name.as_str())).collect();
        assert_eq!(told, [("/dev/video2", "Front"), ("/dev/video10", "Late")]);
        machine.program("ffmpeg", "touch opened");
        let asked = json!({"deviceId": "/etc/passwd"});
        let refused = Snap.handle(machine.cx(&[]), asked).await.unwrap_err();
        assert!(["INVALID_REQUEST", "UNAVAILABLE"].contains(&refused.code), "{refused:?}");
        assert!(!machine.path("opened").exists());
    }

    /// N-10.9, N-10.27
    #[tokio::test]
    async fn an_owner_can_switch_cameras_off() {
        let machine = Machine::new();
        let off = machine.with(|settings| settings.camera.enabled = false);
        for command in [&List as &dyn Command, &Snap, &Clip] {
            let refused = command.handle(off.clone(), Value::Null).await.unwrap_err();
            assert_eq!(refused.code, "CAMERA_DISABLED", "{}", command.name());
        }
    }
}
