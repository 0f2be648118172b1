//! The `nodes` tool: the devices that are paired with this Gateway, and what they can do. Every call passes the
//! same policy as an operator's (N-1.3). Commands of a shell are `exec` with `host=node`, and go through approvals.

mod calls;
mod media;
mod records;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::message::Block;

use self::calls::Call;
use super::exec::{ExecSettings, on_node};
use super::node_call::{Target, ask};
use super::{Tool, ToolCx, ToolDeps, ToolOutput, args};
use crate::ports::{Admission, Ports};
use crate::providers::ToolSpec;

pub(super) use media::show;

/// How long a call may take when nobody says.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30);
/// How long one may take at most, beside what it films.
const LONGEST: Duration = Duration::from_secs(600);
/// Commands that are not asked for by name: a shell goes by `exec`, approvals by their own methods.
const NOT_BY_NAME: [&str; 2] = ["system.run", "system.execApprovals"];

pub(super) struct Nodes {
    ports: Ports,
    exec: ExecSettings,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    action: Action,
    /// The node: its id, name, address or the first letters of its id. Needed when several could do it.
    node: Option<String>,
    /// approve, reject: the request, as `pending` lists it.
    request_id: Option<String>,
    /// notify: the heading.
    title: Option<String>,
    /// notify: the text.
    body: Option<String>,
    /// notify: the name of a sound.
    sound: Option<String>,
    /// notify: how urgent.
    priority: Option<Priority>,
    /// notify: where it shows.
    delivery: Option<Delivery>,
    /// camera: which one; `both` takes two pictures.
    facing: Option<Facing>,
    /// camera, screen, photos: widest picture in pixels.
    max_width: Option<u32>,
    /// camera, screen: from 0 to 1.
    quality: Option<f64>,
    /// camera_snap: how long to wait first.
    delay_ms: Option<u64>,
    /// camera: the device's id from `camera_list`.
    device_id: Option<String>,
    /// camera_clip, screen_record: how long; at most 300000.
    duration_ms: Option<u64>,
    /// camera_clip, screen_record.
    include_audio: Option<bool>,
    /// screen_record: pictures a second.
    fps: Option<f64>,
    /// screen: which one, from 0.
    screen_index: Option<u32>,
    /// camera_ptz.
    operation: Option<Operation>,
    /// camera_ptz.
    pan_degrees: Option<f64>,
    /// camera_ptz.
    tilt_degrees: Option<f64>,
    /// camera_ptz.
    zoom_percent: Option<f64>,
    /// location_get: how old the answer may be.
    max_age_ms: Option<u64>,
    /// location_get: how long the device may look.
    location_timeout_ms: Option<u64>,
    /// location_get.
    desired_accuracy: Option<Accuracy>,
    /// notifications_action.
    notification_action: Option<NotificationAction>,
    /// notifications_action: which one, as `notifications_list` names it.
    notification_key: Option<String>,
    /// notifications_action: the words of a reply.
    notification_reply_text: Option<String>,
    /// which: program names.
    bins: Option<Vec<String>>,
    /// photos_latest, notifications_list: how many; at most 20.
    limit: Option<u32>,
    /// invoke: a command of the node, such as `calendar.events`.
    invoke_command: Option<String>,
    /// invoke: its params, as JSON text.
    invoke_params_json: Option<String>,
    /// invoke: how long it may take.
    invoke_timeout_ms: Option<u64>,
    /// run: the shell line; the same as `exec` with `host=node`.
    command: Option<String>,
    /// run: the folder.
    cwd: Option<String>,
    /// How long the node may take.
    timeout_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    #[default]
    Status,
    Describe,
    Pending,
    Approve,
    Reject,
    Notify,
    CameraList,
    CameraSnap,
    CameraClip,
    CameraPtz,
    PhotosLatest,
    ScreenRecord,
    ScreenSnapshot,
    LocationGet,
    NotificationsList,
    #[serde(rename = "notifications_action")]
    ActOnNotification,
    DeviceStatus,
    DeviceInfo,
    DevicePermissions,
    DeviceHealth,
    DeviceApps,
    Which,
    Invoke,
    Run,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Facing {
    Front,
    Back,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Priority {
    Passive,
    Active,
    TimeSensitive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Delivery {
    System,
    Overlay,
    Auto,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Status,
    Set,
    Move,
    Home,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Accuracy {
    Coarse,
    Balanced,
    Precise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum NotificationAction {
    Open,
    Dismiss,
    Reply,
}

impl Nodes {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { ports: deps.ports.clone(), exec: deps.exec.clone() }
    }

    async fn act(&self, args: Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        let ports = &self.ports;
        match args.action {
            Action::Status => records::status(ports).await,
            Action::Describe => records::describe(ports, args.node.as_deref()).await,
            Action::Pending => records::pending(ports).await,
            Action::Approve => records::decide(ports, cx, args.request_id.as_deref(), Admission::Approve).await,
            Action::Reject => records::decide(ports, cx, args.request_id.as_deref(), Admission::Reject).await,
            Action::Run => self.run(args, cx).await,
            // By name anything could be asked for, files of other machines too (N-7.12).
            Action::Invoke if cx.rights.from_node => Err(ToolOutput::error(
                "not invoked: what a node began asks nodes only for what has an action of its own",
            )),
            Action::CameraSnap if args.facing == Some(Facing::Both) => self.both_cameras(args, cx).await,
            _ => {
                let call = calls::of(&args)?;
                let node = Target::find(ports, args.node.as_deref(), &call.command).await?;
                self.call(&node, call, cx).await
            }
        }
    }

    async fn call(&self, node: &Target, call: Call, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        let payload = ask(&self.ports, cx, node, &call.command, call.params, call.limit).await?;
        Ok(show(node, &call.command, payload, cx).await)
    }

    /// Two calls, front and then back (N-10.29); what one of them could not do is said beside what the other did.
    async fn both_cameras(&self, mut args: Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        let node = Target::find(&self.ports, args.node.as_deref(), "camera.snap").await?;
        let mut whole = ToolOutput { is_error: true, ..ToolOutput::text("") };
        whole.content.clear();
        for (facing, heading) in [(Facing::Front, "Front camera:"), (Facing::Back, "Back camera:")] {
            args.facing = Some(facing);
            whole.content.push(Block::text(heading));
            let one = self.call(&node, calls::of(&args)?, cx).await.unwrap_or_else(|failed| failed);
            whole.is_error &= one.is_error;
            whole.content.extend(one.content);
        }
        Ok(whole)
    }

    /// January's name for `exec` with `host=node`.
    async fn run(&self, args: Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        let line = calls::required(args.command, "command")?;
        let timeout = args.timeout_ms.map_or(self.exec.timeout, Duration::from_millis);
        let (workdir, node) = (args.cwd, args.node);
        let asked = on_node::Asked { line, workdir, node, timeout, env: BTreeMap::new(), security: None, ask: None };
        Ok(on_node::run(asked, &self.exec, &self.ports, cx).await)
    }
}

impl Tool for Nodes {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "nodes".into(),
            description: "See and use the devices paired with this Gateway: phones, laptops, other machines. `status` \
                          lists them with the commands each may be asked for; cameras, screens and notifications are \
                          private, so use them only when the user wants that. Pictures are shown to you and kept as \
                          files. To run a shell command on a node use `exec` with host=node."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args = match args::parse::<Args>("nodes", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            self.act(args, &cx).await.unwrap_or_else(|failed| failed)
        }
        .boxed()
    }
}
