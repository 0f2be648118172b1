//! What goes wrong, over a real socket: every fault becomes one class and one short sentence.

use std::time::Duration;

use kit::vendors::{FakeAnthropic, FakeOpenAi, Fault, Reply, Vendor};
use openclaw_agent::providers::{FailureClass, ProviderError};
use tokio::net::TcpListener;

use crate::providers::{ANTHROPIC, KEY, OPENAI, endpoint, provider, request, run, text, user};

const BOTH: [&str; 2] = [OPENAI, ANTHROPIC];

struct Vendors {
    openai: FakeOpenAi,
    anthropic: FakeAnthropic,
}

impl Vendors {
    async fn start() -> Self {
        Self { openai: FakeOpenAi::start().await, anthropic: FakeAnthropic::start().await }
    }

    fn of(&self, api: &str) -> &Vendor {
        if api == OPENAI { &self.openai } else { &self.anthropic }
    }

    /// What was said before the failure, and the failure.
    async fn failure(&self, api: &str, reply: impl Into<Reply>) -> (String, ProviderError) {
        let vendor = self.of(api);
        vendor.then(reply);
        let mut endpoint = endpoint(&vendor.base_url());
        endpoint.idle = Duration::from_millis(300);
        let (heard, error) = run(&*provider(api, endpoint), request(vec![user("go")])).await;
        (text(&heard), error.unwrap_or_else(|| panic!("{api} should have failed")))
    }
}

/// A-14.5 A-7.10
#[tokio::test]
async fn statuses_become_classes_and_short_sentences() {
    use FailureClass::{Auth, Billing, ContextOverflow, Format, Overloaded, RateLimit, ServerError, Timeout};
    let vendors = Vendors::start().await;
    let cases = [
        (400, Format),
        (401, Auth),
        (402, Billing),
        (403, Auth),
        (404, Format),
        (408, Timeout),
        (413, ContextOverflow),
        (429, RateLimit),
        (500, ServerError),
        (503, ServerError),
        (504, Timeout),
        (529, Overloaded),
    ];
    for api in BOTH {
        for (status, class) in cases {
            let (_, error) = vendors.failure(api, Fault::Status(status)).await;
            assert_eq!(error.class, class, "{api} {status}");
            assert!(error.message.starts_with("`fake` ") && error.message.len() < 120, "{}", error.message);
            assert!(error.message.contains(&status.to_string()), "{}", error.message);
            assert!(!error.message.contains("as the test wished"), "the vendor's words stay in the log");
        }
    }
}

/// A-14.6
#[tokio::test]
async fn the_vendors_wish_to_wait_is_passed_on() {
    let vendors = Vendors::start().await;
    for api in BOTH {
        let (_, error) = vendors.failure(api, Fault::Status(429).retry_after(7)).await;
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(error.message, "`fake` is limiting requests (HTTP 429); it asks to wait 7 s");
    }
}

/// A-14.5
#[tokio::test]
async fn a_conversation_that_is_too_long_is_told_from_a_bad_request() {
    let vendors = Vendors::start().await;
    let bodies = [
        r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, you requested 9000.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 345320 tokens > 199999 maximum"}}"#,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error"}}"#,
        r#"[{"error":{"code":400,"message":"The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError"}"#,
    ];
    for api in BOTH {
        for body in bodies {
            let (_, error) = vendors.failure(api, Fault::StatusBody(400, body.into())).await;
            assert_eq!(error.class, FailureClass::ContextOverflow, "{body}");
        }
    }
}

/// A-7.2 A-14.5
#[tokio::test]
async fn broken_streams_are_broken_whatever_was_heard_before() {
    let vendors = Vendors::start().await;
    for api in BOTH {
        for fault in [Fault::Reset, Fault::HalfStream, Fault::GarbageLine] {
            let name = format!("{api} {fault:?}");
            let (said, error) = vendors.failure(api, Reply::text("half an").and_fault(fault)).await;
            assert_eq!((said.as_str(), error.class), ("half an", FailureClass::Network), "{name}");
            assert!(error.class.is_transient(), "{name}");
        }
        let (_, error) = vendors.failure(api, Reply::raw([""; 0])).await;
        assert_eq!(error.class, FailureClass::Network, "{api}: an empty body");
    }
}

/// A-14.5
#[tokio::test]
async fn errors_inside_a_stream_keep_their_class() {
    let vendors = Vendors::start().await;
    let cases = [
        ("overloaded_error", "Overloaded", FailureClass::Overloaded),
        ("rate_limit_error", "slow down", FailureClass::RateLimit),
        ("invalid_request_error", "maximum context length", FailureClass::ContextOverflow),
        ("api_error", "internal", FailureClass::ServerError),
        ("strange", "never seen", FailureClass::Network),
    ];
    for api in BOTH {
        for (kind, message, class) in cases {
            let fault = Fault::InStream(kind.into(), message.into());
            let (said, error) = vendors.failure(api, Reply::text("well").and_fault(fault)).await;
            assert_eq!((said.as_str(), error.class), ("well", class), "{api} {kind}");
        }
    }
}

#[tokio::test]
async fn what_is_not_a_model_is_not_taken_for_one() {
    let vendors = Vendors::start().await;
    for api in BOTH {
        let (_, error) = vendors.failure(api, Fault::Html).await;
        assert_eq!(error.class, FailureClass::Format);
        assert_eq!(error.message, "`fake` answered with a web page instead of a model's answer; check its baseUrl");
        let (_, error) = vendors.failure(api, Reply::text("x").and_fault(Fault::HugeLine(9 * 1024 * 1024))).await;
        assert_eq!(error.class, FailureClass::Format, "{api}: a line without end");
    }
}

#[tokio::test]
async fn a_key_does_not_travel_along_a_redirect() {
    let (vendors, elsewhere) = (Vendors::start().await, FakeOpenAi::start().await);
    for api in BOTH {
        let (_, error) = vendors.failure(api, Fault::Redirect(elsewhere.base_url())).await;
        assert_eq!(error.class, FailureClass::Format);
        assert!(error.message.contains("redirected"), "{}", error.message);
    }
    assert!(elsewhere.requests().is_empty());
}

/// A-7.6
#[tokio::test]
async fn silence_is_not_waited_for_longer_than_allowed() {
    let vendors = Vendors::start().await;
    for api in BOTH {
        let (said, error) = vendors.failure(api, Reply::text("well").and_fault(Fault::Silence)).await;
        assert_eq!((said.as_str(), error.class), ("well", FailureClass::Timeout), "{api}");
        assert_eq!(error.message, "`fake` fell silent in the middle of its answer");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_network_failure() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for api in BOTH {
        let (_, error) = run(&*provider(api, endpoint(&base)), request(vec![user("go")])).await;
        let error = error.unwrap();
        assert_eq!((error.class, error.message.as_str()), (FailureClass::Network, "`fake` cannot be reached"));
    }
}

#[tokio::test]
async fn a_key_that_is_no_header_is_refused_without_being_shown() {
    for api in BOTH {
        let mut endpoint = endpoint("http://127.0.0.1:1");
        endpoint.api_key = Some(base::Secret::new(format!("{KEY}\nx")));
        let (_, error) = run(&*provider(api, endpoint), request(vec![user("go")])).await;
        let error = error.unwrap();
        assert!(error.class == FailureClass::Format && !format!("{error:?}").contains(KEY), "{error:?}");
    }
}
