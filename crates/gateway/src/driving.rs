//! Puts a turn together from an accepted message, the session it is for and the config in force, and drives it.

use std::sync::Arc;

use agent::policy::Layer;
use agent::ports::{Nodes, Ports, Rights};
use agent::prompt::files::Caps;
use agent::run::effect::Silence;
use agent::run::{self, Model, NoModel, TurnDeps};
use agent::tools::{ExecSettings, Processes, ToolDeps, Toolbox};
use base::Env;
use serde_json::Value;
use store::{Input, Store};
use wire::AgentId;

use crate::agents::Agents;
use crate::intake::RunOptions;
use crate::lanes::{Drive, Turn};
use crate::models::{Models, thinking};

/// What a run that a node began may not do (N-7.12): run commands, and change files, which would be the same a little
/// later.
const NOT_FOR_NODES: [&str; 6] = ["group:runtime", "write", "edit", "apply_patch", "gateway", "cron"];

/// A run that goes without the workspace's files.
const NO_FILES: Caps = Caps { file: 0, total: 0 };

/// Everything turns are put together from.
#[derive(Clone)]
pub(crate) struct Driving {
    /// The state.
    pub(crate) store: Store,
    /// The agents and the config in force.
    pub(crate) agents: Agents,
    /// The models.
    pub(crate) models: Models,
    /// The tools.
    pub(crate) toolbox: Toolbox,
    /// The devices that offer commands.
    pub(crate) nodes: Arc<dyn Nodes>,
    /// The Gateway's environment.
    pub(crate) env: Env,
}

impl Driving {
    /// What the lanes call.
    pub(crate) fn into_drive(self) -> Drive {
        Arc::new(move |turn: Turn| {
            let driving = self.clone();
            Box::pin(async move {
                let Turn { input, events, control } = turn;
                let prepared = driving.prepare(&input).await;
                let own = driving.toolbox.with_exec(exec_settings(&driving.agents));
                // What one node began does not reach into another (N-7.12).
                let toolbox = if prepared.rights.from_node { own } else { own.with_published() };
                let deps = TurnDeps { store: driving.store.clone(), toolbox, env: driving.env.clone() };
                run::drive(prepared, &deps, events, control).await
            })
        })
    }

    async fn prepare(&self, input: &Input) -> run::Turn {
        let agent = input.session.agent();
        let options = RunOptions::of(&input.options);
        let config = self.agents.config();
        let session = self.store.session(&input.session).await.unwrap_or_else(|error| {
            tracing::error!(session = %input.session, %error, "a session could not be read; its settings are ignored");
            None
        });
        let chosen = self.models.choose(options.model.as_deref(), session.as_ref(), &agent).await;
        let own = session.as_ref().and_then(|session| session.thinking_level.as_deref());
        let level = options.thinking.as_deref().or(own).or(config.agents.defaults.thinking_default.as_deref());
        let default = self.models.choose(None, None, &agent).await.map(|chosen| chosen.reference()).unwrap_or_default();
        let fallbacks = chosen.as_ref().map(|chosen| chosen.fallbacks.clone()).unwrap_or_default();
        run::Turn {
            fallbacks: self.fallbacks(&fallbacks, &agent).await,
            seed_workspace: !config.agents.defaults.skip_bootstrap,
            timeout: options.timeout(config.agents.defaults.timeout),
            thinking: thinking(level),
            extra_system: options.extra_system_prompt,
            default_model: default,
            active_node: self.nodes.active(),
            tools: self.layers(&agent, options.rights, &options.tools),
            caps: if options.light_context { NO_FILES } else { Caps::default() },
            rights: options.rights,
            silence: if options.may_be_silent { Silence::Allowed } else { Silence::Refused },
            zone: config.agents.defaults.user_timezone.clone(),
            channel: options.channel.unwrap_or_else(|| "webchat".into()),
            ..run::Turn::new(&*input.run_id, chosen.map(Model::from), self.agents.workspace(&agent))
        }
    }
}

impl Driving {
    /// The models to ask when the chosen one fails; one that cannot be called is left out, and its owner told so.
    async fn fallbacks(&self, references: &[String], agent: &AgentId) -> Vec<Model> {
        let mut models = Vec::with_capacity(references.len());
        for reference in references {
            match self.models.choose(Some(reference), None, agent).await {
                Ok(chosen) => models.push(Model::from(chosen)),
                Err(NoModel { hint, .. }) => tracing::warn!(%reference, hint, "a fallback model cannot be called"),
            }
        }
        models
    }

    /// The layers of tool policy: the Gateway's, then the agent's, then the chat's and the
    /// sender's, then what a node may not.
    fn layers(&self, agent: &AgentId, rights: Rights, of_chat: &[Value]) -> Vec<Layer> {
        let config = self.agents.config();
        let first = Layer::from(&config.tools);
        let own = self.agents.entry(agent).and_then(|entry| entry.tools).map(|policy| Layer::from(&policy));
        let deny = || NOT_FOR_NODES.map(str::to_owned).to_vec();
        let reduced = rights.from_node.then(|| Layer { deny: deny(), ..Layer::default() });
        let of_chat = of_chat.iter().map(chat_layer);
        std::iter::once(first).chain(own).chain(of_chat).chain(reduced).collect()
    }
}

/// A layer as the config of a chat writes it; one that cannot be read takes everything away, since it meant to narrow.
fn chat_layer(written: &Value) -> Layer {
    match serde_json::from_value::<config::ToolPolicy>(written.clone()) {
        Ok(policy) => Layer::from(&policy),
        Err(error) => {
            tracing::warn!(%error, "the tool policy of a chat cannot be read; it gets no tools");
            Layer { deny: vec!["*".into()], ..Layer::default() }
        }
    }
}

/// The tools of this Gateway. What `exec` may run is read again for every turn.
pub(crate) fn toolbox(agents: &Agents, store: Store, models: Models, ports: Ports, version: &str) -> Toolbox {
    Toolbox::new(&ToolDeps {
        exec: exec_settings(agents),
        processes: Processes::new(),
        store,
        models: Arc::new(models),
        ports,
        version: version.into(),
    })
}

/// What `exec` may run now.
fn exec_settings(agents: &Agents) -> ExecSettings {
    ExecSettings { approvals: Some(agents.exec_approvals()), ..ExecSettings::from(&agents.config().tools.exec) }
}
