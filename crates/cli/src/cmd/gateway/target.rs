//! `openclaw gateway target`: which Gateway commands would reach, and where each part of that came from (CRED-13).

use serde_json::json;

use crate::app::App;
use crate::args::Reach;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// Show which Gateway commands would reach, and why
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Gateway of this host on this port
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let way = rpc::way(app, &args.reach, args.port, true)?;
    let explicit = [way.token_source, way.password_source].contains(&Some("command line"));
    let way = if explicit { way } else { rpc::by_local_socket(app, way) };
    let identity = app.paths.device_identity();
    let tokens = link::TokenStore::beside(&identity);
    let device = link::Device::load(&identity)?;
    let stored = device.and_then(|device| tokens.get(&way.target.origin(), device.id(), wire::Role::Operator));
    let value = json!({
        "url": link::shown(way.target.url()), "urlSource": way.target.source().as_str(),
        "transport": way.target.transport(), "ssh": way.target.ssh().map(|route| json!({
            "target": route.target.to_string(), "account": route.account.whole(), "remotePort": way.target.port(),
            "backend": route.backend.as_str(),
        })),
        "config": app.config_file(), "profile": app.paths.profile.name(),
        "credentials": {"token": way.token_source, "password": way.password_source},
        "deviceToken": stored.is_some(), "tlsPinSource": way.pin.map(|(_, source)| source.as_str()),
        "tlsPin": way.pin.map(|(pin, _)| pin.to_string()), "warnings": way.warnings,
    });
    app.out.either(&value, || {
        let or_none = |source: Option<&'static str>| source.unwrap_or("none").to_owned();
        table::pairs([
            ("Gateway target:", way.target.to_string()),
            ("Source:", way.target.source().to_string()),
            ("Transport:", transport(&way.target)),
            ("Config:", app.config_file().display().to_string()),
            ("Token from:", or_none(way.token_source)),
            ("Password from:", or_none(way.password_source)),
            ("TLS pin from:", or_none(way.pin.map(|(_, source)| source.as_str()))),
            ("Device token:", if stored.is_some() { "stored".into() } else { "none".into() }),
        ])
    });
    way.warnings.iter().for_each(|warning| app.out.warn(warning));
    Ok(())
}

/// The way there, and through SSH also who speaks it.
fn transport(target: &link::Target) -> String {
    let by = target.ssh().map(|route| format!(", by {}", route.backend.as_str()));
    format!("{}{}", target.transport(), by.unwrap_or_default())
}
