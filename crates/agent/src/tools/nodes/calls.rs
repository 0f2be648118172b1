//! What each action asks of a node: the command, its params as N-10 has them, and how long it may take.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Action, Args, DEFAULT_LIMIT, Facing, LONGEST, NOT_BY_NAME, Operation};
use crate::tools::ToolOutput;

/// Longest film.
const FILM_MAX_MS: u64 = 300_000;
/// What a film takes when nobody says.
const CLIP_MS: u64 = 3_000;
const RECORDING_MS: u64 = 10_000;
/// Programs looked for at once.
const BINS_MAX: usize = 64;
const LIST_MAX: u32 = 20;

/// One call of a node.
pub(super) struct Call {
    pub(super) command: String,
    pub(super) params: Value,
    pub(super) limit: Duration,
}

/// The call an action stands for.
///
/// # Errors
/// Which argument is missing.
pub(super) fn of(args: &Args) -> Result<Call, ToolOutput> {
    let (command, params) = match args.action {
        Action::Notify => ("system.notify", notify(args)?),
        Action::CameraList => ("camera.list", json!({})),
        Action::CameraSnap => ("camera.snap", snap(args)),
        Action::CameraClip => ("camera.clip", film(args, CLIP_MS)),
        Action::CameraPtz => return ptz(args),
        Action::PhotosLatest => {
            ("photos.latest", members([("limit", list_limit(args)), ("maxWidth", json!(args.max_width))]))
        }
        Action::ScreenRecord => ("screen.record", film(args, RECORDING_MS)),
        Action::ScreenSnapshot => ("screen.snapshot", screen(args)),
        Action::LocationGet => ("location.get", location(args)),
        Action::NotificationsList => ("notifications.list", members([("limit", list_limit(args))])),
        Action::ActOnNotification => ("notifications.actions", notification(args)?),
        Action::DeviceStatus => ("device.status", json!({})),
        Action::DeviceInfo => ("device.info", json!({})),
        Action::DevicePermissions => ("device.permissions", json!({})),
        Action::DeviceHealth => ("device.health", json!({})),
        Action::DeviceApps => ("device.apps", json!({})),
        Action::Which => ("system.which", which(args)?),
        Action::Invoke => return invoke(args),
        Action::Status | Action::Describe | Action::Pending | Action::Approve | Action::Reject | Action::Run => {
            return Err(ToolOutput::error("this action asks no node"));
        }
    };
    Ok(Call { command: command.to_owned(), params, limit: limit(args) })
}

/// The argument, which must be there.
pub(super) fn required(given: Option<String>, name: &str) -> Result<String, ToolOutput> {
    let given = given.filter(|text| !text.trim().is_empty());
    given.ok_or_else(|| ToolOutput::error(format!("`nodes` was not run: this action needs `{name}`")))
}

