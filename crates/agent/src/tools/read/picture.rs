//! A picture file as a model can take it: at most 2000 pixels a side and 5 MB.

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

struct Shown {
    bytes: Vec<u8>,
    mime: &'static str,
    size: (u32, u32),
    original: (u32, u32),
}

fn fit(bytes: Vec<u8>) -> image::ImageResult<Shown> {
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

fn answer(path: &Path, shown: &Shown) -> ToolOutput {
    let (width, height) = shown.original;
    let smaller = if shown.size == shown.original {
        String::new()
    } else {
        format!(", shown at {}×{}", shown.size.0, shown.size.1)
    };
    let data = base64::engine::general_purpose::STANDARD.encode(&shown.bytes);
    ToolOutput {
        content: vec![
            Block::text(format!("[picture `{}`, {width}×{height}{smaller}]", path.display())),
            Block::Image { data, mime_type: shown.mime.to_owned() },
        ],
        details: Some(json!({"path": path, "width": width, "height": height, "mimeType": shown.mime})),
        is_error: false,
    }
}
