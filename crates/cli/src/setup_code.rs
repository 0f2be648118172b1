//! Setup codes and join pages, as their maker gets them: asked of the Gateway, and every address in them dialled once
//! before anybody is shown one (PAIR-14).

use std::time::Duration;

use link::{Connect, Pin, Source, Target};
use serde_json::{Value, json};
use wire::SetupCode;
use wire::connect::ClientInfo;
use wire::methods::Method as _;
use wire::methods::device::{MakeSetupCode, SetupCodeParams, SetupCodeResult};

use crate::app::App;
use crate::args::Reach;
use crate::exit::Failure;
use crate::rpc::{self, Want};

/// An address is dialled this long; a person waits for it.
const ADDRESS_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// A code, and which of its addresses do not lead to the Gateway that made it.
pub(crate) struct Made {
    pub(crate) told: SetupCodeResult,
    pub(crate) code: SetupCode,
    pub(crate) faults: Vec<Fault>,
}

/// An address that does not lead there.
pub(crate) struct Fault {
    pub(crate) url: String,
    pub(crate) why: String,
}

impl Made {
    /// `endpoints` of `--json`.
    pub(crate) fn endpoints(&self) -> Value {
        let row = |url: &str| {
            let fault = self.faults.iter().find(|fault| fault.url == url);
            json!({"url": url, "ok": fault.is_none(), "problem": fault.map(|fault| &fault.why)})
        };
        self.code.addresses().into_iter().map(row).collect()
    }

    /// Says on stderr what will not work from everywhere.
    pub(crate) fn warn(&self, app: &App) {
        for Fault { url, why } in &self.faults {
            app.out.warn(&format!("{url} does not lead to this Gateway from here: {why}"));
        }
    }
}

/// Has the Gateway make one, and dials what is in it.
pub(crate) fn make(app: &App, reach: &Reach, timeout: Duration, params: &SetupCodeParams) -> Result<Made, Failure> {
    let want = Want::of(MakeSetupCode::NAME, timeout);
    rpc::block_on(async {
        let connection = rpc::open(app, reach, None, &want).await?;
        let instance = connection.client.instance_id().map(str::to_owned);
        let answer = connection.call(MakeSetupCode::NAME, Some(json!(params))).await;
        connection.client.close().await;
        let told: SetupCodeResult = serde_json::from_value(answer.map_err(ways_out)?).map_err(unexpected)?;
        let code = SetupCode::parse(told.setup_code.as_str()).map_err(unexpected)?;
        let faults = dial(app, &code, instance.as_deref()).await;
        Ok(Made { told, code, faults })
    })
}

fn unexpected(error: impl std::fmt::Display) -> Failure {
    Failure::new("UNEXPECTED_ANSWER", format!("{}: {error}", MakeSetupCode::NAME))
}

/// CON-4: what leads out of a Gateway that only this machine reaches.
fn ways_out(failure: Failure) -> Failure {
    match failure.details().and_then(|details| details["code"].as_str()) {
        Some("SETUP_LOOPBACK_ONLY") => failure
            .advise(
                "either open it to the local network (openclaw config set gateway.bind lan, with gateway.tls.enabled \
                 true), or to your tailnet (gateway.tailscale.mode serve), or name the address others use \
                 (openclaw qr --url wss://…); a computer needs no code, only a login: openclaw node run --ssh user@host",
            )
            .run("openclaw config set gateway.bind lan")
            .run("openclaw config set gateway.tailscale.mode serve")
            .run("openclaw qr --url wss://gateway.example.com")
            .run("openclaw node run --ssh user@host"),
        Some("SETUP_ADDRESS_UNFIT") => failure.run("openclaw qr --url wss://gateway.example.com"),
        Some("JOIN_PAGE_NEEDS_TLS") => failure.run("openclaw qr --setup-code-only"),
        _ => failure,
    }
}

/// Every address, one after the other; there are few.
async fn dial(app: &App, code: &SetupCode, instance: Option<&str>) -> Vec<Fault> {
    let pin = code.tls_fingerprint.as_deref().and_then(|text| text.parse::<Pin>().ok());
    let mut faults = Vec::new();
    for url in code.addresses() {
        if let Err(why) = look(app, url, pin, instance).await {
            faults.push(Fault { url: url.to_owned(), why });
        }
    }
    faults
}

async fn look(app: &App, url: &str, pin: Option<Pin>, instance: Option<&str>) -> Result<(), String> {
    let target = Target::parse(url, Source::Flag).map_err(|error| error.to_string())?;
    let pin = pin.filter(|_| target.is_tls());
    let roots = app.config().ok().and_then(|loaded| loaded.config.gateway.tls.ca_path.clone());
    let how = Connect { pin, roots, timeout: ADDRESS_ANSWERS_WITHIN, ..Connect::new(target, ClientInfo::default()) };
    let challenge = link::challenge(&how).await.map_err(|error| error.to_string())?;
    match (challenge.instance_id.as_deref(), instance) {
        (Some(there), Some(here)) if there != here => Err("another Gateway answers there".into()),
        _ => Ok(()),
    }
}
