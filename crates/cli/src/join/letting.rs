//! Being let in: by a secret, by the far host itself over SSH, or by somebody who is asked and waited for (PAIR-6).

use std::time::{Duration, Instant};

use base::Explain as _;
use link::{Connect, DialError};
use serde_json::Value;
use wire::Role;

use crate::app::App;
use crate::exit::Failure;
use crate::invitation;

/// How often to ask whether somebody has said yes: well below what counts as an attack.
const ASKS_EVERY: Duration = Duration::from_secs(2);

/// A connection that was made and said goodbye.
pub(super) struct Let {
    pub(super) health: Value,
    /// Whether this machine now has a token of its own, so that the shared secret is needed no more.
    pub(super) has_device_token: bool,
}

/// Connects and asks for the health; waits as long as `patience` for an approval.
pub(super) async fn connect(app: &App, mut how: Connect, patience: Duration) -> Result<Let, Failure> {
    let until = Instant::now() + patience;
    let mut asked = None;
    loop {
        match link::connect(&how).await {
            Ok((client, events)) => {
                let health = client.request_raw("health", None).await;
                client.close().await;
                drop(events);
                return Ok(Let { health: health?, has_device_token: has_token(&how) });
            }
            Err(error) if error.code().0 == "PAIRING_REQUIRED" && Instant::now() < until => {
                let request = error.next().first().map(|step| step.text().to_owned());
                if request != asked {
                    say(app, request.as_deref());
                    asked = request;
                }
                tokio::time::sleep(ASKS_EVERY).await;
            }
            Err(error) => match invited(app, &how, &error).await? {
                Some(invited) => how = invited,
                None => return Err(Failure::dial(&error)),
            },
        }
    }
}

/// Once: an invitation that does not help is no reason for another.
async fn invited(app: &App, how: &Connect, error: &DialError) -> Result<Option<Connect>, Failure> {
    if how.credentials.bootstrap_token.is_some() { Ok(None) } else { invitation::after(app, how, error).await }
}

fn say(app: &App, request: Option<&str>) {
    app.out.note("The Gateway wants its owner to let this machine in. There:");
    app.out.note(&format!("  {}", request.unwrap_or("openclaw devices list")));
    app.out.note("Waiting for that; Ctrl-C gives up, and nothing is saved.");
}

fn has_token(how: &Connect) -> bool {
    let stored = how.device.as_ref().zip(how.tokens.as_ref());
    stored.is_some_and(|(device, tokens)| tokens.get(&how.target.origin(), device.id(), Role::Operator).is_some())
}
