//! `gateway.identity.get`: which Gateway this is.

use serde_json::Value;

use super::Method;

/// `gateway.identity.get`
#[derive(Debug)]
pub struct Get;

impl Method for Get {
    const NAME: &'static str = "gateway.identity.get";
    type Params = Value;
    type Result = Value;
}
