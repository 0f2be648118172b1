//! `tailscale whois`: whose device an address of the tailnet is (TS-2, TS-3). Answers are kept for a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::program::Program;
use super::status::json_in;

/// TS-2
const PATIENCE: Duration = Duration::from_secs(5);
/// TS-2: a device does not change hands from one minute to the next.
const KEPT: Duration = Duration::from_secs(60);
/// TS-2: a device that is new to the tailnet is known soon.
const ERROR_KEPT: Duration = Duration::from_secs(5);
/// More addresses than people have devices; the oldest answers make room.
const MOST: usize = 1024;

/// The answers so far. One question at a time is asked about one address (RATE-6): whoever asks the same meanwhile
/// waits for that answer, and nobody waits for another address.
#[derive(Debug, Default)]
pub(super) struct Whois(Mutex<HashMap<IpAddr, Arc<Slot>>>);

#[derive(Debug)]
struct Slot {
    made: Instant,
    answer: tokio::sync::Mutex<Option<Answer>>,
}

#[derive(Debug, Clone)]
struct Answer {
    login: Option<String>,
    good_until: Instant,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Said {
    user_profile: Profile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Profile {
    login_name: String,
}

impl Whois {
    /// The login of whoever owns the device at `address`; `None` when the tailnet does not know, or does not answer.
    pub(super) async fn login(&self, program: &Program, address: IpAddr) -> Option<String> {
        let slot = self.slot(address);
        let mut answer = slot.answer.lock().await;
        if let Some(kept) = answer.as_ref().filter(|kept| Instant::now() < kept.good_until) {
            return kept.login.clone();
        }
        let login = ask(program, address).await;
        let kept = if login.is_some() { KEPT } else { ERROR_KEPT };
        *answer = Some(Answer { login: login.clone(), good_until: Instant::now() + kept });
        login
    }

    fn slot(&self, address: IpAddr) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&address) {
            return slot.clone();
        }
        if slots.len() >= MOST {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.made).map(|(address, _)| *address);
            oldest.map(|oldest| slots.remove(&oldest));
        }
        let slot = Arc::new(Slot { made: Instant::now(), answer: tokio::sync::Mutex::default() });
        slots.insert(address, slot.clone());
        slot
    }
}

async fn ask(program: &Program, address: IpAddr) -> Option<String> {
    let address = address.to_string();
    let answer = match program.ask(&["whois", "--json", &address], PATIENCE).await {
        Ok(answer) if answer.ok => answer,
        Ok(answer) => {
            tracing::warn!(address, said = answer.complained.trim(), "tailscale does not know whose address this is");
            return None;
        }
        Err(error) => {
            tracing::warn!(address, %error, "tailscale whois did not answer");
            return None;
        }
    };
    let Said { user_profile: Profile { login_name } } = json_in(&answer.said)?;
    Some(login_name).filter(|login| !login.trim().is_empty())
}
