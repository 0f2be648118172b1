//! The Gateway says that it has started.

use std::time::Duration;

use super::Here;
use crate::exit::Failure;
use crate::service::process;
use crate::up::background;
use crate::up::plan::{Standing, Step};

/// A first start makes keys and a database; a slow disk takes its time.
const WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Answer;

impl Step<Here<'_>> for Answer {
    fn name(&self) -> &'static str {
        "answer"
    }

    fn look(&self, _: &mut Here<'_>) -> Result<Standing, Failure> {
        Ok(Standing::Check("wait until it says that it has started".into()))
    }

    fn carry_out(&self, cx: &mut Here<'_>) -> Result<String, Failure> {
        let mut answering = None;
        process::wait(WITHIN, || {
            let port = process::running(&cx.app.paths)?.map(|owner| owner.port);
            answering = port.filter(|port| process::answers(*port));
            let has_ended =
                cx.started.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_some()));
            Ok(answering.is_some() || has_ended)
        })?;
        if let Some(port) = answering {
            return Ok(format!("it has started on port {port}"));
        }
        let said = background::last_words(cx.app).map(|said| format!("; it said: {said}")).unwrap_or_default();
        let message = format!("no Gateway answers{said}");
        Err(Failure::new("GATEWAY_NOT_HEALTHY", message).run("openclaw gateway status"))
    }
}
