//! What nodes publish beside their commands: tools and skills. It lives as long as the connection, and counts as
//! far as the node's surface is approved and the policy allows the command behind it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent::ports::PublishedTool;
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::node::{MCP_COMMAND, SkillDescriptor, ToolDescriptor};

use super::{Live, Nodes};
use crate::rpc::ConnId;

/// Most tools of one node, and of its skills.
const TOOLS_MAX: usize = 64;
const SKILLS_MAX: usize = 64;
/// Longest name, description and schema of a tool.
const NAME_MAX: usize = 64;
const DESCRIPTION_MAX_CHARS: usize = 4_096;
const PARAMETERS_MAX_BYTES: usize = 16 * 1024;
const WORD_MAX_BYTES: usize = 256;
/// Longest description and text of a skill.
const SKILL_DESCRIPTION_MAX_CHARS: usize = 1_024;
const SKILL_CONTENT_MAX_CHARS: usize = 65_536;
/// What a node may keep here altogether.
const SKILLS_MAX_BYTES: usize = 1024 * 1024;
/// Commands that have rules of their own and stand behind no tool.
const OWN_WAY: [&str; 3] = ["system.", "browser.proxy", "worker."];

/// What each connection publishes.
#[derive(Default)]
pub(super) struct Published(Mutex<HashMap<ConnId, Offer>>);

#[derive(Default, Clone)]
struct Offer {
    tools: Vec<ToolDescriptor>,
    skills: Vec<SkillDescriptor>,
}

impl Published {
    /// The connection is gone, and its offer with it.
    pub(super) fn forget(&self, conn_id: ConnId) {
        self.lock().remove(&conn_id);
    }

    fn of(&self, conn_id: ConnId) -> Offer {
        self.lock().get(&conn_id).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConnId, Offer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nodes {
    /// A node publishes these tools and no others.
    ///
    /// # Errors
    /// `INVALID_REQUEST` naming the tool; then what it published before stays.
    pub(crate) fn publish_tools(
        &self,
        node: &Live,
        tools: Vec<ToolDescriptor>,
    ) -> Result<Vec<ToolDescriptor>, ErrorShape> {
        if tools.len() > TOOLS_MAX {
            return Err(refused("/tools", &format!("at most {TOOLS_MAX}")));
        }
        for (at, tool) in tools.iter().enumerate() {
            check_tool(tool).map_err(|why| refused(&format!("/tools/{at}"), why))?;
        }
        self.0.published.lock().entry(node.caller.conn_id).or_default().tools.clone_from(&tools);
        Ok(tools)
    }

    /// A node publishes these skills and no others.
    ///
    /// # Errors
    /// As [`Nodes::publish_tools`].
    pub(crate) fn publish_skills(
        &self,
        node: &Live,
        skills: Vec<SkillDescriptor>,
    ) -> Result<Vec<SkillDescriptor>, ErrorShape> {
        let bytes: usize = skills.iter().map(|skill| skill.content.len()).sum();
        if skills.len() > SKILLS_MAX || bytes > SKILLS_MAX_BYTES {
            return Err(refused("/skills", &format!("at most {SKILLS_MAX}, and {SKILLS_MAX_BYTES} bytes altogether")));
        }
        for (at, skill) in skills.iter().enumerate() {
            check_skill(skill).map_err(|why| refused(&format!("/skills/{at}"), why))?;
        }
        self.0.published.lock().entry(node.caller.conn_id).or_default().skills.clone_from(&skills);
        Ok(skills)
    }

    /// The tools of a connected node that may be used.
    pub(super) fn tools_of(&self, node: &Live) -> Vec<ToolDescriptor> {
        let policy = self.policy();
        let may = |tool: &ToolDescriptor| {
            policy.judge(node.platform(), &node.declared, node.approved.as_ref(), command_of(tool)).is_ok()
        };
        self.0.published.of(node.caller.conn_id).tools.into_iter().filter(may).collect()
    }

    /// The skills of a connected node, once its surface was approved.
    pub(super) fn skills_of(&self, node: &Live) -> Vec<SkillDescriptor> {
        if node.approved.is_none() {
            return Vec::new();
        }
        self.0.published.of(node.caller.conn_id).skills
    }

    /// Every tool that may be used now, by node and then in the node's order.
    pub(super) fn published_tools(&self) -> Vec<PublishedTool> {
        let mut nodes: Vec<(String, Arc<Live>)> =
            self.live().iter().map(|(id, live)| (id.clone(), live.clone())).collect();
        nodes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let told = |node_id: String, tool: ToolDescriptor| PublishedTool {
            command: command_of(&tool).to_owned(),
            parameters: tool.parameters.map_or_else(|| json!({"type": "object"}), Value::Object),
            mcp: tool.mcp.map(|mcp| (mcp.server, mcp.tool)),
            name: tool.name,
            description: tool.description,
            node_id,
        };
        let each = nodes.into_iter().flat_map(|(id, live)| {
            let tools = self.tools_of(&live).into_iter();
            tools.map(move |tool| (id.clone(), tool)).collect::<Vec<_>>()
        });
        each.map(|(id, tool)| told(id, tool)).collect()
    }
}

fn command_of(tool: &ToolDescriptor) -> &str {
    tool.command.as_deref().map(str::trim).filter(|command| !command.is_empty()).unwrap_or(MCP_COMMAND)
}

fn check_tool(tool: &ToolDescriptor) -> Result<(), &'static str> {
    let mut letters = tool.name.chars();
    let begins_well = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    if !begins_well || tool.name.len() > NAME_MAX || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    {
        return Err("/name: a letter, then letters, digits, `_` and `-`; at most 64");
    }
    if tool.plugin_id.trim().is_empty() || tool.plugin_id.len() > WORD_MAX_BYTES {
        return Err("/pluginId: 1 to 256 bytes");
    }
    if tool.description.trim().is_empty() || tool.description.chars().count() > DESCRIPTION_MAX_CHARS {
        return Err("/description: 1 to 4096 characters");
    }
    let schema = tool.parameters.as_ref();
    if schema.is_some_and(|schema| {
        schema.iter().map(|(key, value)| key.len() + value.to_string().len()).sum::<usize>() > PARAMETERS_MAX_BYTES
    }) {
        return Err("/parameters: at most 16384 bytes");
    }
    if let Some(mcp) = &tool.mcp
        && [&mcp.server, &mcp.tool].iter().any(|word| word.trim().is_empty() || word.len() > WORD_MAX_BYTES)
    {
        return Err("/mcp: server and tool of 1 to 256 bytes");
    }
    match (tool.command.as_deref().map(str::trim), &tool.mcp) {
        (None, None) => Err("/command: a tool names a command or an mcp tool"),
        (Some(command), _) if OWN_WAY.iter().any(|family| command.starts_with(family)) => {
            Err("/command: this command stands behind no tool")
        }
        (Some(command), Some(_)) if command != MCP_COMMAND => Err("/command: an mcp tool is run by mcp.tools.call.v1"),
        _ => Ok(()),
    }
}

fn check_skill(skill: &SkillDescriptor) -> Result<(), &'static str> {
    let name = &skill.name;
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_plain = (1..=NAME_MAX).contains(&name.len()) && name.chars().all(legal);
    if !is_plain || name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        return Err("/name: lower-case words joined by single `-`; at most 64");
    }
    if skill.description.is_empty() || skill.description.chars().count() > SKILL_DESCRIPTION_MAX_CHARS {
        return Err("/description: 1 to 1024 characters");
    }
    if skill.content.is_empty() || skill.content.chars().count() > SKILL_CONTENT_MAX_CHARS {
        return Err("/content: 1 to 65536 characters");
    }
    Ok(())
}

