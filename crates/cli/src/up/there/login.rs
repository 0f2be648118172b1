//! Somebody may log in there, and the host says what it is.

use super::There;
use crate::exit::Failure;
use crate::up::plan::{Standing, Step};

pub(super) struct Login;

impl Step<There<'_>> for Login {
    fn name(&self) -> &'static str {
        "login"
    }

    fn look(&self, cx: &mut There<'_>) -> Result<Standing, Failure> {
        let seen = cx.far.look()?;
        let what = format!("{}: {} on {}", cx.far.route.target, seen.os, seen.cpu);
        cx.seen = Some(seen);
        Ok(Standing::Done(what))
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        Ok(cx.far.route.target.to_string())
    }
}
