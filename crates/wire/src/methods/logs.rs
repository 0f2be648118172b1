//! `logs.tail`: our own log file, from where the caller left off.

use serde::{Deserialize, Serialize};

use super::Method;

/// `logs.tail`
#[derive(Debug)]
pub struct Tail;

impl Method for Tail {
    const NAME: &'static str = "logs.tail";
    type Params = TailParams;
    type Result = TailResult;
}

/// From where and how much.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TailParams {
    /// The `cursor` of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Lines at most, 1 to 5000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Bytes at most, 1 to 1 000 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// Lines, and where they end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TailResult {
    /// The file.
    pub file: String,
    /// Ask from here next time.
    pub cursor: u64,
    /// The file's size in bytes.
    pub size: u64,
    /// Whole lines.
    pub lines: Vec<String>,
    /// Whether lines between the caller's cursor and these were left out.
    pub truncated: bool,
    /// Whether the caller's cursor is not of this file, so that it starts over.
    pub reset: bool,
}
