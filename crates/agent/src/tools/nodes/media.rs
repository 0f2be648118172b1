//! What a node answered, as the model gets it: pictures to look at and as files, films as files, everything else as
//! fenced text (N-10.29).

use serde_json::{Value, json};
use wire::media::Media;
use wire::message::Block;

use crate::tools::node_call::{Target, plain};
use crate::tools::{ToolCx, ToolOutput, picture};
use crate::workspace;

/// Most pictures of one answer.
const PICTURES_MAX: usize = 20;

/// The answer of `node` to `command`.
pub(in crate::tools) async fn show(node: &Target, command: &str, payload: Value, cx: &ToolCx) -> ToolOutput {
    let several = payload["photos"].as_array().cloned();
    let pieces = match several {
        Some(photos) if photos.iter().any(|photo| photo["base64"].is_string()) => photos,
        _ if payload["base64"].is_string() => vec![payload],
        _ => return node.says(&payload),
    };
    let mut whole = ToolOutput { content: Vec::new(), details: None, is_error: true };
    let mut files = Vec::new();
    for piece in pieces.into_iter().take(PICTURES_MAX) {
        match keep(node, command, piece, cx).await {
            Ok(kept) => {
                whole.is_error = false;
                whole.content.extend(kept.content);
                files.push(json!(kept.path));
            }
            Err(why) => whole.content.push(Block::text(why)),
        }
    }
    whole.details = Some(json!({"nodeId": node.id, "command": command, "paths": files}));
    whole
}

struct Kept {
    path: std::path::PathBuf,
    content: Vec<Block>,
}

/// Writes one picture or film, and makes what the model sees of it.
async fn keep(node: &Target, command: &str, piece: Value, cx: &ToolCx) -> Result<Kept, String> {
    let (folder, from) = (cx.workspace.clone(), format!("{command} of {}", node.called()));
    let work = move || {
        let media: Media = serde_json::from_value(piece).map_err(|_| format!("{from}: the answer is no media"))?;
        let bytes = media.bytes().map_err(|_| format!("{from}: the answer is no base64"))?;
        let about = about(&media);
        let shown = match is_picture(&media) {
            true => Some(picture::fit(bytes.clone()).map_err(|error| format!("{from}: a broken picture: {error}"))?),
            false => None,
        };
        let kept = workspace::keep_media(&folder, &bytes, &media.ending());
        let path = kept.map_err(|error| format!("{from}: the file could not be kept: {error}"))?;
        let shape = shown.as_ref().map_or_else(|| format!("{} bytes", bytes.len()), picture::Shown::size);
        let text = format!("[{from}{about}: `{}`, {shape}]", path.display());
        let content = [Block::text(text)].into_iter().chain(shown.map(|shown| shown.block())).collect();
        Ok(Kept { path, content })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| Err(format!("the tool broke off: {failed}")))
}

fn is_picture(media: &Media) -> bool {
    ["jpg", "jpeg", "png", "webp", "gif"].contains(&media.ending().as_str())
}

/// What the node says of it that helps: which side, how long.
fn about(media: &Media) -> String {
    let facing = media.about.get("facing").and_then(Value::as_str).map(|facing| format!(", {}", plain(facing, 12)));
    let length = media.about.get("durationMs").and_then(Value::as_u64).map(|ms| format!(", {ms} ms"));
    facing.into_iter().chain(length).collect()
}
