//! A picture as a model can take it: at most 2000 pixels a side and 5 MB.

use std::fs::File;
use std::io::{Cursor, Read as _};
use std::path::Path;

use base64::Engine as _;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use serde_json::json;
use wire::message::Block;

use crate::tools::{ToolOutput, paths};

/// Longest side a model is shown.
const MAX_SIDE: u32 = 2000;
/// Largest file a model is shown.
const MAX_BYTES: usize = 5 * 1024 * 1024;
/// Largest file that is opened at all.
const MAX_SOURCE_BYTES: u64 = 64 * 1024 * 1024;
/// Most memory one decoded picture may take.
const MAX_DECODED_BYTES: u64 = 256 * 1024 * 1024;
const JPEG_QUALITY: u8 = 85;

/// Whether a file that begins so is a picture we can show.
pub(super) fn is_picture(start: &[u8]) -> bool {
    image::guess_format(start).is_ok_and(|format| mime(format).is_some())
}

const fn mime(format: ImageFormat) -> Option<&'static str> {
    match format {
        ImageFormat::Png => Some("image/png"),
        ImageFormat::Jpeg => Some("image/jpeg"),
        ImageFormat::Gif => Some("image/gif"),
        ImageFormat::WebP => Some("image/webp"),
        _ => None,
    }
}

/// The picture as a block, smaller if it has to be.
pub(super) fn show(path: &Path, file: File) -> ToolOutput {
    let mut bytes = Vec::new();
    if let Err(error) = file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes) {
        return paths::io_error("read", path, &error);
    }
    if bytes.len() as u64 > MAX_SOURCE_BYTES {
        return ToolOutput::error(format!("`{}` is a picture of more than 64 MB; shrink it first", path.display()));
    }
    match fit(bytes) {
        Ok(shown) => answer(path, &shown),
        Err(error) => ToolOutput::error(format!("`{}` looks like a picture but is broken: {error}", path.display())),
    }
}

/// A picture as it is shown.
pub(super) struct Shown {
    bytes: Vec<u8>,
    mime: &'static str,
    size: (u32, u32),
    original: (u32, u32),
}

/// The picture, made smaller if it has to be.
///
/// # Errors
/// When it is broken, or of no kind a model looks at.
pub(super) fn fit(bytes: Vec<u8>) -> image::ImageResult<Shown> {
    let reader = || -> image::ImageResult<_> {
        let mut reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format()?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_DECODED_BYTES);
        reader.limits(limits);
        Ok(reader)
    };
    let first = reader()?;
    let mime = first.format().and_then(mime).unwrap_or("image/png");
    let original = first.into_dimensions()?;
    if original.0.max(original.1) <= MAX_SIDE && bytes.len() <= MAX_BYTES {
        return Ok(Shown { bytes, mime, size: original, original });
    }
    let picture = reader()?.decode()?;
    shrink(picture, original)
}

/// Smaller and smaller until it fits.
fn shrink(picture: DynamicImage, original: (u32, u32)) -> image::ImageResult<Shown> {
    let mut side = original.0.max(original.1).min(MAX_SIDE);
    let opaque = !picture.color().has_alpha();
    loop {
        let smaller = picture.thumbnail(side, side);
        let size = (smaller.width(), smaller.height());
        let mut bytes = Vec::new();
        let mime = if opaque {
            smaller.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?;
            "image/jpeg"
        } else {
            smaller.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
            "image/png"
        };
        if bytes.len() <= MAX_BYTES || side < 64 {
            return Ok(Shown { bytes, mime, size, original });
        }
        side = side * 3 / 4;
    }
}

impl Shown {
    /// `640×480`, and how large it is shown when that is smaller.
    pub(super) fn size(&self) -> String {
        let (width, height) = self.original;
        if self.size == self.original {
            return format!("{width}×{height}");
        }
        format!("{width}×{height}, shown at {}×{}", self.size.0, self.size.1)
    }

    /// What the model looks at.
    pub(super) fn block(&self) -> Block {
        let data = base64::engine::general_purpose::STANDARD.encode(&self.bytes);
        Block::Image { data, mime_type: self.mime.to_owned() }
    }
}

fn answer(path: &Path, shown: &Shown) -> ToolOutput {
    let (width, height) = shown.original;
    ToolOutput {
        content: vec![Block::text(format!("[picture `{}`, {}]", path.display(), shown.size())), shown.block()],
        details: Some(json!({"path": path, "width": width, "height": height, "mimeType": shown.mime})),
        is_error: false,
    }
}
