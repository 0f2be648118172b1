//! Which hosts lie on the way (`ProxyJump`): a plan, made before anything is dialled.

use super::settings::Settings;
use crate::transports::ssh::{SSH_PORT, SshFailure, SshProblem, SshRoute, SshTarget};

/// More hosts than anybody hops over; a configuration whose hosts name each other ends here.
const HOPS_MAX: usize = 8;

/// One host on the way.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    /// As it was written.
    pub(super) target: SshTarget,
    pub(super) settings: Settings,
    /// What the failures on this hop speak of.
    pub(super) far_port: u16,
    /// Whether it is the one that was asked for; the key that was named with it is shown to no other.
    pub(super) is_last: bool,
}

impl Hop {
    /// Where it is, as the configuration says.
    pub(super) fn host(&self) -> &str {
        self.settings.host.as_deref().unwrap_or_else(|| self.target.host())
    }

    pub(super) fn port(&self) -> u16 {
        self.target.named_port().or(self.settings.port).unwrap_or(SSH_PORT)
    }

    /// Who logs in there.
    pub(super) fn user(&self, route: &SshRoute) -> Option<String> {
        let named = self.target.user().map(str::to_owned);
        named.or_else(|| self.settings.user.clone()).or_else(|| route.caller.user.clone())
    }

    pub(super) fn failure(&self, problem: SshProblem, said: impl Into<String>) -> SshFailure {
        SshFailure { problem, target: self.target.clone(), far_port: self.far_port, said: said.into() }
    }
}

/// The hosts from here to the target of `route`, in order.
pub(super) fn plan(route: &SshRoute, far_port: u16) -> Result<Vec<Hop>, SshFailure> {
    let mut hops = Vec::new();
    add(&mut hops, route, &route.target, far_port, HOPS_MAX)?;
    if let Some(last) = hops.last_mut() {
        last.is_last = true;
    }
    Ok(hops)
}

/// Adds what leads to `target`, then itself. Of several jump hosts only the first may have a way of its own.
fn add(hops: &mut Vec<Hop>, route: &SshRoute, target: &SshTarget, far: u16, left: usize) -> Result<(), SshFailure> {
    let hop = Hop { target: target.clone(), settings: Settings::of(route, target), far_port: far, is_last: false };
    let refused = |why: &str| Err(hop.failure(SshProblem::Other, why));
    if left == 0 {
        return refused("its jump hosts lead in a circle");
    }
    let jump = hop.settings.jump.as_deref().filter(|jump| *jump != "none");
    let needs_shell = hop.settings.proxy_command.as_deref().is_some_and(|command| command != "none");
    match jump {
        None if needs_shell => {
            return refused("your SSH configuration has a ProxyCommand for it, which the built-in client cannot run");
        }
        None => {}
        Some(jump) => {
            for (at, name) in jump.split(',').enumerate() {
                let Ok(before) = SshTarget::parse(name) else { return refused("its ProxyJump names no host") };
                if at == 0 {
                    add(hops, route, &before, before.port(), left - 1)?;
                } else {
                    let settings = Settings::of(route, &before);
                    hops.push(Hop { far_port: before.port(), target: before, settings, is_last: false });
                }
            }
            if hops.len() >= HOPS_MAX {
                return refused("it lies behind too many jump hosts");
            }
        }
    }
    hops.push(hop);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(config: &str) -> Result<Vec<String>, SshFailure> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, config).unwrap();
        let route = SshRoute { config_file: Some(file), ..SshRoute::new(SshTarget::parse("me@far").unwrap()) };
        let hops = plan(&route, 18789)?;
        assert_eq!(hops.iter().filter(|hop| hop.is_last).count(), 1);
        Ok(hops
            .iter()
            .map(|hop| format!("{}@{}:{}", hop.user(&route).unwrap_or_default(), hop.host(), hop.port()))
            .collect())
    }

    #[test]
    fn a_way_over_jump_hosts_is_planned_in_order() {
        assert_eq!(planned("").unwrap(), ["me@far:22"]);
        let chain = "Host far\n HostName 10.0.0.9\n ProxyJump a@one:2201,two\nHost two\n User b\n Port 2202\n\
            Host one\n ProxyJump zero\n";
        assert_eq!(planned(chain).unwrap(), ["@zero:22", "a@one:2201", "b@two:2202", "me@10.0.0.9:22"]);
        assert_eq!(planned("ProxyJump none\nProxyCommand nc %h %p").unwrap(), ["me@far:22"]);
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for (config, why) in [
            ("ProxyJump other", "circle"),
            ("ProxyCommand nc %h %p", "ProxyCommand"),
            ("Host far\n ProxyJump -oProxyCommand=x", "names no host"),
            ("Host far\n ProxyJump a,b,c,d,e,f,g,h,i", "too many"),
        ] {
            let failure = planned(config).unwrap_err();
            assert!(failure.to_string().contains(why), "{config}: {failure}");
        }
    }
}
