//! The words that wake a listening device: `voicewake.get`, `.set`, `.routing.get`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;

/// `voicewake.get`
#[derive(Debug)]
pub struct Get;

impl Method for Get {
    const NAME: &'static str = "voicewake.get";
    type Params = Value;
    type Result = Triggers;
}

/// `voicewake.set`
#[derive(Debug)]
pub struct Set;

impl Method for Set {
    const NAME: &'static str = "voicewake.set";
    type Params = Triggers;
    type Result = Triggers;
}

/// `voicewake.routing.get`
#[derive(Debug)]
pub struct RoutingGet;

impl Method for RoutingGet {
    const NAME: &'static str = "voicewake.routing.get";
    type Params = Value;
    type Result = Value;
}

/// The words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggers {
    /// In the order a person gave them.
    pub triggers: Vec<String>,
}
