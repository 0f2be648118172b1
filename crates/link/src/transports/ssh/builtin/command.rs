//! A command on the far host (SSH-17), on a channel of an SSH connection.

use russh::ChannelMsg;
use tokio::io::{AsyncRead, AsyncWriteExt as _};

use super::connect;
use crate::transports::ssh::{Ran, SshFailure, SshProblem, SshRoute, remote};

/// How much of what a command writes to its errors is kept.
const ERRORS_MAX: usize = 16 * 1024;

/// Runs the command line `line` in the far user's shell with `input`, and hears it to its end. Has no deadline of its
/// own.
///
/// # Errors
/// [`SshFailure`] when there is no way, or it breaks before the command has ended.
pub(in super::super) async fn run(
    route: &SshRoute,
    line: &str,
    mut input: impl AsyncRead + Unpin,
) -> Result<Ran, SshFailure> {
    let session = connect(route, 0).await?;
    let mut channel = session.command().await?;
    let failed = |error| {
        let (problem, said) = session.why(error);
        route.failure(0, problem, said)
    };
    channel.exec(true, line).await.map_err(failed)?;
    let mut stdin = channel.make_writer();
    let say = async move {
        // A command that does not read to the end says why with its status.
        let _unread = tokio::io::copy(&mut input, &mut stdin).await;
        let _closed_already = stdin.shutdown().await;
    };
    let hear = async {
        let mut heard = Heard::default();
        while let Some(message) = channel.wait().await {
            heard.take(message);
        }
        heard
    };
    tokio::pin!(say, hear);
    let heard = tokio::select! {
        heard = &mut hear => heard,
        () = &mut say => hear.await,
    };
    let lost = || {
        let (problem, said) = session.why(russh::Error::Disconnect);
        route.failure(0, problem, said)
    };
    if heard.is_refused {
        return Err(route.failure(0, SshProblem::Other, "its server runs no commands".into()));
    }
    if !heard.has_ended {
        return Err(lost());
    }
    Ok(Ran { status: heard.status, stdout: heard.stdout, stderr: String::from_utf8_lossy(&heard.stderr).into_owned() })
}

/// What came of the command.
#[derive(Default)]
struct Heard {
    status: Option<i32>,
    has_ended: bool,
    is_refused: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Heard {
    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => {
                let left = remote::OUTPUT_MAX.saturating_sub(self.stdout.len());
                self.stdout.extend_from_slice(&data[..data.len().min(left)]);
            }
            ChannelMsg::ExtendedData { data, .. } => {
                self.stderr.extend_from_slice(&data);
                let too_much = self.stderr.len().saturating_sub(ERRORS_MAX);
                self.stderr.drain(..too_much);
            }
            ChannelMsg::ExitStatus { exit_status } => {
                (self.status, self.has_ended) = (i32::try_from(exit_status).ok(), true);
            }
            ChannelMsg::ExitSignal { .. } => self.has_ended = true,
            ChannelMsg::Failure => self.is_refused = true,
            _ => {}
        }
    }
}
