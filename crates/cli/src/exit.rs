//! How a command fails: one value that becomes text of at most six lines or one JSON object, and an exit code
//! (CLI-5, CLI-6, CLI-7).

use base::{Code, Explain, Kind, Step};
use link::{CallError, DialError};
use serde_json::{Map, Value, json};
use wire::ErrorShape;

use crate::cred::Place;

/// The table of CLI-7, as `openclaw help exit-codes` prints it.
pub(crate) const EXIT_CODES: &str = "  0  done; also reports that found trouble, unless --require was given
  1  the operation failed, or the thing asked for does not exist
  2  usage: unknown command or option, missing or malformed argument
  3  Gateway unreachable: DNS, refused, TCP/TLS/SSH failure, timeout before hello
  4  reached, but not let in: credential, lockout, pairing, scope, origin
  5  sent, but the answer was lost; the action may have happened
 75  node host watchdog: restart me
 78  configuration: do not restart until a person has acted
130  interrupted (SIGINT)
143  terminated (SIGTERM)";

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `error.type` of CLI-5.
    pub(crate) kind: &'static str,
    pub(crate) code: Code,
    pub(crate) exit: u8,
    pub(crate) message: String,
    pub(crate) next: Vec<Step>,
    /// What came, or did not come, from the Gateway.
    heard: Option<Box<Heard>>,
    /// Which Gateway it was about.
    place: Option<Box<Place>>,
    /// The causes below the message, for `OPENCLAW_DEBUG`.
    causes: Box<[String]>,
    /// The command has reported it on stdout already; only the exit code is left to give.
    pub(crate) is_reported: bool,
}

/// What came, or did not come, from the Gateway.
#[derive(Debug)]
enum Heard {
    /// It answered with an error.
    Answer(ErrorShape),
    /// The connection failed: `kind`, and how it was closed.
    Transport(&'static str, Option<(u16, String)>),
}

impl Failure {
    /// A failure that any error explains.
    pub(crate) fn of(error: &dyn Explain) -> Self {
        let kind = match error.kind() {
            Kind::Usage => "usage_error",
            Kind::Config => "config_error",
            Kind::Refused => "auth_error",
            _ => "cli_error",
        };
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(below) = cause {
            causes.push(below.to_string());
            cause = below.source();
        }
        Self {
            kind,
            code: error.code(),
            exit: error.kind().exit_code(),
            message: error.to_string(),
            next: error.next(),
            heard: None,
            place: None,
            causes: causes.into(),
            is_reported: false,
        }
    }

    fn plain(kind: &'static str, code: &'static str, exit: Kind, message: String) -> Self {
        let exit = exit.exit_code();
        let (next, heard, place, causes) = (Vec::new(), None, None, Box::default());
        Self { kind, code: Code(code), exit, message, next, heard, place, causes, is_reported: false }
    }

    /// The command itself failed.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self::plain("cli_error", code, Kind::Failure, message.into())
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::plain("usage_error", "USAGE", Kind::Usage, message.into())
    }

