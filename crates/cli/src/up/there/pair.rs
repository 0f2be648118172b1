//! This machine is let in as an operator, with a device token of its own that is good for this Gateway only (SSH-17).

use std::time::Duration;

use base::Secret;
use link::{Connect, Credentials};
use wire::{Role, Scope};

use super::{Found, There};
use crate::cred::{PinSource, Way};
use crate::exit::Failure;
use crate::invitation;
use crate::rpc::{self, As, Want, block_on};
use crate::up::plan::{Standing, Step};

/// A connect over a line that has just been used.
const WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Pair;

impl Step<There<'_>> for Pair {
    fn name(&self) -> &'static str {
        "pair"
    }

    fn look(&self, cx: &mut There<'_>) -> Result<Standing, Failure> {
        let to_do = "let this machine in, with a token of its own".to_owned();
        // A machine without a key of its own has never been let in, and looking makes none.
        let Some(found) = cx.gateway.clone().filter(|_| cx.app.paths.device_identity().exists()) else {
            return Ok(Standing::ToDo(to_do));
        };
        let how = how(cx, &found)?;
        let is_known = block_on(async { Ok(connects(&how).await.is_ok()) })?;
        Ok(if is_known { Standing::Done("this machine is let in".into()) } else { Standing::ToDo(to_do) })
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        let Some(found) = cx.gateway.clone() else {
            return Err(Failure::new("UP_FAILED_THERE", "no Gateway runs there"));
        };
        let how = how(cx, &found)?;
        block_on(async {
            let script = cx.far.command(&["devices", "invite"]);
            let token: Secret = invitation::ask(&cx.far.route, &script, found.port, WITHIN).await?;
            // A token that is not enough would be shown first (AUTH-10).
            if let Some(tokens) = &how.tokens {
                tokens.forget(&how.target.origin(), Role::Operator)?;
            }
            let credentials = Credentials { bootstrap_token: Some(token), ..Credentials::default() };
            connects(&Connect { credentials, ..how.clone() }).await
        })?;
        Ok("let in; taken back there with `openclaw devices remove`".into())
    }
}

/// With everything an owner may do, so that no command has to ask for more.
fn how(cx: &There<'_>, found: &Found) -> Result<Connect, Failure> {
    let scopes = Scope::ALL.into_iter().take(6).collect();
    let want = Want { who: As::Cli, scopes, caps: Vec::new(), timeout: WITHIN };
    let way = Way {
        target: cx.target(found)?,
        credentials: Credentials::default(),
        token_source: None,
        password_source: None,
        pin: found.pin.map(|pin| (pin, PinSource::Config)),
        warnings: Vec::new(),
    };
    rpc::how(cx.app, way, &want)
}

async fn connects(how: &Connect) -> Result<(), Failure> {
    let (client, events) = link::connect(how).await?;
    client.close().await;
    drop(events);
    Ok(())
}
