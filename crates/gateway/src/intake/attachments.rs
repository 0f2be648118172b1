//! What comes beside a message: pictures go to the model, other files into the workspace with a line
//! that says where.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wire::ErrorShape;
use wire::limits::{ATTACHMENT_MAX_BYTES, ATTACHMENT_MAX_IMAGE_BYTES};
use wire::message::Block;
use wire::methods::chat::Attachment;

/// The picture formats models read.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Most attachments of one message.
const MAX_COUNT: usize = 20;

/// The blocks that stand for `attachments`.
///
/// # Errors
/// `INVALID_REQUEST` naming the attachment that is too large or no base64; nothing was written then.
pub(super) async fn take(attachments: &[Attachment], workspace: &Path) -> Result<Vec<Block>, ErrorShape> {
    if attachments.len() > MAX_COUNT {
        return Err(ErrorShape::invalid(format!("at most {MAX_COUNT} attachments fit one message")));
    }
    let decoded = attachments.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let mut blocks = Vec::with_capacity(decoded.len());
    for file in decoded {
        blocks.push(file.into_block(workspace).await?);
    }
    Ok(blocks)
}

struct Decoded {
    name: Option<String>,
    mime: String,
    bytes: Vec<u8>,
}

fn decode(attachment: &Attachment) -> Result<Decoded, ErrorShape> {
    let called = attachment.file_name.as_deref().unwrap_or("attachment");
    let refuse = |why: String| ErrorShape::invalid(format!("attachment `{called}`: {why}"));
    let Some(Value::String(content)) = &attachment.content else {
        return Err(refuse("`content` must be base64 text".into()));
    };
    let (from_url, data) = match content.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((mime, data)) => (Some(mime), data),
        None => (None, content.as_str()),
    };
    let bytes = STANDARD.decode(data.trim()).map_err(|_| refuse("`content` is not base64".into()))?;
    let stated = attachment.mime_type.as_deref().or(from_url).unwrap_or("application/octet-stream");
    let mime = sniff(&bytes).unwrap_or(stated).to_owned();
    let limit = if is_picture(&mime) { ATTACHMENT_MAX_IMAGE_BYTES } else { ATTACHMENT_MAX_BYTES };
    if bytes.len() > limit {
        return Err(refuse(format!("{} bytes are more than the {limit} allowed", bytes.len())));
    }
    Ok(Decoded { name: attachment.file_name.clone(), mime, bytes })
}

impl Decoded {
    async fn into_block(self, workspace: &Path) -> Result<Block, ErrorShape> {
        if is_picture(&self.mime) {
            return Ok(Block::Image { data: STANDARD.encode(&self.bytes), mime_type: self.mime });
        }
        let (ending, workspace) = (self.ending(), workspace.to_owned());
        let mime = self.mime;
        let keep = move || agent::workspace::keep_media(&workspace, &self.bytes, &ending);
        let written = tokio::task::spawn_blocking(keep).await;
        match written {
            Ok(Ok(path)) => Ok(Block::text(format!("[media attached: {} ({mime})]", path.display()))),
            Ok(Err(error)) => {
                tracing::error!(%error, "an attachment could not be written");
                Err(ErrorShape::unavailable(format!("the attachment could not be kept: {error}")))
            }
            Err(error) => Err(ErrorShape::unavailable(format!("the attachment could not be kept: {error}"))),
        }
    }

    /// The ending a person knows it by.
    fn ending(&self) -> String {
        let legal = |c: &char| c.is_ascii_alphanumeric();
        let ending = self.name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
        ending.unwrap_or("bin").chars().filter(legal).take(8).collect()
    }
}

/// Whether models read it as a picture.
pub(crate) fn is_picture(mime: &str) -> bool {
    PICTURES.contains(&mime)
}

/// What the bytes themselves say they are.
pub(crate) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(name: &str, mime: &str, content: &str) -> Attachment {
        Attachment {
            kind: None,
            mime_type: Some(mime.into()),
            file_name: Some(name.into()),
            content: Some(content.into()),
        }
    }

    ///
    #[tokio::test]
    async fn a_picture_goes_to_the_model_and_a_file_into_the_workspace() {
        let workspace = tempfile::tempdir().unwrap();
        let png = STANDARD.encode([0x89, b'P', b'N', b'G', 0, 0]);
        let given = [
            attachment("a.png", "application/octet-stream", &format!("data:text/plain;base64,{png}")),
            attachment("../../notes.t/xt", "text/plain", &STANDARD.encode("hello")),
        ];
        let blocks = take(&given, workspace.path()).await.unwrap();
        assert_eq!(blocks[0], Block::Image { data: png, mime_type: "image/png".into() });
        let Block::Text { text } = &blocks[1] else { panic!("{blocks:?}") };
        let path = text.trim_start_matches("[media attached: ").split(" (").next().unwrap();
        assert!(Path::new(path).starts_with(workspace.path().join("media/inbound")), "{text}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "hello");
    }

    ///
    #[tokio::test]
    async fn what_is_no_base64_is_refused_by_name() {
        let workspace = tempfile::tempdir().unwrap();
        let refused = take(&[attachment("x.png", "image/png", "%%%")], workspace.path()).await.unwrap_err();
        assert_eq!(refused.message, "attachment `x.png`: `content` is not base64");
    }
}