    /// Reached, and not let in.
    pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::plain("auth_error", code, Kind::Refused, message.into())
    }

    /// It was asked for, and what came of it is not known.
    pub(crate) fn lost(code: &'static str, message: impl Into<String>) -> Self {
        Self::plain("cli_error", code, Kind::Lost, message.into())
    }

    /// A command that is part of the product and not there yet.
    pub(crate) fn not_built(command: &str) -> Self {
        Self::new("NOT_BUILT", format!("`{command}` is not built yet"))
    }

    /// The same, with what it waits for.
    pub(crate) fn not_built_for(command: &str, why: &str) -> Self {
        Self::new("NOT_BUILT", format!("`{command}` is not built yet: {why}"))
    }

    /// A person pressed Ctrl-C, and the work was stopped.
    pub(crate) fn interrupted() -> Self {
        Self { exit: 130, ..Self::new("INTERRUPTED", "stopped") }
    }

    /// `--url` without a secret (CRED-2).
    pub(crate) fn credentials_required(message: String) -> Self {
        Self::plain("gateway_credentials_required", "GATEWAY_CREDENTIALS_REQUIRED", Kind::Refused, message)
    }

    /// Adds the command that mends it.
    #[must_use]
    pub(crate) fn run(mut self, command: impl Into<String>) -> Self {
        self.next.push(Step::run(command));
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn step(mut self, step: Step) -> Self {
        self.next.push(step);
        self
    }

    /// Adds a sentence of advice.
    #[must_use]
    pub(crate) fn advise(mut self, sentence: impl Into<String>) -> Self {
        self.next.push(Step::advise(sentence));
        self
    }

    /// Says which Gateway it was about.
    #[must_use]
    pub(crate) fn at(mut self, place: &Place) -> Self {
        self.place = Some(Box::new(place.clone()));
        self
    }

    /// What the command has printed says it all; only the exit code is left to give.
    #[must_use]
    pub(crate) const fn quietly(mut self) -> Self {
        self.is_reported = true;
        self
    }

    /// Whether nobody answered.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.exit == Kind::Unreachable.exit_code()
    }

    /// Whether the Gateway answered that this caller may not, or may not yet, rather than that it is a stranger.
    pub(crate) fn is_about_scope(&self) -> bool {
        let Some(Heard::Answer(answer)) = self.heard.as_deref() else { return false };
        matches!(
            answer.detail_code(),
            Some("PAIRING_REQUIRED" | "DEVICE_IDENTITY_REQUIRED" | "AUTH_SCOPE_MISMATCH" | "MISSING_SCOPE")
        )
    }

    /// Whether what was asked for may have happened.
    pub(crate) fn is_lost(&self) -> bool {
        self.exit == Kind::Lost.exit_code()
    }

    /// The same, where the answer does not say whether it happened.
    #[must_use]
    pub(crate) fn may_have_happened(self) -> Self {
        Self { exit: Kind::Lost.exit_code(), ..self }
    }

    /// What the Gateway's answer has beside its words.
    pub(crate) fn details(&self) -> Option<&Value> {
        match self.heard.as_deref() {
            Some(Heard::Answer(answer)) => answer.details.as_ref(),
            _ => None,
        }
    }

    /// The failure of a dial.
    pub(crate) fn dial(error: &DialError) -> Self {
        let failure = Self::of(error);
        let met = if let DialError::Tailnet(fault) = error { fault.error() } else { error };
        let transport = match met {
            DialError::Denied { error, .. } => {
                let heard = Some(Box::new(Heard::Answer((**error).clone())));
                return Self { kind: "auth_error", heard, ..failure };
            }
            DialError::Dns { .. } => ("dns", None),
            DialError::Refused { .. } => ("refused", None),
            DialError::Tls(_) => ("tls", None),
            DialError::Ssh(_) => ("ssh", None),
            DialError::Timeout { .. } => ("timeout", None),
            DialError::ClosedEarly { code, reason, .. } => ("closed", Some((*code, reason.clone()))),
            DialError::Unreachable { .. } | DialError::NotAGateway { .. } | DialError::ProxyInFront { .. } => {
                ("closed", None)
            }
            DialError::Plaintext(_) | DialError::NotBuilt { .. } | DialError::Identity(_) | DialError::Tailnet(_) => {
                return failure;
            }
        };
        let (kind, close) = transport;
        failure.transport(kind, close)
    }

    fn transport(self, kind: &'static str, close: Option<(u16, String)>) -> Self {
        Self { kind: "gateway_transport_error", heard: Some(Box::new(Heard::Transport(kind, close))), ..self }
    }

    /// The failure of a call.
    pub(crate) fn call(error: &CallError) -> Self {
        let failure = Self::of(error);
        match error {
            CallError::Answered { error, .. } => {
                let heard = Some(Box::new(Heard::Answer((**error).clone())));
                Self { kind: "gateway_request_error", heard, ..failure }
            }
            CallError::Closed { code, reason, .. } => failure.transport("closed", Some((*code, reason.clone()))),
            CallError::Timeout { .. } => failure.transport("timeout", None),
            CallError::Paused { why, .. } => Self::dial(why),
            CallError::Unreadable { .. } => Self { kind: "gateway_request_error", ..failure },
        }
    }

    /// The object of CLI-5.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("type".into(), json!(self.kind));
        error.insert("code".into(), json!(self.code.0));
        error.insert("message".into(), json!(self.message));
        match self.heard.as_deref() {
            None => {}
            Some(Heard::Answer(answer)) => {
                let answer = serde_json::to_value(answer).unwrap_or_default();
                for key in ["code", "retryable", "retryAfterMs", "details"] {
                    if let Some(value) = answer.get(key) {
                        error.insert(key.into(), value.clone());
                    }
                }
            }
            Some(Heard::Transport(kind, close)) => {
                error.insert("kind".into(), json!(kind));
                if let Some((code, reason)) = close {
                    error.insert("close".into(), json!({"code": code, "reason": reason}));
                }
            }
        }
        error.insert("next".into(), json!(self.next.iter().map(Step::text).collect::<Vec<_>>()));
        error.insert("exit".into(), json!(self.exit));
        let mut root = json!({"ok": false});
        if let Some(place) = &self.place {
            error.insert("target".into(), place.to_json());
            root["gateway"] = json!({"url": place.url, "urlSource": place.source});
        }
        root["error"] = Value::Object(error);
        root
    }

    /// What failed, which Gateway, and the one command that mends it, with the code last; at most six lines (CLI-6),
    /// four of them the block of CRED-10 when it is about a connection.
    pub(crate) fn to_text(&self, debug: bool) -> String {
        let mut lines = vec![self.message.trim_end_matches('.').to_owned()];
        if let Some(place) = &self.place {
            // Where it listens matters when it cannot be reached; an answer only needs to say whose it is.
            let whole = self.kind != "gateway_request_error";
            lines.extend(place.lines().into_iter().take(if whole { 4 } else { 1 }));
        }
        let next = self.next.first().map(|step| match step {
            Step::Run(command) => format!("Run: {command}  "),
            Step::Do(sentence) => format!("Next: {sentence}  "),
        });
        lines.push(format!("{}[{}]", next.unwrap_or_default(), self.code));
        if debug {
            lines.extend(self.causes.iter().map(|cause| format!("  caused by: {cause}")));
        }
        lines.join("\n")
    }
}

