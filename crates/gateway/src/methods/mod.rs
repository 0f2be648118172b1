//! Every method this Gateway handles, one file a family. A row joins the contract in `wire` to a function.

mod health;

use crate::rpc::Table;

/// The whole table.
pub(crate) fn table() -> Table {
    Table::new().on::<wire::methods::health::Health>(health::health)
}
