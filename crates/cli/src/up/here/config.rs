//! A config with a secret of its own, on loopback; what is there is kept.

use super::Here;
use crate::cmd::setup;
use crate::exit::Failure;
use crate::up::plan::{Standing, Step};

pub(super) struct Config;

impl Step<Here<'_>> for Config {
    fn name(&self) -> &'static str {
        "config"
    }

    fn look(&self, cx: &mut Here<'_>) -> Result<Standing, Failure> {
        let file = cx.app.config_file().display();
        let before = config::load(cx.app.config_file(), &cx.app.env)?;
        if before.config.gateway.mode == Some(config::Mode::Remote) {
            let message = format!("`{file}` is that of a client: its Gateway is elsewhere (gateway.mode is remote)");
            return Err(Failure::new("UP_IS_A_CLIENT", message).run("openclaw --profile here up"));
        }
        let port = cx.wanted.port.filter(|port| before.config.gateway.port != Some(*port));
        Ok(match (setup::is_whole(&before), before.exists, port) {
            (true, _, None) => Standing::Done(file.to_string()),
            (true, _, Some(port)) => Standing::ToDo(format!("port {port} into {file}")),
            (false, true, _) => Standing::ToDo(format!("add what is missing to {file}")),
            (false, false, _) => Standing::ToDo(format!("make {file}: loopback, with a token of its own")),
        })
    }

    fn carry_out(&self, cx: &mut Here<'_>) -> Result<String, Failure> {
        let made = setup::create(cx.app, &setup::Wanted::on_port(cx.wanted.port))?;
        let file = cx.app.config_file().display();
        Ok(if made.is_new() { format!("made {file}") } else { format!("brought {file} up to date") })
    }
}
