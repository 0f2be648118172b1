//! The `canvas` tool: a page on a node's screen, a thin layer over the node's commands.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::node_call::{Target, ask};
use super::{Tool, ToolCx, ToolDeps, ToolOutput, args, nodes};
use crate::ports::Ports;
use crate::providers::ToolSpec;

const LIMIT: Duration = Duration::from_secs(30);
/// Longest text that is put on a page at once.
const JSONL_MAX_BYTES: usize = 1024 * 1024;

pub(super) struct Canvas {
    ports: Ports,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    action: Action,
    /// The node; needed when several have a canvas.
    node: Option<String>,
    /// present, navigate: what to show.
    #[serde(alias = "target")]
    url: Option<String>,
    /// present: where on the screen.
    x: Option<f64>,
    /// present.
    y: Option<f64>,
    /// present.
    width: Option<f64>,
    /// present.
    height: Option<f64>,
    /// eval: the script; its result comes back as text.
    java_script: Option<String>,
    /// snapshot: png or jpeg.
    output_format: Option<Format>,
    /// snapshot: widest picture in pixels.
    max_width: Option<u32>,
    /// snapshot: from 0 to 1.
    quality: Option<f64>,
    /// a2ui_push: messages, one JSON object a line.
    jsonl: Option<String>,
    /// a2ui_push: a file of the workspace with them.
    jsonl_path: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    #[default]
    Present,
    Hide,
    Navigate,
    Eval,
    Snapshot,
    A2uiPush,
    A2uiReset,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Png,
    #[serde(alias = "jpg")]
    Jpeg,
}

impl Canvas {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { ports: deps.ports.clone() }
    }

    async fn act(&self, args: Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        let (command, params) = asked(&args, cx).await?;
        let node = Target::find(&self.ports, args.node.as_deref(), command).await?;
        let payload = ask(&self.ports, cx, &node, command, params, LIMIT).await?;
        match args.action {
            Action::Snapshot | Action::Eval => Ok(nodes::show(&node, command, payload, cx).await),
            _ => Ok(ToolOutput::text(format!("Done by {}.", node.called()))),
        }
    }
}

async fn asked(args: &Args, cx: &ToolCx) -> Result<(&'static str, Value), ToolOutput> {
    let needs = |given: &Option<String>, name: &str| {
        let given = given.clone().filter(|text| !text.trim().is_empty());
        given.ok_or_else(|| ToolOutput::error(format!("`canvas` was not run: this action needs `{name}`")))
    };
    Ok(match args.action {
        Action::Present => {
            let placement = members([
                ("x", json!(args.x)),
                ("y", json!(args.y)),
                ("width", json!(args.width)),
                ("height", json!(args.height)),
            ]);
            let placement = if placement == json!({}) { Value::Null } else { placement };
            ("canvas.present", members([("url", json!(args.url)), ("placement", placement)]))
        }
        Action::Hide => ("canvas.hide", json!({})),
        Action::Navigate => ("canvas.navigate", json!({"url": needs(&args.url, "url")?})),
        Action::Eval => ("canvas.eval", json!({"javaScript": needs(&args.java_script, "javaScript")?})),
        Action::Snapshot => {
            let format = args.output_format.map(|format| if matches!(format, Format::Png) { "png" } else { "jpeg" });
            let given =
                [("format", json!(format)), ("maxWidth", json!(args.max_width)), ("quality", json!(args.quality))];
            ("canvas.snapshot", members(given))
        }
        Action::A2uiPush => ("canvas.a2ui.pushJSONL", json!({"jsonl": jsonl(args, cx).await?})),
        Action::A2uiReset => ("canvas.a2ui.reset", json!({})),
    })
}

/// The lines themselves, or those of a file.
async fn jsonl(args: &Args, cx: &ToolCx) -> Result<String, ToolOutput> {
    let text = match (&args.jsonl, &args.jsonl_path) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => {
            let path = cx.resolve(path);
            let inside =
                tokio::fs::canonicalize(&path).await.ok().zip(tokio::fs::canonicalize(&cx.workspace).await.ok());
            if inside.is_none_or(|(path, workspace)| !path.starts_with(workspace)) {
                return Err(ToolOutput::error("`canvas` was not run: `jsonlPath` is no file of the workspace"));
            }
            let read = tokio::fs::read_to_string(&path).await;
            read.map_err(|error| ToolOutput::error(format!("cannot read `{}`: {error}", path.display())))?
        }
        (None, None) => return Err(ToolOutput::error("`canvas` was not run: a2ui_push needs `jsonl` or `jsonlPath`")),
    };
    if text.len() > JSONL_MAX_BYTES {
        return Err(ToolOutput::error(format!("`canvas` was not run: more than {JSONL_MAX_BYTES} bytes of messages")));
    }
    Ok(text)
}

fn members<const N: usize>(given: [(&str, Value); N]) -> Value {
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

impl Tool for Canvas {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "canvas".into(),
            description: "Show a page on a node's screen: present or navigate to a URL, run a script in it, take a \
                          snapshot of it, push A2UI messages to it, hide it."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args = match args::parse::<Args>("canvas", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            self.act(args, &cx).await.unwrap_or_else(|failed| failed)
        }
        .boxed()
    }
}
