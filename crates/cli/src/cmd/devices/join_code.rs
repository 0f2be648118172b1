//! `openclaw devices join-code`: the address of a page by which one machine joins as a node (N-3.7).

use serde_json::json;
use wire::methods::device::SetupCodeParams;

use super::JoinCode;
use crate::app::App;
use crate::exit::Failure;
use crate::out;
use crate::{rpc, setup_code};

pub(super) fn make(app: &App, args: &JoinCode) -> Result<(), Failure> {
    let params = SetupCodeParams {
        public_url: args.address.clone(),
        bootstrap_profile: Some("node".into()),
        join_url: Some(true),
        ..SetupCodeParams::default()
    };
    let made = setup_code::make(app, &args.rpc.reach, args.rpc.timeout_or(rpc::TIMEOUT), &params)?;
    made.warn(app);
    let told = &made.told;
    let Some(page) = &told.join_url else {
        return Err(Failure::new("UNEXPECTED_ANSWER", "the Gateway made a code and no page for it"));
    };
    let command = format!("openclaw connect {}", page.as_str());
    let value = json!({"joinUrl": page.as_str(), "command": command, "gatewayUrl": told.gateway_url,
        "setupId": told.setup_id, "expiresAtMs": told.expires_at_ms, "endpoints": made.endpoints()});
    app.out.either(&value, || page.as_str().to_owned());
    if !app.out.json {
        out::complain(&format!("On the machine that shall join: {command}"));
        out::complain("One machine joins by it, once, within ten minutes. Until then, show it to nobody else.");
    }
    Ok(())
}