macro_rules! explained {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(&error)
            }
        })*
    };
}

explained!(
    base::PathsError,
    config::Problems,
    config::Refusal,
    config::SecretUnavailable,
    config::edit::EditError,
    link::IdentityError,
    link::TargetError,
    crate::service::ServiceError,
);

impl From<DialError> for Failure {
    fn from(error: DialError) -> Self {
        Self::dial(&error)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::call(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::{Source, Target};

    fn refused() -> Failure {
        let target = Target::loopback(18789, Source::LocalLoopback);
        let place = Place { bind: Some("loopback".into()), ..Place::of(&target, "/home/me/.openclaw/openclaw.json") };
        Failure::dial(&DialError::Refused { target }).at(&place)
    }

    /// CLI-6, CRED-10, PROBE-15
    #[test]
    fn a_failed_connection_is_six_lines_with_the_command_and_the_code_last() {
        let expected = "Gateway not reachable at ws://127.0.0.1:18789 (ECONNREFUSED)\n\
            Gateway target: ws://127.0.0.1:18789\nSource: local loopback\nConfig: /home/me/.openclaw/openclaw.json\n\
            Bind: loopback\nRun: openclaw gateway run  [GATEWAY_REFUSED]";
        assert_eq!(refused().to_text(false), expected);
    }

    /// CLI-5
    #[test]
    fn a_failure_as_json_has_type_kind_target_and_exit() {
        let json = refused().to_json();
        assert_eq!(json["ok"], false);
        assert_eq!(json["error"]["type"], "gateway_transport_error");
        assert_eq!(json["error"]["kind"], "refused");
        assert_eq!(json["error"]["exit"], 3);
        assert_eq!(json["error"]["target"]["url"], "ws://127.0.0.1:18789");
        assert_eq!(json["error"]["next"][0], "openclaw gateway run");
        assert_eq!(json["gateway"]["urlSource"], "local loopback");
    }

    /// CLI-5, PROBE-14
    #[test]
    fn what_the_gateway_answered_is_kept_whole() {
        let answer = ErrorShape::unavailable("busy").retry_after(500).with(json!({"code": "X", "n": 1}));
        let json = Failure::call(&CallError::Answered { method: "m".into(), error: Box::new(answer) }).to_json();
        let error = &json["error"];
        assert_eq!(error["type"], "gateway_request_error");
        assert_eq!((&error["code"], &error["retryAfterMs"]), (&json!("UNAVAILABLE"), &json!(500)));
        assert_eq!(error["details"], json!({"code": "X", "n": 1}));
    }

    /// CLI-7
    #[test]
    fn each_kind_has_its_exit_code() {
        assert_eq!(Failure::usage("x").exit, 2);
        assert_eq!(Failure::new("X", "x").exit, 1);
        assert_eq!(Failure::not_built("x").exit, 1);
        assert_eq!(Failure::credentials_required("x".into()).exit, 4);
        let lost = CallError::Closed { method: "m".into(), code: 1006, reason: String::new() };
        assert_eq!(Failure::call(&lost).exit, 5);
    }
}
