//! The `edit` tool: exact replacements in one file.

mod diff;
mod replace;

use std::path::Path;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolCx, ToolOutput, args, paths};
use crate::providers::ToolSpec;

/// Largest file that is edited.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

pub(super) struct Edit;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    /// The file; relative to the workspace, `~` is the home folder.
    #[serde(alias = "file_path")]
    path: String,
    /// The replacements. All are looked up in the file as it is now; none may overlap another.
    #[serde(default)]
    edits: Vec<Replacement>,
    /// Short for one entry of `edits`.
    #[serde(alias = "old_text")]
    old_text: Option<String>,
    /// Short for one entry of `edits`.
    #[serde(alias = "new_text")]
    new_text: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    /// Text that occurs exactly once in the file, with enough around it to be unique.
    #[serde(alias = "old_text")]
    old_text: String,
    /// What to put in its place.
    #[serde(alias = "new_text")]
    new_text: String,
}

impl Tool for Edit {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "edit".into(),
            description:
                "Replace pieces of a file. Each `oldText` must occur exactly once, to the letter, line breaks \
                          and indentation included. Either all edits are made or none."
                    .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args: Args = match args::parse("edit", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            let path = cx.resolve(&args.path);
            match args.replacements() {
                Ok(edits) => paths::blocking(move || edit(&path, &edits)).await,
                Err(output) => output,
            }
        }
        .boxed()
    }
}

impl Args {
    /// Both spellings as one list.
    fn replacements(self) -> Result<Vec<Replacement>, ToolOutput> {
        let mut edits = self.edits;
        match (self.old_text, self.new_text) {
            (Some(old_text), Some(new_text)) => edits.push(Replacement { old_text, new_text }),
            (None, None) => {}
            _ => return Err(ToolOutput::error("`edit` was not run: `oldText` and `newText` come together")),
        }
        if edits.is_empty() {
            return Err(ToolOutput::error("`edit` was not run: `edits` needs at least one {oldText, newText}"));
        }
        Ok(edits)
    }
}

fn edit(path: &Path, edits: &[Replacement]) -> ToolOutput {
    let before = match read(path) {
        Ok(text) => text,
        Err(output) => return output,
    };
    let spots = match replace::find(&before, edits) {
        Ok(spots) => spots,
        Err(problem) => return ToolOutput::error(format!("`{}` was not changed: {problem}", path.display())),
    };
    let after = replace::apply(&before, &spots);
    if let Err(error) = base::replace_file(path, after.as_bytes()) {
        return paths::io_error("write", path, &error);
    }
    let diff = diff::short(&before, &spots);
    let count = spots.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut output =
        ToolOutput::text(format!("made {count} replacement{plural} in `{}`\n{}", path.display(), diff.text));
    output.details = Some(json!({
        "path": path, "replacements": count, "diff": diff.text, "firstChangedLine": diff.first_line,
    }));
    output
}

fn read(path: &Path) -> Result<String, ToolOutput> {
    let meta = std::fs::metadata(path).map_err(|error| paths::io_error("edit", path, &error))?;
    if !meta.is_file() {
        return Err(ToolOutput::error(format!("`{}` is not a file", path.display())));
    }
    if meta.len() > MAX_BYTES {
        return Err(ToolOutput::error(format!("`{}` is larger than 16 MB; edit it with a program", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| paths::io_error("edit", path, &error))?;
    String::from_utf8(bytes).map_err(|_| ToolOutput::error(format!("`{}` is not UTF-8 text", path.display())))
}
