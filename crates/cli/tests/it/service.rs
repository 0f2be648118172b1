//! `gateway install|start|stop|restart|uninstall|status` with a systemd of the test's own, which reads the real units,
//! holds their sockets and starts the real binary.

pub(crate) mod double;
mod processes;
mod refusals;
mod removal;
mod restarts;
