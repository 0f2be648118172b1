//! From a target to a connection: stream, upgrade, `connect.challenge`, signed `connect`, `hello-ok`.
//!
//! The client believes nothing before `hello-ok` but the challenge's nonce and clock; it proves its device key over
//! both, so that a recorded connect cannot be replayed and a wrong local clock does not matter (PAIR-1). Which secret
//! goes where is AUTH-10, and the one automatic second try is AUTH-11.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::Secret;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};
use wire::connect::{Challenge, ClientInfo, ConnectAuth, ConnectParams, Credential, HelloOk};
use wire::frame::FromGateway;
use wire::{PROTOCOL, Role, device_auth, limits};

use crate::actor;
use crate::client::{Client, Events, Greeting};
use crate::error::{Awaited, DialError};
use crate::identity::Device;
use crate::pin::{Pin, Pins};
use crate::pin_store::PinStore;
use crate::pin_watch::PinWatch;
use crate::tailnet;
use crate::target::{Target, plaintext_rule};
use crate::tls_fault::{Distrust, TlsFault};
use crate::tokens::{StoredToken, TokenStore};
use crate::transports::overheard::Overheard;
use crate::transports::tls::{self, Leaf};
use crate::transports::{self, ByteStream};

/// How long a connect may take when nobody says otherwise (RECON-5).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between a refused token and the one try with a stored device token (AUTH-11).
const SECOND_TRY_AFTER: Duration = Duration::from_millis(250);
/// How long a standing forward may take to greet before SSH is tried instead.
const STANDING_ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// Buffer of one socket; frames are small, and the library's own default costs 128 KiB (see `design.md`).
const FLUSH_THRESHOLD: usize = 4096;

/// The WebSocket on whatever stream the transport opened.
pub(crate) type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// Everything that says who connects where, with what.
#[derive(Debug, Clone)]
pub struct Connect {
    /// Where the Gateway is.
    pub target: Target,
    /// Who connects.
    pub client: ClientInfo,
    /// As what.
    pub role: Role,
    /// With which scopes, no more than needed (PAIR-18).
    pub scopes: Vec<String>,
    /// What the client can do, such as `tool-events`.
    pub caps: Vec<String>,
    /// The commands a node offers (N-2.2).
    pub commands: Vec<String>,
    /// Where a node looks for programs.
    pub path_env: Option<String>,
    /// The secrets to show.
    pub credentials: Credentials,
    /// The key to sign with; without one only a local caller with the shared secret keeps its scopes.
    pub device: Option<Device>,
    /// Where device tokens are kept; without it none is used or kept.
    pub tokens: Option<TokenStore>,
    /// The certificate to insist on, as its owner wrote it down (TLS-7); without one, WebPKI decides.
    pub pin: Option<Pin>,
    /// Where pins that Gateways announce are kept (TLS-12); without it announcements are not heard.
    pub pin_store: Option<PinStore>,
    /// A PEM file of further authorities to trust where there is no pin (TLS-3).
    pub roots: Option<PathBuf>,
    /// For the whole of dialling and handshake, and for each request afterwards.
    pub timeout: Duration,
    /// Oldest protocol offered; newest is always ours.
    pub min_protocol: u32,
    /// `OPENCLAW_ALLOW_INSECURE_PRIVATE_WS` (WS-2).
    pub allow_private_plaintext: bool,
}

/// The secrets a client may show. Nothing here is ever printed.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The shared token.
    pub token: Option<Secret>,
    /// The shared password.
    pub password: Option<Secret>,
    /// From a setup code; used only when there is no token.
    pub bootstrap_token: Option<Secret>,
}

impl Credentials {
    /// Whether there is nothing to show.
    pub const fn is_empty(&self) -> bool {
        self.token.is_none() && self.password.is_none() && self.bootstrap_token.is_none()
    }
}

impl Connect {
    /// A plain connect of `client` as an operator without scopes.
    pub fn new(target: Target, client: ClientInfo) -> Self {
        Self {
            target,
            client,
            role: Role::Operator,
            scopes: Vec::new(),
            caps: Vec::new(),
            commands: Vec::new(),
            path_env: None,
            credentials: Credentials::default(),
            device: None,
            tokens: None,
            pin: None,
            pin_store: None,
            roots: None,
            timeout: DEFAULT_TIMEOUT,
            min_protocol: PROTOCOL,
            allow_private_plaintext: false,
        }
    }

