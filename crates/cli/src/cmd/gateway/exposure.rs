//! How the Gateway stands on its tailnet, in a line (TS-8, TS-10). The Gateway says it in `status`, `health` and when it
//! starts; null when it was not asked for.

use serde_json::Value;

/// `serve · https://…/`, or why not.
pub(crate) fn line(report: &Value) -> Option<String> {
    let mode = report["mode"].as_str()?;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    Some(match report["state"].as_str() {
        Some("up") => format!("{mode} · {}", text(&report["url"])),
        Some("down") => {
            let error = &report["error"];
            format!("{mode} · not up: {} [{}]", text(&error["message"]), text(&error["code"]))
        }
        state => format!("{mode} · {}", state.unwrap_or("-")),
    })
}

/// What mends it, when it is not up.
pub(crate) fn next(report: &Value) -> Option<&str> {
    report["error"]["next"][0].as_str()
}
