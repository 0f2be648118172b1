//! `openclaw gateway auth-token`: which shared secret counts and where it comes from; the secret itself only when asked
//! for by name, on a terminal (CLI-14).

use config::{AuthMode, SecretSource, StartOverrides};
use serde_json::json;

use crate::app::App;
use crate::exit::Failure;
use crate::out;

/// Say which shared secret the Gateway uses
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the secret (on a terminal only)
    #[arg(long)]
    show: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let loaded = app.config()?;
    let auth = config::effective_auth(&loaded.config, &StartOverrides::default(), &app.env)?;
    let selected = auth.selected();
    if args.show {
        if !app.out.is_terminal || app.out.json {
            return Err(Failure::usage("--show prints a secret, and does so on a terminal only"));
        }
        let missing = || Failure::new("NO_SHARED_SECRET", "the Gateway has no shared secret").run("openclaw setup");
        out::say(selected.ok_or_else(missing)?.secret.expose());
        return Ok(());
    }
    let mode = match auth.mode {
        AuthMode::Token => "token",
        AuthMode::Password => "password",
        AuthMode::None => "none",
        AuthMode::TrustedProxy => "trusted-proxy",
    };
    let source = selected.map(|sourced| match sourced.source {
        SecretSource::Flag => "command line".to_owned(),
        SecretSource::Config => format!("gateway.auth.{mode} in {}", app.config_file().display()),
        SecretSource::Env => format!("env OPENCLAW_GATEWAY_{}", mode.to_uppercase()),
    });
    app.out.either(&json!({"mode": mode, "source": source, "configured": selected.is_some()}), || match &source {
        Some(source) => format!("{mode} from {source}\nnext: openclaw gateway auth-token --show"),
        None => format!("mode {mode}, no shared secret\nnext: openclaw setup"),
    });
    Ok(())
}