    /// AUTH-10: which secret goes in which field; the second answer is whether a stored token is among them.
    fn auth(&self, stored: Option<&StoredToken>) -> (Option<ConnectAuth>, bool) {
        let credential = |secret: &Secret| Credential::new(secret.expose());
        let mut auth = ConnectAuth { password: self.credentials.password.as_ref().map(credential), ..<_>::default() };
        let mut used_stored = false;
        if let Some(shared) = &self.credentials.token {
            auth.token = Some(credential(shared));
        } else if let Some(stored) = stored {
            auth.token = Some(credential(&stored.token));
            auth.device_token = Some(credential(&stored.token));
            used_stored = true;
        } else {
            auth.bootstrap_token = self.credentials.bootstrap_token.as_ref().map(credential);
        }
        let empty = auth.token.is_none() && auth.password.is_none() && auth.bootstrap_token.is_none();
        ((!empty).then_some(auth), used_stored)
    }

    /// What the Gateway may show now (TLS-12).
    fn pins(&self) -> Option<Pins> {
        let configured = self.pin?;
        let announced = self.pin_store.as_ref().map(|store| store.pins(&self.target.origin(), configured));
        Some(announced.unwrap_or(Pins::only(configured)))
    }

    fn stored_token(&self) -> Option<StoredToken> {
        let device = self.device.as_ref()?;
        self.tokens.as_ref()?.get(&self.target.origin(), device.id(), self.role)
    }

    fn params(&self, challenge: &Challenge, auth: Option<ConnectAuth>) -> ConnectParams {
        let mut params = ConnectParams {
            min_protocol: self.min_protocol,
            max_protocol: PROTOCOL,
            client: self.client.clone(),
            caps: Some(self.caps.clone()),
            commands: (self.role == Role::Node).then(|| self.commands.clone()),
            permissions: None,
            path_env: self.path_env.clone(),
            computer_use: None,
            worker_runs: None,
            role: Some(self.role.as_str().to_owned()),
            scopes: Some(self.scopes.clone()),
            device: None,
            auth,
            locale: None,
            user_agent: None,
        };
        if let Some(device) = &self.device {
            params.device = Some(device_auth::sign(device.key(), &params, challenge.ts, &challenge.nonce));
        }
        params
    }
}

/// Connects, at most twice: a shared token the Gateway calls wrong is followed once per process by the token this
/// device was given for this origin, when the way there is trusted (AUTH-11).
///
/// # Errors
/// [`DialError`], which explains itself. A stored token the Gateway refuses is forgotten before the error returns.
pub async fn connect(how: &Connect) -> Result<(Client, Events), DialError> {
    static SECOND_TRY_SPENT: AtomicBool = AtomicBool::new(false);
    plaintext_rule(&how.target, how.allow_private_plaintext)?;
    if how.pin.is_some() && !how.target.is_tls() {
        return Err(TlsFault { target: how.target.clone(), why: Distrust::PinWithoutTls }.into());
    }
    let standing = standing(how).await;
    let how = standing.as_ref().unwrap_or(how);
    let stored = how.stored_token();
    let first = tailnet::looked_into(dial(how, stored.as_ref()).await).await;
    let Err(DialError::Denied { error, stored_token, .. }) = &first else { return first };
    let code = error.detail_code().unwrap_or_default();
    if *stored_token && matches!(code, "AUTH_DEVICE_TOKEN_MISMATCH" | "AUTH_TOKEN_MISMATCH") {
        if let Some(tokens) = &how.tokens {
            tokens.forget(&how.target.origin(), how.role)?;
        }
        return first;
    }
    let is_trusted = how.target.is_loopback() || how.pin.is_some();
    let worth_it = code == "AUTH_TOKEN_MISMATCH" && stored.is_some() && is_trusted;
    if !worth_it || SECOND_TRY_SPENT.swap(true, Ordering::Relaxed) {
        return first;
    }
    tokio::time::sleep(SECOND_TRY_AFTER).await;
    let second = Connect { credentials: Credentials::default(), ..how.clone() };
    // The first refusal is the one a person can mend: it is about the secret they configured.
    dial(&second, stored.as_ref()).await.or(first)
}

