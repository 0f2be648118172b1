//! One client connection: the [`socket`], the [`handshake`] that turns a stranger into a caller, the [`actor`] that
//! owns the connection from then on, what of it is [`at_work`], and the [`outbound`] queue others reach it by.

pub(crate) mod actor;
pub(crate) mod at_work;
pub(crate) mod handshake;
pub(crate) mod limits;
pub(crate) mod outbound;
pub(crate) mod socket;
