//! What handlers may use: a handful of cloneable handles, built once in `wiring`.

use base::Secret;

use crate::hub::Hub;

/// The handles every request can reach through its context.
pub(crate) struct Services {
    /// Reaches every connection.
    pub(crate) hub: Hub,
    /// Our version, for people and skew hints.
    pub(crate) version: String,
    /// The shared token of this run, `None` in mode none.
    pub(crate) shared_token: Option<Secret>,
}