/// SSH-12: a forward that somebody keeps by hand already leads there, so that no SSH is needed. Believed only when what
/// answers speaks the protocol.
async fn standing(how: &Connect) -> Option<Connect> {
    let target = how.target.ssh()?.standing.as_deref()?;
    let direct = Connect { target: target.clone(), ..how.clone() };
    let answers = async {
        let (stream, _) = open(&direct, &mut Awaited::Connection).await.ok()?;
        let mut socket = upgrade(target, stream).await.ok()?;
        read_challenge(target, &mut socket).await.ok()
    };
    tokio::time::timeout(STANDING_ANSWERS_WITHIN.min(how.timeout), answers).await.ok()??;
    Some(direct)
}

/// Asks who is there and leaves before anybody has shown anything: the challenge of the Gateway at `how.target`.
///
/// # Errors
/// [`DialError`]
pub async fn challenge(how: &Connect) -> Result<Challenge, DialError> {
    plaintext_rule(&how.target, how.allow_private_plaintext)?;
    let mut awaited = Awaited::Connection;
    let asked = async {
        let (stream, _) = open(how, &mut awaited).await?;
        awaited = Awaited::Upgrade;
        let mut socket = upgrade(&how.target, stream).await?;
        awaited = Awaited::Challenge;
        read_challenge(&how.target, &mut socket).await
    };
    let outcome = tokio::time::timeout(how.timeout, asked).await;
    let (target, waited) = (how.target.clone(), how.timeout);
    outcome.unwrap_or(Err(DialError::Timeout { target, awaited, waited }))
}

/// One attempt under one deadline.
async fn dial(how: &Connect, stored: Option<&StoredToken>) -> Result<(Client, Events), DialError> {
    let started = Instant::now();
    let mut awaited = Awaited::Connection;
    let attempt = async {
        let (stream, shown) = open(how, &mut awaited).await?;
        awaited = Awaited::Upgrade;
        let mut socket = upgrade(&how.target, stream).await?;
        awaited = Awaited::Challenge;
        if how.target.ssh().is_some() {
            // Whether it could be written is told, with the reason, by the read that follows.
            let _broken = socket.send(actor::acknowledgement()).await;
        }
        let challenge = read_challenge(&how.target, &mut socket).await?;
        awaited = Awaited::Hello;
        let hello = say_connect(how, stored, &challenge, &mut socket).await?;
        Ok::<_, DialError>((socket, shown, challenge, hello))
    };
    let outcome = tokio::time::timeout(how.timeout, attempt).await;
    let (mut socket, shown, challenge, hello) = match outcome {
        Ok(outcome) => outcome?,
        Err(_) => {
            return Err(DialError::Timeout { target: how.target.clone(), awaited, waited: how.timeout });
        }
    };
    keep_token(how, &hello);
    socket.limits_mut().set_max_payload_len(Some(hello.policy.max_payload.max(limits::PRE_AUTH_MAX_BYTES)));
    let watch = PinWatch::of(how, shown);
    if let Some(watch) = &watch {
        watch.hello(&hello.features);
    }
    Ok(actor::spawn(
        socket,
        watch,
        how.target.ssh().is_some(),
        Greeting { challenge, hello, timeout: how.timeout, latency: started.elapsed() },
    ))
}

/// The stream, in TLS where the target says so; the second answer is the certificate that was shown.
pub(crate) async fn open(
    how: &Connect,
    awaited: &mut Awaited,
) -> Result<(Box<dyn ByteStream>, Option<Pin>), DialError> {
    let stream = transports::open(&how.target).await?;
    if !how.target.has_tls_stream() {
        return Ok((stream, None));
    }
    *awaited = Awaited::Tls;
    tls::wrap(&how.target, stream, how.pins(), how.roots.as_deref()).await
}

