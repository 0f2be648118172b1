//! `device.info`, `device.status`: what this machine is, and how it stands (N-10.25).

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Command, Cx, Host, Refusal};
use crate::stats;

pub(super) struct Info;

impl Command for Info {
    fn name(&self) -> &'static str {
        "device.info"
    }

    fn cap(&self) -> &'static str {
        "device"
    }

    fn handle(&self, cx: Cx, _: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move { Ok(info(&cx.host)) })
    }
}

pub(super) struct Status;

impl Command for Status {
    fn name(&self) -> &'static str {
        "device.status"
    }

    fn cap(&self) -> &'static str {
        "device"
    }

    fn handle(&self, cx: Cx, _: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move { Ok(status(&cx.host)) })
    }
}

fn info(host: &Host) -> Value {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    json!({
        "deviceName": host.name.clone().unwrap_or_else(|| text(system.nodename())),
        "systemName": std::env::consts::OS,
        "systemVersion": text(system.release()),
        "modelIdentifier": text(system.machine()),
        "appVersion": host.version,
        "locale": host.env.raw("LANG"),
    })
}

fn status(host: &Host) -> Value {
    let storage = stats::disk(&host.home).map(|disk| {
        let used = disk.total.saturating_sub(disk.available);
        json!({"totalBytes": disk.total, "freeBytes": disk.available, "usedBytes": used})
    });
    json!({"storage": storage, "uptimeSeconds": stats::uptime(), "host": stats::host(&host.home)})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::cx;

    /// N-10.25
    #[tokio::test]
    async fn a_machine_says_what_it_is_and_how_it_stands() {
        let home = tempfile::tempdir().unwrap();
        let info = Info.handle(cx(home.path()), Value::Null).await.unwrap();
        assert_eq!((&info["systemName"], &info["appVersion"]), (&json!(std::env::consts::OS), &json!("0")));
        assert!(info["deviceName"].as_str().is_some_and(|name| !name.is_empty()), "{info}");
        let status = Status.handle(cx(home.path()), Value::Null).await.unwrap();
        assert!(status["storage"]["totalBytes"].as_u64() > Some(0), "{status}");
    }
}