fn refused(place: &str, why: &str) -> ErrorShape {
    let gap = if why.starts_with('/') { "" } else { ": " };
    ErrorShape::invalid(format!("invalid params: at {place}{gap}{why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(change: impl FnOnce(&mut Value)) -> ToolDescriptor {
        let mut tool = json!({"pluginId": "p", "name": "search", "description": "Finds.",
            "mcp": {"server": "s", "tool": "t"}});
        change(&mut tool);
        serde_json::from_value(tool).unwrap()
    }

    ///
    #[test]
    fn a_tool_is_bounded_and_stands_for_a_plain_command() {
        assert_eq!(check_tool(&tool(|_| ())), Ok(()));
        assert_eq!(check_tool(&tool(|tool| tool["parameters"] = json!({"type": "object"}))), Ok(()));
        let bad: [(&str, Value); 9] = [
            ("/name", json!("9lives")),
            ("/name", json!("a b")),
            ("/name", json!("a".repeat(65))),
            ("/pluginId", json!(" ")),
            ("/description", json!("x".repeat(5000))),
            ("/parameters", json!({"x": "y".repeat(17_000)})),
            ("/mcp", json!({"server": "", "tool": "t"})),
            ("/command", json!("system.run")),
            ("/command", json!("camera.snap")),
        ];
        for (place, value) in bad {
            let refused = check_tool(&tool(|tool| tool[&place[1..]] = value)).unwrap_err();
            assert!(refused.starts_with(place), "{refused}");
        }
        assert!(check_tool(&tool(|tool| tool["mcp"] = json!(null))).unwrap_err().starts_with("/command"));
    }

    ///
    #[test]
    fn a_skill_is_bounded() {
        let skill = |name: &str, content: usize| SkillDescriptor {
            name: name.into(),
            description: "d".into(),
            content: "x".repeat(content),
        };
        assert_eq!(check_skill(&skill("make-tea", 9)), Ok(()));
        for name in ["", "-a", "a-", "a--b", "A", "é", "a/b"] {
            assert!(check_skill(&skill(name, 9)).is_err(), "{name}");
        }
        assert!(check_skill(&skill("a", 65_537)).is_err() && check_skill(&skill("a", 0)).is_err());
    }
}
