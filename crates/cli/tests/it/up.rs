//! `openclaw up` and `down`: the real binary, real Gateways in folders of the test's own.

mod here;
mod there;

use serde_json::Value;

/// The state of each step, in order.
fn states(value: &Value) -> Vec<&str> {
    let steps = value["steps"].as_array().unwrap_or_else(|| panic!("no steps: {value}"));
    steps.iter().map(|step| step["state"].as_str().unwrap()).collect()
}