/// Looks at the certificate of `target` without believing it or sending anything: for a person to confirm (TLS-11).
///
/// # Errors
/// [`DialError`], also when `target` is not `wss`.
pub async fn fetch_leaf(target: &Target, roots: Option<PathBuf>, timeout: Duration) -> Result<Leaf, DialError> {
    if !target.is_tls() {
        return Err(TlsFault { target: target.clone(), why: Distrust::PinWithoutTls }.into());
    }
    let look = async { tls::look(target, transports::open(target).await?, roots).await };
    let timed_out = |_| DialError::Timeout { target: target.clone(), awaited: Awaited::Tls, waited: timeout };
    tokio::time::timeout(timeout, look).await.map_err(timed_out)?
}

/// The upgrade; a stranger in plaintext is asked whether it is a TLS port.
async fn upgrade(target: &Target, stream: Box<dyn ByteStream>) -> Result<Socket, DialError> {
    if target.is_tls() {
        return upgrade_on(target, stream).await;
    }
    let (stream, first) = Overheard::new(stream);
    let outcome = upgrade_on(target, Box::new(stream)).await;
    outcome.map_err(|error| match first.want_tls() {
        true => TlsFault { target: target.clone(), why: Distrust::TlsPort }.into(),
        false => error,
    })
}

async fn upgrade_on(target: &Target, stream: Box<dyn ByteStream>) -> Result<Socket, DialError> {
    let url = target.url();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("{}{}{query}", target.endpoint(), url.path());
    let not_a_gateway =
        |speaks_http, evidence: String| DialError::NotAGateway { target: target.clone(), evidence, speaks_http };
    // hello-ok lists every method and may be large; what the Gateway may send is bounded by its own policy.
    let limits = Limits::default().max_payload_len(Some(limits::MAX_PAYLOAD_BYTES));
    let config = tokio_websockets::Config::default().flush_threshold(FLUSH_THRESHOLD);
    let builder = ClientBuilder::new().uri(&uri).map_err(|error| not_a_gateway(false, error.to_string()))?;
    let outcome = builder.limits(limits).config(config).connect_on(stream).await;
    outcome.map(|(socket, _)| socket).map_err(|error| match error {
        tokio_websockets::Error::Upgrade(tokio_websockets::upgrade::Error::DidNotSwitchProtocols(status)) => {
            match status {
                301 | 302 | 303 | 307 | 308 | 401 | 403 | 407 => {
                    DialError::ProxyInFront { target: target.clone(), status }
                }
                _ => not_a_gateway(true, format!("HTTP {status} where 101 was expected")),
            }
        }
        tokio_websockets::Error::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            DialError::broken(target, source)
        }
        tokio_websockets::Error::Io(_) => not_a_gateway(false, "it closed before the upgrade".into()),
        tokio_websockets::Error::Upgrade(fault @ tokio_websockets::upgrade::Error::Parsing(_)) => {
            not_a_gateway(false, fault.to_string())
        }
        other => not_a_gateway(true, other.to_string()),
    })
}

/// The next text frame, whatever it is; pings are answered by the library.
async fn next_frame(target: &Target, socket: &mut Socket) -> Result<FromGateway, DialError> {
    let closed =
        |code, reason: &str| DialError::ClosedEarly { target: target.clone(), code, reason: reason.to_owned() };
    loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(_)) | None => return Err(closed(1006, "")),
        };
        if let Some((code, reason)) = message.as_close() {
            return Err(closed(code.into(), reason));
        }
        if let Some(text) = message.as_text() {
            return serde_json::from_str(text).map_err(|error| DialError::NotAGateway {
                target: target.clone(),
                evidence: format!("its first words are no Gateway frame: {error}"),
                speaks_http: true,
            });
        }
    }
}

async fn read_challenge(target: &Target, socket: &mut Socket) -> Result<Challenge, DialError> {
    let evidence = match next_frame(target, socket).await? {
        FromGateway::Event(event) if event.event == "connect.challenge" => {
            let payload = event.payload.as_deref().map_or("null", |raw| raw.get());
            match serde_json::from_str::<Challenge>(payload) {
                Ok(challenge) if challenge.ts >= 0 && !challenge.nonce.is_empty() => return Ok(challenge),
                Ok(_) => "its connect.challenge has no valid `nonce` and `ts`".to_owned(),
                Err(error) => format!("its connect.challenge is malformed: {error}"),
            }
        }
        _ => "its first frame is not connect.challenge".to_owned(),
    };
    Err(DialError::NotAGateway { target: target.clone(), evidence, speaks_http: true })
}

