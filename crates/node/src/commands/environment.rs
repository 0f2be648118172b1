//! What a program that runs for a node sees of this host's environment (N-11.9).

use std::collections::BTreeMap;
use std::path::Path;

use base::Env;
use exec_policy::{Admitted, Places};

use super::Host;
use super::asked::Params;

/// Variables that choose which code runs, which no caller sets (N-11.9).
const DECISIVE: &[&str] =
    &["PATH", "NODE_OPTIONS", "PYTHONHOME", "PYTHONPATH", "PERL5LIB", "PERL5OPT", "RUBYOPT", "BASH_ENV", "ENV"];
const DECISIVE_STARTS: &[&str] = &["LD_", "DYLD_", "BASH_FUNC_", "OPENCLAW_"];
/// The ones a caller may set for a shell, and for what runs only because it is on the list: how output looks.
const COSMETIC: &[&str] = &["TERM", "LANG", "COLORTERM", "NO_COLOR", "FORCE_COLOR"];
/// Shells, whose start reads variables.
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];

/// The environment of the program: this host's without secrets, and what the caller may add (N-11.9).
pub(super) fn environment(host: &Host, places: &Places, params: &Params, admitted: Admitted) -> Vec<(String, String)> {
    let mut env: BTreeMap<String, String> = without_secrets(&host.env).collect();
    env.insert("PATH".into(), places.path_value());
    let program = params.command.first().map(Path::new).and_then(|program| program.file_name()?.to_str());
    let strictly = admitted == Admitted::ByList || program.is_some_and(|program| SHELLS.contains(&program));
    for (name, value) in params.env.iter().flatten() {
        if may_set(name, strictly) {
            env.insert(name.clone(), value.clone());
        }
    }
    env.into_iter().collect()
}

/// What a program started for a call gets to know of this process's environment: nothing that is named like a secret.
pub(crate) fn without_secrets(env: &Env) -> impl Iterator<Item = (String, String)> + '_ {
    let is_secret = |name: &str| base::is_secret_name(name) || name.to_ascii_uppercase().ends_with("KEY");
    let open = env.vars().filter(move |(name, _)| !is_secret(name) && !name.starts_with("BASH_FUNC_"));
    open.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn may_set(name: &str, strictly: bool) -> bool {
    let upper = name.to_ascii_uppercase();
    if strictly {
        return COSMETIC.contains(&upper.as_str()) || upper.starts_with("LC_");
    }
    !name.is_empty()
        && !name.contains(['=', '\0'])
        && !DECISIVE.contains(&upper.as_str())
        && !DECISIVE_STARTS.iter().any(|start| upper.starts_with(start))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::commands::Cx;
    use crate::commands::tests::cx;
    use crate::serve::Voice;

    fn params(value: Value) -> Params {
        serde_json::from_value(value).unwrap()
    }

    fn env(admitted: Admitted, command: &str, asked: Value) -> BTreeMap<String, String> {
        let home = tempfile::tempdir().unwrap();
        let host = Cx { voice: Voice::nowhere(), ..cx(home.path()) }.host;
        let own = [("PATH", ".:/bin"), ("HOME", "/h"), ("OPENCLAW_GATEWAY_TOKEN", "t"), ("AWS_SECRET_ACCESS_KEY", "k")];
        let host = Host { env: Env::of(own), ..std::sync::Arc::into_inner(host).unwrap() };
        let places = Places::new(&host.path(), "/".into(), "/".into());
        let params = params(json!({"command": [command], "env": asked}));
        environment(&host, &places, &params, admitted).into_iter().collect()
    }

    /// N-11.9
    #[test]
    fn secrets_stay_behind_and_no_caller_chooses_code_by_a_variable() {
        let asked = json!({"PATH": "/tmp", "LD_PRELOAD": "x", "NODE_OPTIONS": "x", "bash_env": "x", "MINE": "1",
            "TERM": "xterm", "LC_ALL": "C", "": "x", "A=B": "x"});
        let shown = |admitted, command| {
            let env = env(admitted, command, asked.clone());
            env.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(shown(Admitted::Fully, "git"), ["HOME=/h", "LC_ALL=C", "MINE=1", "PATH=/bin", "TERM=xterm"]);
        for (admitted, command) in [(Admitted::ByList, "git"), (Admitted::Fully, "/bin/sh")] {
            assert_eq!(shown(admitted, command), ["HOME=/h", "LC_ALL=C", "PATH=/bin", "TERM=xterm"]);
        }
    }
}
