//! Files people send: `getFile` says where one is, then it is downloaded (C-7.3).
//!
//! A Bot API of one's own may name a path of its own disk. That is no path of ours: it is asked for like any other and
//! never opened here.

use frankenstein::methods::GetFileParams;
use frankenstein::types::File;

use super::api::{Api, ApiError};
use crate::{Fetched, Media, SendError};

/// What the Bot API hands out at most.
const BOT_API_BYTES: u64 = 20 * 1024 * 1024;

/// Brings a file here.
pub(super) async fn fetch(api: &Api, media: &Media, limit: u64) -> Result<Fetched, SendError> {
    let limit = limit.min(BOT_API_BYTES);
    let too_large =
        |size: u64| SendError::TooLarge(format!("the file has {size} bytes, and at most {limit} are taken"));
    if let Some(size) = media.size.filter(|size| *size > limit) {
        return Err(too_large(size));
    }
    let file: File =
        api.call("getFile", &GetFileParams::builder().file_id(media.file.clone()).build()).await.map_err(gone)?;
    if let Some(size) = file.file_size.filter(|size| *size > limit) {
        return Err(too_large(size));
    }
    let path = file.file_path.ok_or_else(|| SendError::NotFound("Telegram has no file by that id any more".into()))?;
    let bytes = api.download(&path, limit).await.map_err(gone)?;
    let name = media.name.clone().or_else(|| path.rsplit('/').next().map(str::to_owned));
    Ok(Fetched { bytes, mime_type: media.mime_type.clone(), name })
}

/// Asking twice does no harm, so nothing is ambiguous here.
fn gone(error: ApiError) -> SendError {
    match error {
        ApiError::Refused { code: 400 | 404, description, .. } if description.contains("too big") => {
            SendError::TooLarge("the file is larger than Telegram hands out to bots".into())
        }
        ApiError::Refused { code: 400 | 404, description, .. } => SendError::NotFound(description),
        ApiError::Ambiguous(why) => SendError::Retry { after: None, why },
        other => other.into(),
    }
}