/// An object of what was given.
fn members<const N: usize>(given: [(&str, Value); N]) -> Value {
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn limit(args: &Args) -> Duration {
    let asked = args.timeout_ms.filter(|ms| *ms > 0).map_or(DEFAULT_LIMIT, Duration::from_millis).min(LONGEST);
    let films = match args.action {
        Action::CameraClip => args.duration_ms.unwrap_or(CLIP_MS),
        Action::ScreenRecord => args.duration_ms.unwrap_or(RECORDING_MS),
        Action::CameraSnap => args.delay_ms.unwrap_or(0),
        Action::LocationGet => args.location_timeout_ms.unwrap_or(0),
        _ => 0,
    };
    asked + Duration::from_millis(films.min(FILM_MAX_MS))
}

fn list_limit(args: &Args) -> Value {
    json!(args.limit.map(|limit| limit.clamp(1, LIST_MAX)))
}

fn notify(args: &Args) -> Result<Value, ToolOutput> {
    if args.title.is_none() && args.body.is_none() {
        return Err(ToolOutput::error("`nodes` was not run: notify needs `title` or `body`"));
    }
    Ok(members([
        ("title", json!(args.title.as_deref().unwrap_or_default())),
        ("body", json!(args.body.as_deref().unwrap_or_default())),
        ("sound", json!(args.sound)),
        ("priority", json!(args.priority)),
        ("delivery", json!(args.delivery)),
    ]))
}

fn snap(args: &Args) -> Value {
    members([
        ("facing", json!(args.facing.filter(|facing| *facing != Facing::Both))),
        ("maxWidth", json!(args.max_width)),
        ("quality", json!(args.quality)),
        ("delayMs", json!(args.delay_ms.map(|ms| ms.min(10_000)))),
        ("deviceId", json!(args.device_id)),
        ("format", json!("jpg")),
    ])
}

fn film(args: &Args, usual: u64) -> Value {
    let is_camera = args.action == Action::CameraClip;
    let camera = |value: Value| if is_camera { value } else { Value::Null };
    let screen = |value: Value| if is_camera { Value::Null } else { value };
    members([
        ("facing", camera(json!(args.facing.filter(|facing| *facing != Facing::Both)))),
        ("deviceId", camera(json!(args.device_id))),
        ("screenIndex", screen(json!(args.screen_index))),
        ("fps", screen(json!(args.fps))),
        ("durationMs", json!(args.duration_ms.unwrap_or(usual).min(FILM_MAX_MS))),
        ("includeAudio", json!(args.include_audio)),
        ("format", json!("mp4")),
    ])
}

fn screen(args: &Args) -> Value {
    members([
        ("screenIndex", json!(args.screen_index)),
        ("maxWidth", json!(args.max_width)),
        ("quality", json!(args.quality)),
    ])
}

fn ptz(args: &Args) -> Result<Call, ToolOutput> {
    let device = required(args.device_id.clone(), "deviceId")?;
    let operation = args.operation.unwrap_or(Operation::Status);
    let axes = members([
        ("panDegrees", json!(args.pan_degrees)),
        ("tiltDegrees", json!(args.tilt_degrees)),
        ("zoomPercent", json!(args.zoom_percent)),
    ]);
    let (command, params) = match operation {
        Operation::Status => ("camera.ptz.status", json!({"deviceId": device})),
        Operation::Home => ("camera.ptz.control", json!({"deviceId": device, "operation": "home"})),
        Operation::Set => ("camera.ptz.control", json!({"deviceId": device, "operation": "set", "target": axes})),
        Operation::Move => ("camera.ptz.control", json!({"deviceId": device, "operation": "move", "delta": axes})),
    };
    Ok(Call { command: command.to_owned(), params, limit: limit(args) })
}

fn location(args: &Args) -> Value {
    members([
        ("timeoutMs", json!(args.location_timeout_ms)),
        ("maxAgeMs", json!(args.max_age_ms)),
        ("desiredAccuracy", json!(args.desired_accuracy)),
    ])
}

fn notification(args: &Args) -> Result<Value, ToolOutput> {
    let key = required(args.notification_key.clone(), "notificationKey")?;
    let Some(action) = args.notification_action else {
        return Err(ToolOutput::error("`nodes` was not run: this action needs `notificationAction`"));
    };
    Ok(members([("key", json!(key)), ("action", json!(action)), ("replyText", json!(args.notification_reply_text))]))
}

fn which(args: &Args) -> Result<Value, ToolOutput> {
    let bins = args.bins.as_deref().unwrap_or_default();
    if bins.is_empty() || bins.len() > BINS_MAX {
        return Err(ToolOutput::error(format!("`nodes` was not run: `bins` must name 1 to {BINS_MAX} programs")));
    }
    Ok(json!({"bins": bins}))
}

fn invoke(args: &Args) -> Result<Call, ToolOutput> {
    let command = required(args.invoke_command.clone(), "invokeCommand")?.trim().to_owned();
    if NOT_BY_NAME.iter().any(|name| command.starts_with(name)) {
        return Err(ToolOutput::error(format!(
            "`{command}` is not invoked by name: use `exec` with host=node, which goes through the owner's approvals"
        )));
    }
    let text = args.invoke_params_json.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let params = text.map_or(Ok(json!({})), serde_json::from_str::<Value>);
    let params = params.map_err(|error| ToolOutput::error(format!("`invokeParamsJson` is no JSON: {error}")))?;
    let asked = args.invoke_timeout_ms.filter(|ms| *ms > 0).map(Duration::from_millis);
    Ok(Call { command, params, limit: asked.unwrap_or_else(|| limit(args)).min(LONGEST) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(given: Value) -> Args {
        crate::tools::args::parse("nodes", given).unwrap()
    }

    fn call(given: Value) -> (String, Value, u64) {
        let call = of(&args(given)).unwrap();
        (call.command, call.params, u64::try_from(call.limit.as_millis()).unwrap())
    }

    ///
    #[test]
    fn an_action_is_a_command_with_the_params_given() {
        let (command, params, limit) =
            call(json!({"action": "camera_snap", "facing": "back", "maxWidth": "640", "delayMs": 500}));
        assert_eq!((&*command, limit), ("camera.snap", 30_500));
        assert_eq!(params, json!({"facing": "back", "maxWidth": 640, "delayMs": 500, "format": "jpg"}));
        let (command, params, limit) =
            call(json!({"action": "screen_record", "durationMs": 900_000, "facing": "front"}));
        assert_eq!((&*command, limit), ("screen.record", 330_000), "never longer than five minutes");
        assert_eq!(params, json!({"durationMs": 300_000, "format": "mp4"}));
        let (command, params, _) =
            call(json!({"action": "camera_ptz", "deviceId": "c", "operation": "move", "panDegrees": 5}));
        assert_eq!(
            (&*command, params),
            ("camera.ptz.control", json!({"deviceId": "c", "operation": "move", "delta": {"panDegrees": 5.0}}))
        );
        let (command, params, limit) = call(
            json!({"action": "invoke", "invokeCommand": "calendar.events", "invokeParamsJson": "{\"days\":2}", "invokeTimeoutMs": 900}),
        );
        assert_eq!((&*command, params, limit), ("calendar.events", json!({"days": 2}), 900));
        let (_, params, _) = call(json!({"action": "notifications_list", "limit": 90}));
        assert_eq!(params, json!({"limit": 20}));
    }

    /// N-4.11
    #[test]
    fn a_shell_is_not_invoked_by_name_and_what_is_missing_is_named() {
        for command in ["system.run", "system.run.prepare", "system.execApprovals.set"] {
            let refused = of(&args(json!({"action": "invoke", "invokeCommand": command}))).err().unwrap();
            assert!(refused.is_error && format!("{refused:?}").contains("host=node"), "{command}");
        }
        let missing = [
            (json!({"action": "which"}), "bins"),
            (json!({"action": "notify"}), "title"),
            (json!({"action": "invoke"}), "invokeCommand"),
            (json!({"action": "notifications_action", "notificationKey": "k"}), "notificationAction"),
            (json!({"action": "invoke", "invokeCommand": "x", "invokeParamsJson": "{"}), "no JSON"),
        ];
        for (given, name) in missing {
            let refused = of(&args(given)).err().unwrap();
            assert!(format!("{refused:?}").contains(name), "{refused:?}");
        }
    }
}
