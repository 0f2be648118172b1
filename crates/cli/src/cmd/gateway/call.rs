//! `openclaw gateway call METHOD`: any method of the protocol (PROBE-14, CRED-11).

use serde_json::Value;

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

/// Call any method of the protocol
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The method, such as `status` or `sessions.list`
    method: String,
    /// Its params, a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// Fail unless this is the Gateway the flags and the config mean
    #[arg(long, value_name = "URL")]
    expect_url: Option<String>,
    /// Gateway of this host on this port
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let params: Value =
        serde_json::from_str(&args.params).map_err(|error| Failure::usage(format!("--params is not JSON: {error}")))?;
    if !params.is_object() {
        return Err(Failure::usage("--params must be a JSON object"));
    }
    if let Some(expected) = &args.expect_url {
        let way = rpc::way(app, &args.rpc.reach, args.port, false)?;
        let expected = link::Target::parse(expected, link::Source::Flag)?;
        if link::shown(expected.url()) != link::shown(way.target.url()) {
            let message = format!("the Gateway would be {} and not {expected}", way.target);
            return Err(Failure::new("UNEXPECTED_TARGET", message).run("openclaw gateway target"));
        }
    }
    let answer = match args.rpc.reach.expect_final {
        true => call_final(app, args, params)?,
        false => rpc::call_at(app, &args.rpc, args.port, &args.method, Some(params))?,
    };
    if app.out.json {
        app.out.value(&answer);
    } else {
        out::say(&format!("Gateway call: {}", args.method));
        out::say(&serde_json::to_string_pretty(&answer).unwrap_or_default());
    }
    Ok(())
}

fn call_final(app: &App, args: &Args, params: Value) -> Result<Value, Failure> {
    let want = Want::of(&args.method, args.rpc.timeout_or(rpc::TIMEOUT));
    rpc::block_on(async {
        let budget = rpc::Budget::of(want.timeout);
        let connection = rpc::open(app, &args.rpc.reach, args.port, &want).await?;
        let at = |error: link::CallError| Failure::call(&error).at(&connection.place);
        let staged =
            budget.within(&args.method, connection.client.expect_final(&args.method, params)).await.map_err(at)?;
        let response = staged.last(budget.left()).await.map_err(at)?;
        if let Some(error) = response.error {
            return Err(at(link::CallError::Answered { method: args.method.clone(), error: Box::new(error) }));
        }
        let raw = response.payload.unwrap_or_default();
        let unreadable = |source| at(link::CallError::Unreadable { method: args.method.clone(), source });
        serde_json::from_str(raw.get()).map_err(unreadable)
    })
}
