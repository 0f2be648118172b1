//! Who is here: `system-presence`, and `system-event` by which helpers report themselves.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Method;

/// `system-presence`
#[derive(Debug)]
pub struct SystemPresence;

impl Method for SystemPresence {
    const NAME: &'static str = "system-presence";
    type Params = Value;
    type Result = Vec<Value>;
}

/// `system-event`
#[derive(Debug)]
pub struct SystemEvent;

impl Method for SystemEvent {
    const NAME: &'static str = "system-event";
    type Params = SystemEventParams;
    type Result = Value;
}

/// A line about a system, and what its presence row should hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemEventParams {
    /// For people; must not be blank.
    pub text: String,
    /// Everything else goes into the row.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
