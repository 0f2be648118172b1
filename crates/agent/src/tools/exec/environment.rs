//! What a child of `exec` sees of the Gateway's environment.
//!
//! The Gateway may hold tokens, passwords and keys of model vendors in its environment; a child started for a model
//! gets none of them. The model may add variables, but none that decide which code runs.

use base::Env;

use super::policy::{ExecSettings, Security};

/// How names of secrets end.
const SECRET_ENDINGS: &[&str] = &[
    "API_KEY",
    "APIKEY",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "SECRET_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIALS",
];

/// Names that decide which code a program runs.
const DECISIVE: &[&str] = &[
    "PATH",
    "ENV",
    "BASH_ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "IFS",
    "PS4",
    "PROMPT_COMMAND",
    "CDPATH",
    "SHELL",
    "HOME",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PERL5LIB",
    "PERL5OPT",
    "RUBYLIB",
    "RUBYOPT",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "LESSOPEN",
];
const DECISIVE_STARTS: &[&str] = &["LD_", "DYLD_", "BASH_FUNC_", "OPENCLAW_", "GIT_CONFIG"];

/// Names the allowlist leaves to the model: they change how output looks, nothing more.
const COSMETIC: &[&str] = &["LANG", "LANGUAGE", "TZ", "COLUMNS", "LINES", "NO_COLOR", "TERM"];

/// Where programs are when nothing says so.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Whether a variable holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Every variable of the child.
///
/// # Errors
/// The sentence for the model when it sets a variable it may not.
pub(super) fn of_child(
    env: &Env,
    settings: &ExecSettings,
    security: Security,
    asked: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<(String, String)>, String> {
    let mut vars: Vec<(String, String)> = env
        .vars()
        .filter(|(name, _)| !is_secret(name) && !name.starts_with("BASH_FUNC_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    set(&mut vars, "PATH".into(), search_path(env, settings, security));
    for (name, value) in asked {
        check(&name, &value, security)?;
        set(&mut vars, name, value);
    }
    Ok(vars)
}

/// Where programs are looked for. What is relative would be looked for wherever the model says the command runs, so the
/// allowlist leaves it out.
pub(super) fn search_path(env: &Env, settings: &ExecSettings, security: Security) -> String {
    let inherited = env.raw("PATH");
    let folders =
        settings.path_prepend.iter().map(String::as_str).chain(inherited.iter().flat_map(|path| path.split(':')));
    let kept: Vec<&str> = folders.filter(|folder| security != Security::Allowlist || folder.starts_with('/')).collect();
    if kept.is_empty() { USUAL_PATH.to_owned() } else { kept.join(":") }
}

fn check(name: &str, value: &str, security: Security) -> Result<(), String> {
    let legal = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
    let upper = name.to_ascii_uppercase();
    if !legal || DECISIVE.contains(&upper.as_str()) || DECISIVE_STARTS.iter().any(|start| upper.starts_with(start)) {
        return Err(format!("the command was not run: `env` may not set `{name}`, which decides what code runs"));
    }
    let cosmetic = COSMETIC.contains(&upper.as_str()) || upper.starts_with("LC_");
    if security == Security::Allowlist && !cosmetic {
        return Err(format!(
            "the command was not run: under tools.exec.security `allowlist`, `env` may only set {} and LC_*, not `{name}`",
            COSMETIC.join(", ")
        ));
    }
    Ok(())
}

fn set(vars: &mut Vec<(String, String)>, name: String, value: String) {
    vars.retain(|(known, _)| *known != name);
    vars.push((name, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(security: Security, asked: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        let env = Env::of([
            ("PATH", "/bin"),
            ("HOME", "/h"),
            ("OPENCLAW_GATEWAY_TOKEN", "t"),
            ("OPENCLAW_GATEWAY_PASSWORD", "p"),
            ("ANTHROPIC_API_KEY", "k"),
            ("github_token", "g"),
        ]);
        let settings = ExecSettings { path_prepend: vec!["/opt/bin".into()], ..ExecSettings::default() };
        of_child(&env, &settings, security, asked.iter().map(|(n, v)| ((*n).into(), (*v).into())))
    }

    ///
    #[test]
    fn secrets_stay_behind_and_folders_come_first() {
        let vars = child(Security::Full, &[("MY_VAR", "1")]).unwrap();
        let expected = [("HOME", "/h"), ("PATH", "/opt/bin:/bin"), ("MY_VAR", "1")];
        assert_eq!(vars, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    ///
    #[test]
    fn under_the_allowlist_programs_come_from_absolute_folders_only() {
        let env = Env::of([("PATH", ".:/bin::bin:/usr/bin")]);
        let settings = ExecSettings::default();
        let of = |security| search_path(&env, &settings, security);
        assert_eq!(
            (of(Security::Allowlist), of(Security::Full)),
            ("/bin:/usr/bin".into(), ".:/bin::bin:/usr/bin".into())
        );
    }

    ///
    #[test]
    fn variables_that_choose_code_are_refused() {
        for name in ["PATH", "path", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "A=B", "", "OPENCLAW_HOME"] {
            assert!(child(Security::Full, &[(name, "x")]).is_err(), "{name}");
        }
        assert!(child(Security::Allowlist, &[("RIPGREP_CONFIG_PATH", "x")]).is_err());
        assert!(child(Security::Allowlist, &[("LC_ALL", "C"), ("TZ", "UTC")]).is_ok());
    }
}
