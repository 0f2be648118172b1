//! The right of the owner of the state folder (PAIR-17): with no Gateway to ask, or one that lets this command in without
//! the scope, what waits is looked at and approved in the state itself. So no request can ever block the command that
//! would approve it.

use store::{GatewayLock, Store, StoreError};

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

/// The state of this host's Gateway, opened for one command.
pub(crate) struct Desk(Store);

impl Desk {
    /// Opens the state where `failure` is no answer to somebody who may read it.
    ///
    /// # Errors
    /// `failure` itself where the command meant another host, or the Gateway's word stands.
    pub(crate) fn instead_of(app: &App, rpc: &Rpc, failure: Failure) -> Result<Self, Failure> {
        let is_meant = rpc.reach.url.is_none() && rpc::way(app, &rpc.reach, None, true)?.target.source().is_this_host();
        let is_nobody_there = failure.is_unreachable() && matches!(GatewayLock::holder(&app.paths), Ok(None));
        let may = is_meant && (is_nobody_there || failure.is_about_scope());
        if !may || !app.paths.database().exists() {
            return Err(failure);
        }
        app.out.note("note: looking into the Gateway's state on this host");
        Store::open(&app.paths).map(Self).map_err(explained)
    }

    /// What is written there.
    pub(crate) const fn store(&self) -> &Store {
        &self.0
    }

    /// Done: everything is on disk when this returns.
    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}

/// The state could not be read or written.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
pub(crate) fn explained(error: StoreError) -> Failure {
    Failure::of(&error)
}

/// What was decided on does not wait any more; `list` is the command that shows what does.
pub(crate) fn gone(request_id: &str, list: &str) -> Failure {
    Failure::new("NOT_FOUND", format!("the request `{request_id}` does not wait any more")).run(list)
}
