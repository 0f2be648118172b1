//! The `write` tool: a whole file at once.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolCx, ToolOutput, args, paths};
use crate::providers::ToolSpec;

pub(super) struct Write;

#[derive(Deserialize, JsonSchema)]
struct Args {
    /// The file; relative to the workspace, `~` is the home folder.
    #[serde(alias = "file_path")]
    path: String,
    /// Everything the file shall contain.
    content: String,
}

impl Tool for Write {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "write".into(),
            description: "Create a file or replace its whole content. Missing folders are made. \
                          To change a part of an existing file use `edit`."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args: Args = match args::parse("write", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            paths::blocking(move || write(&args, &cx)).await
        }
        .boxed()
    }
}

fn write(args: &Args, cx: &ToolCx) -> ToolOutput {
    let path = cx.resolve(&args.path);
    if path.is_dir() {
        return ToolOutput::error(format!("`{}` is a folder; name a file in it", path.display()));
    }
    let existed = path.exists();
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    if let Err(error) = made.and_then(|()| base::replace_file(&path, args.content.as_bytes())) {
        return paths::io_error("write", &path, &error);
    }
    let verb = if existed { "replaced" } else { "created" };
    let (bytes, lines) = (args.content.len(), args.content.lines().count());
    let mut output = ToolOutput::text(format!("{verb} `{}` ({lines} lines, {bytes} bytes)", path.display()));
    output.details = Some(json!({"path": path, "bytes": bytes, "created": !existed}));
    output
}
