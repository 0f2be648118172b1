//! The Gateway answers a question over the new link, as every later command will ask it.

use super::There;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;
use crate::up::plan::{Standing, Step};

pub(super) struct Check;

impl Step<There<'_>> for Check {
    fn name(&self) -> &'static str {
        "health"
    }

    fn look(&self, _: &mut There<'_>) -> Result<Standing, Failure> {
        Ok(Standing::Check("ask its health over the new link".into()))
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        cx.health = rpc::call_at(&cx.app.afresh(), &Rpc::default(), None, "health", None)?;
        Ok("it is well".into())
    }
}