async fn say_connect(
    how: &Connect,
    stored: Option<&StoredToken>,
    challenge: &Challenge,
    socket: &mut Socket,
) -> Result<HelloOk, DialError> {
    let target = || how.target.clone();
    let (auth, stored_token) = how.auth(stored);
    let params =
        serde_json::value::to_raw_value(&how.params(challenge, auth)).expect("connect params always serialise");
    let id = actor::request_id(1);
    let frame = wire::frame::Request::new(&id, "connect", Some(&params));
    let text = serde_json::to_string(&frame).expect("a request frame always serialises");
    let closed = |_| DialError::ClosedEarly { target: target(), code: 1006, reason: String::new() };
    socket.send(Message::text(text)).await.map_err(closed)?;
    loop {
        let FromGateway::Res(response) = next_frame(&how.target, socket).await? else { continue };
        if response.id != id {
            continue;
        }
        let payload = response.payload.as_deref().map_or("null", |raw| raw.get());
        return match response.error {
            Some(error) => Err(DialError::Denied { target: target(), error: Box::new(error), stored_token }),
            None => serde_json::from_str(payload).map_err(|error| DialError::NotAGateway {
                target: target(),
                evidence: format!("its hello-ok is malformed: {error}"),
                speaks_http: true,
            }),
        };
    }
}

/// Keeps the token the Gateway gave this device. Failing to is no reason to refuse a working connection.
fn keep_token(how: &Connect, hello: &HelloOk) {
    let (Some(device), Some(tokens)) = (&how.device, &how.tokens) else { return };
    let own = hello.auth.device_token.as_ref().map(|token| (how.role, token, &hello.auth.scopes));
    let further = hello.auth.device_tokens.iter().map(|more| (more.role, &more.device_token, &more.scopes));
    for (role, token, scopes) in own.into_iter().chain(further) {
        let token = StoredToken { token: Secret::new(token.as_str()), scopes: scopes.names().to_vec() };
        if let Err(error) = tokens.put(&how.target.origin(), device.id(), role, &token) {
            tracing::warn!(%error, "the device token could not be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Source;

    fn how(credentials: Credentials) -> Connect {
        let target = Target::loopback(1, Source::LocalLoopback);
        Connect { credentials, ..Connect::new(target, ClientInfo::default()) }
    }

    /// AUTH-10, every row.
    #[test]
    fn each_secret_has_its_field_and_the_shared_one_goes_first() {
        let secret = |text: &str| Some(Secret::new(text));
        let stored = StoredToken { token: Secret::new("stored"), scopes: Vec::new() };
        let text = |c: Option<Credential>| c.map(|c| c.as_str().to_owned());
        let cases = [
            (secret("shared"), secret("pw"), Some("shared"), Some("pw"), None, false),
            (None, None, Some("stored"), None, None, true),
            (None, secret("pw"), Some("stored"), Some("pw"), None, true),
        ];
        for (token, password, want_token, want_password, want_bootstrap, want_stored) in cases {
            let credentials = Credentials { token, password, bootstrap_token: secret("boot") };
            let (auth, used) = how(credentials).auth(Some(&stored));
            let auth = auth.unwrap();
            assert_eq!(text(auth.token).as_deref(), want_token);
            assert_eq!(text(auth.password).as_deref(), want_password);
            assert_eq!(text(auth.bootstrap_token).as_deref(), want_bootstrap);
            assert_eq!(used, want_stored);
        }
        let (auth, _) = how(Credentials { bootstrap_token: secret("boot"), ..<_>::default() }).auth(None);
        assert_eq!(text(auth.unwrap().bootstrap_token).as_deref(), Some("boot"));
        assert!(how(Credentials::default()).auth(None).0.is_none());
    }
}
