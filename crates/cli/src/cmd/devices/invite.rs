//! `openclaw devices invite`: a token that lets one new device in, once. `openclaw --ssh HOST` asks for it by itself
//! (SSH-17).

use serde_json::json;
use wire::methods::Method as _;
use wire::methods::device::{Invite, InviteResult};

use super::Invitation;
use crate::app::App;
use crate::exit::Failure;
use crate::rpc;

pub(super) fn invite(app: &App, args: &Invitation) -> Result<(), Failure> {
    let port = rpc::way(app, &args.rpc.reach, None, false)?.target.port();
    let answer = rpc::call_once(app, &args.rpc, Invite::NAME, None)?;
    let made: InviteResult = serde_json::from_value(answer)
        .map_err(|error| Failure::new("UNEXPECTED_ANSWER", format!("{}: {error}", Invite::NAME)))?;
    let token = made.bootstrap_token.as_str();
    let value = json!({"bootstrapToken": token, "expiresAtMs": made.expires_at_ms, "port": port});
    app.out.either(&value, || format!("A token that lets one device in, once, within ten minutes:\n{token}"));
    Ok(())
}
