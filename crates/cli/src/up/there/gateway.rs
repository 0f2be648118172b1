//! The program over there does `up` on its own host: config, secret and service are made where they stay.

use serde_json::Value;

use super::There;
use crate::exit::Failure;
use crate::up::plan::{Standing, Step};

pub(super) struct Gateway;

impl Step<There<'_>> for Gateway {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn look(&self, cx: &mut There<'_>) -> Result<Standing, Failure> {
        if !cx.has_program {
            return Ok(Standing::ToDo("make a loopback config with a secret of its own, and start the Gateway".into()));
        }
        let seen = cx.far.openclaw(&arguments(cx, "--dry-run").each())?;
        // Those that always look count as `would`, too; they change nothing.
        let steps = seen["steps"].as_array().into_iter().flatten();
        let (to_do, done): (Vec<_>, Vec<_>) =
            steps.filter(|step| step["name"] != "answer").partition(|step| step["state"] == "would");
        let words =
            |steps: &[&Value]| steps.iter().filter_map(|step| step["what"].as_str()).collect::<Vec<_>>().join("; ");
        if to_do.is_empty() {
            cx.gateway = cx.heard(&seen)?;
            return Ok(Standing::Done(words(&done)));
        }
        Ok(Standing::ToDo(words(&to_do)))
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        let made = cx.far.openclaw(&arguments(cx, "--yes").each())?;
        cx.gateway = cx.heard(&made)?;
        let Some(found) = &cx.gateway else {
            return Err(Failure::new("UP_FAILED_THERE", "no Gateway runs over there, though it was started")
                .step(cx.far.route.command_there("openclaw gateway status")));
        };
        Ok(format!("answers on 127.0.0.1:{} of its host", found.port))
    }
}

/// The words of the command over there.
struct Arguments(Vec<String>);

impl Arguments {
    fn each(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

fn arguments(cx: &There<'_>, how: &str) -> Arguments {
    let mut words = vec!["up".to_owned(), how.to_owned(), "--no-link".to_owned()];
    words.extend(cx.wanted.no_service.then(|| "--no-service".to_owned()));
    if let Some(port) = cx.wanted.port {
        words.extend(["--gateway-port".to_owned(), port.to_string()]);
    }
    Arguments(words)
}
