//! From a request frame to a typed handler and back: the routing [`table`], the [`dispatch`] rules in protocol order,
//! the context a handler gets ([`cx`]) and the two-stage answer of agent runs ([`staged`]).

pub(crate) mod cx;
pub(crate) mod dispatch;
pub(crate) mod staged;
pub(crate) mod table;
pub(crate) mod write_limit;

pub(crate) use cx::{After, Caller, ConnId, Cx, unavailable};
pub(crate) use staged::{First, StagedError};
pub(crate) use table::Table;
