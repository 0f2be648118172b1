//! What the server shows and asks for: its key is judged, why it ended is noted, and whatever it wants to open here is
//! refused.

use russh::AlgorithmKind;
use russh::client::{self, ChannelOpenHandle, DisconnectReason, Msg};
use russh::keys::{PublicKey, PublicKeyOrCertificate};

use super::hosts::{KnownHosts, Verdict, shown};
use super::jump::Hop;
use super::network;
use super::session::End;
use crate::transports::ssh::{SshFailure, SshProblem};

/// The handler of one connection.
pub(super) struct Watcher {
    pub(super) trust: Trust,
    pub(super) end: End,
}

/// What is done with the key the host shows.
pub(super) enum Trust {
    /// It has to be known; when the person's configuration lets new keys in, one that is not becomes known.
    Files { known: KnownHosts, learns: bool },
    /// It is only looked at, and the connection ends there.
    Look,
}

/// What stops a connection.
#[derive(Debug)]
pub(super) enum Fault {
    /// This key was to be looked at.
    Seen(Box<PublicKey>),
    Key(SshProblem),
    Files(std::io::Error),
    Ssh(russh::Error),
}

impl From<russh::Error> for Fault {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Fault {
    pub(super) fn at(self, hop: &Hop) -> SshFailure {
        match self {
            Self::Seen(_) => hop.failure(SshProblem::Other, "its key was only looked at"),
            Self::Key(problem) => hop.failure(problem, ""),
            Self::Files(error) => hop.failure(SshProblem::Other, format!("known_hosts: {error}")),
            Self::Ssh(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, .. }) => {
                hop.failure(SshProblem::Other, "it has no Ed25519 or ECDSA host key, which the built-in client needs")
            }
            Self::Ssh(russh::Error::IO(error)) => hop.failure(network(&error), error.to_string()),
            Self::Ssh(error) => hop.failure(SshProblem::Other, error.to_string()),
        }
    }
}

impl Watcher {
    fn judge(&self, key: &PublicKey) -> Result<(), Fault> {
        let Trust::Files { known, learns } = &self.trust else { return Err(Fault::Seen(Box::new(key.clone()))) };
        match known.judge(key).map_err(Fault::Files)? {
            Verdict::Known => Ok(()),
            Verdict::Unknown if *learns => known.learn(key).map_err(Fault::Files),
            Verdict::Unknown => Err(Fault::Key(SshProblem::UnknownHostKey(Some(shown(key))))),
            Verdict::Changed => Err(Fault::Key(SshProblem::ChangedHostKey)),
        }
    }
}

impl client::Handler for Watcher {
    type Error = Fault;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Fault> {
        match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.judge(key).map(|()| true),
            // None was asked for.
            PublicKeyOrCertificate::Certificate(_) => Ok(false),
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Fault>) -> Result<(), Fault> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let said: String = info.message.chars().filter(|c| !c.is_control()).take(200).collect();
                // The reason OpenSSH's server gives is its own text.
                let problem = match said.contains("Too many authentication failures") {
                    true => SshProblem::Auth,
                    false => SshProblem::Other,
                };
                self.end.set(problem, format!("its server ended the connection: {said}"));
                Ok(())
            }
            DisconnectReason::Error(fault) => {
                match &fault {
                    Fault::Ssh(russh::Error::KeepaliveTimeout) => self.end.set(SshProblem::Timeout, String::new()),
                    Fault::Ssh(error) => self.end.set(SshProblem::Other, format!("the connection was lost: {error}")),
                    Fault::Key(problem) => self.end.set(problem.clone(), String::new()),
                    Fault::Seen(_) => {}
                    Fault::Files(error) => self.end.set(SshProblem::Other, format!("known_hosts: {error}")),
                }
                Err(fault)
            }
        }
    }

    // Dropping the reply refuses.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: russh::Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: russh::Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: russh::Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Fault> {
        Ok(())
    }
}
