//! The config over the wire: `config.get`, `.set`, `.patch`, `.apply`, `.schema`, `.schema.lookup`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;

/// `config.get`
#[derive(Debug)]
pub struct Get;

impl Method for Get {
    const NAME: &'static str = "config.get";
    type Params = Value;
    type Result = Value;
}

/// `config.set`: a whole new text.
#[derive(Debug)]
pub struct Set;

impl Method for Set {
    const NAME: &'static str = "config.set";
    type Params = WriteParams;
    type Result = Value;
}

/// `config.patch`: a merge patch.
#[derive(Debug)]
pub struct Patch;

impl Method for Patch {
    const NAME: &'static str = "config.patch";
    type Params = WriteParams;
    type Result = Value;
}

/// `config.apply`: a whole new text, and a restart when it needs one.
#[derive(Debug)]
pub struct Apply;

impl Method for Apply {
    const NAME: &'static str = "config.apply";
    type Params = WriteParams;
    type Result = Value;
}

/// `config.schema`
#[derive(Debug)]
pub struct Schema;

impl Method for Schema {
    const NAME: &'static str = "config.schema";
    type Params = Value;
    type Result = Value;
}

/// `config.schema.lookup`
#[derive(Debug)]
pub struct SchemaLookup;

impl Method for SchemaLookup {
    const NAME: &'static str = "config.schema.lookup";
    type Params = LookupParams;
    type Result = Value;
}

/// A change, and the version it was made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteParams {
    /// The new text, or the patch as JSON5.
    pub raw: String,
    /// The hash of the version the change was made from; required when there is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
    /// Why, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A place in the config.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LookupParams {
    /// `gateway.auth.mode`, or `.` for the whole.
    pub path: String,
}
