//! Which host, and how things are called over there: the flags that `up` and `down` share.

use base::Profile;
use link::SshTarget;

use super::Place;
use crate::app::App;
use crate::exit::Failure;

/// The far host. Without a target this machine is meant.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HostFlags {
    /// user@host[:port], or a Host of your ~/.ssh/config; without one, this machine
    target: Option<String>,
    /// Its SSH port
    #[arg(short, long, value_name = "N", requires = "target", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Another state folder over there
    #[arg(long, value_name = "DIR", requires = "target")]
    remote_state: Option<String>,
    /// Another profile over there
    #[arg(long, value_name = "NAME", requires = "target")]
    remote_profile: Option<String>,
    /// Where the program is over there
    #[arg(long, value_name = "PATH", requires = "target", default_value = "~/.local/bin/openclaw")]
    remote_path: String,
}

impl HostFlags {
    /// The host, when one was named, here or with `--ssh`.
    pub(crate) fn host(&self, app: &App) -> Result<Option<SshTarget>, Failure> {
        let by_flag = app.ssh.ssh.as_deref().filter(|text| !text.trim().is_empty());
        let Some(text) = self.target.as_deref().or(by_flag) else { return Ok(None) };
        let parse = |text: &str| SshTarget::parse(text).map_err(|error| Failure::of(&error));
        let host = parse(text)?;
        let Some(port) = self.port else { return Ok(Some(host)) };
        if host.named_port().is_some_and(|named| named != port) {
            return Err(Failure::usage(format!("`{host}` and --port {port} name two ports")));
        }
        let user = host.user().map(|user| format!("{user}@")).unwrap_or_default();
        let place = if host.host().contains(':') { format!("[{}]", host.host()) } else { host.host().to_owned() };
        parse(&format!("{user}{place}:{port}")).map(Some)
    }

    /// Where things are over there.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let profile = self.remote_profile.as_deref().map(Profile::parse).transpose()?;
        Ok(Place {
            program: whole("--remote-path", &self.remote_path)?,
            state: self.remote_state.as_deref().map(|path| whole("--remote-state", path)).transpose()?,
            profile: profile.and_then(|profile| profile.name().map(str::to_owned)),
        })
    }
}

/// A path that means the same in every folder.
fn whole(flag: &str, path: &str) -> Result<String, Failure> {
    let is_whole = path.starts_with('/') || path.starts_with("~/");
    if !is_whole || path.ends_with('/') || path.contains(char::is_control) {
        return Err(Failure::usage(format!("{flag} `{path}` has to begin with / or ~/, and to end with a name")));
    }
    Ok(path.to_owned())
}
