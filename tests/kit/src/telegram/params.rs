//! Parameters as a bot may send them: JSON, a form, a multipart form with files, or in the address.

use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use serde_json::{Map, Value};

/// Largest request; the real server takes 50 MB.
const LARGEST: usize = 64 * 1024 * 1024;

/// A file that came with a call.
#[derive(Debug, Clone)]
pub struct SentFile {
    /// The name of its part.
    pub field: String,
    /// Its file name.
    pub name: String,
    /// Its type.
    pub mime: String,
    /// What is in it.
    pub bytes: Bytes,
}

/// Everything that came.
pub(super) async fn read(request: Request) -> Result<(Value, Vec<SentFile>), String> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let mut params: Map<String, Value> = pairs(request.uri().query().unwrap_or_default());
    if kind.starts_with("multipart/form-data") {
        let files = form(request, &mut params).await?;
        return Ok((Value::Object(params), files));
    }
    let body: Body = request.into_body();
    let body = axum::body::to_bytes(body, LARGEST).await.map_err(|error| error.to_string())?;
    if kind.starts_with("application/json") && !body.is_empty() {
        let json: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        params.extend(json.as_object().cloned().unwrap_or_default());
    } else {
        params.extend(pairs(&String::from_utf8_lossy(&body)));
    }
    Ok((Value::Object(params), Vec::new()))
}

async fn form(request: Request, params: &mut Map<String, Value>) -> Result<Vec<SentFile>, String> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| error.to_string())? {
        let field_name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let mime = field.content_type().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|error| error.to_string())?;
        match file_name {
            Some(name) => files.push(SentFile { field: field_name, name, mime, bytes }),
            None => {
                params.insert(field_name, value(&String::from_utf8_lossy(&bytes)));
            }
        }
    }
    Ok(files)
}

fn pairs(text: &str) -> Map<String, Value> {
    let url = format!("http://x/?{text}");
    let parsed = reqwest::Url::parse(&url).expect("a query makes an address");
    parsed.query_pairs().map(|(name, text)| (name.into_owned(), value(&text))).collect()
}

/// In a form everything is text; objects, lists, numbers and switches are written as JSON.
fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(json @ (Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_))) => json,
        _ => Value::from(text),
    }
}
