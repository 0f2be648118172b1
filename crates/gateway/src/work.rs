//! The half of the Gateway that works: agents, models, tools, the run queue and what clients hear of it, in order.

use std::sync::Arc;

use agent::ports::Ports;
use agent::providers::Http;
use agent::tools::Toolbox;
use store::Store;
use tokio::sync::mpsc;

use crate::agents::Agents;
use crate::config_now::ConfigNow;
use crate::display::rows::Rows;
use crate::driving::{Driving, toolbox};
use crate::hub::Hub;
use crate::lanes::{Followed, Lanes, News, Runs};
use crate::models::Models;

/// The parts that work.
pub(crate) struct Work {
    /// The agents and their sessions' keys.
    pub(crate) agents: Agents,
    /// What can answer.
    pub(crate) models: Models,
    /// What the agent can do.
    pub(crate) toolbox: Toolbox,
    /// Sessions as clients see them.
    pub(crate) rows: Rows,
    /// What clients hear of runs and sessions.
    pub(crate) news: News,
    /// The run queue.
    pub(crate) lanes: Lanes,
    /// The runs whose answers go to chats.
    pub(crate) followed: mpsc::UnboundedReceiver<Followed>,
}

impl Work {
    /// Builds them over the parts below.
    pub(crate) fn new(config: &ConfigNow, store: &Store, hub: &Hub, ports: Ports, version: &str) -> Self {
        let (values, env) = (config.current(), config.env());
        let agents = Agents::new(config.clone(), env.clone());
        let models = Models::new(agents.clone(), env.clone(), Arc::new(Http::default()));
        let toolbox = toolbox(&agents, store.clone(), models.clone(), ports.clone(), version);
        let (runs, followed) = Runs::followed();
        let rows = Rows::new(runs.clone(), agents.clone(), models.clone());
        let news = News::new(hub.clone(), store.clone(), rows.clone());
        let driving = Driving {
            store: store.clone(),
            agents: agents.clone(),
            models: models.clone(),
            toolbox: toolbox.clone(),
            nodes: ports.nodes.clone(),
            env: env.clone(),
        };
        let places = values.agents.defaults.max_concurrent;
        let lanes = Lanes::new(store.clone(), news.clone(), runs, driving.into_drive(), places);
        Self { agents, models, toolbox, rows, news, lanes, followed }
    }
}
