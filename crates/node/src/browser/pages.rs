//! What is taken of a page: pictures, PDF; and its size.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::element::Element;
use super::route::{Done, File};
use super::tab::Tab;
use crate::commands::Refusal;

/// Most bytes of one file (N-10.20).
const FILE_MAX_BYTES: usize = 10 * 1024 * 1024;
/// Longest side of a picture, in pixels.
const MAX_SIDE: f64 = 16_384.0;
/// Of a JPEG when nobody says.
const QUALITY: u8 = 80;

/// Makes the page as large as is wanted.
pub(super) async fn resize(tab: &Tab, width: u32, height: u32) -> Result<(), Refusal> {
    if !(1..=8192).contains(&width) || !(1..=8192).contains(&height) {
        return Err(Refusal::invalid("width, height: from 1 to 8192"));
    }
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 0, "mobile": false});
    tab.call("Emulation.setDeviceMetricsOverride", size).await.map(drop)
}

/// How a picture is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Picture {
    full_page: bool,
    r#ref: Option<String>,
    #[serde(alias = "format")]
    r#type: Option<String>,
    quality: Option<u8>,
}

/// A picture of a page, or of a thing on it.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`, or that it is not there.
pub(super) async fn picture(tab: &Tab, wanted: &Picture) -> Result<Done, Refusal> {
    let (format, ending) = match wanted.r#type.as_deref() {
        None | Some("png") => ("png", "png"),
        Some("jpeg" | "jpg") => ("jpeg", "jpg"),
        Some(other) => return Err(Refusal::invalid(format!("type: `{other}` is neither png nor jpeg"))),
    };
    let mut params = json!({"format": format});
    if format == "jpeg" {
        params["quality"] = json!(wanted.quality.unwrap_or(QUALITY).clamp(1, 100));
    }
    if let Some(name) = &wanted.r#ref {
        params["clip"] = Element::find(tab, name).await?.frame().await?;
        params["captureBeyondViewport"] = json!(true);
    } else if wanted.full_page {
        let sizes = tab.call("Page.getLayoutMetrics", json!({})).await?;
        let side = |name: &str| sizes["cssContentSize"][name].as_f64().unwrap_or(1.0).clamp(1.0, MAX_SIDE);
        params["clip"] = json!({"x": 0, "y": 0, "width": side("width"), "height": side("height"), "scale": 1});
        params["captureBeyondViewport"] = json!(true);
    }
    let mut answer = tab.call("Page.captureScreenshot", params).await?;
    taken(tab, answer["data"].take(), "screenshot", ending, if format == "png" { "image/png" } else { "image/jpeg" })
        .await
}

/// A page as PDF.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`.
pub(super) async fn pdf(tab: &Tab) -> Result<Done, Refusal> {
    let mut answer = tab.call("Page.printToPDF", json!({"printBackground": true})).await?;
    taken(tab, answer["data"].take(), "page", "pdf", "application/pdf").await
}

async fn taken(tab: &Tab, data: Value, what: &str, ending: &str, mime: &'static str) -> Result<Done, Refusal> {
    let Value::String(base64) = data else { return Err(Refusal::unavailable("browser: it made nothing")) };
    let bytes = STANDARD.decode(&base64).map_err(|error| Refusal::unavailable(format!("browser: {error}")))?.len();
    if bytes > FILE_MAX_BYTES {
        let message =
            format!("the {what} has {bytes} bytes, and {FILE_MAX_BYTES} are sent at most; ask for a jpeg, or a part");
        return Err(Refusal { code: "PAYLOAD_TOO_LARGE", message });
    }
    // A name that tells the file from others; nothing is kept here under it.
    let path = format!("browser/{what}-{}.{ending}", Uuid::new_v4());
    let result = json!({"ok": true, "path": path, "targetId": tab.id(), "url": tab.url().await?});
    Ok(Done { result, files: vec![File { path, base64, mime }] })
}
