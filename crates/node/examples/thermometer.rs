//! A node of one's own: the temperature of this machine, for the agent of a Gateway.
//!
//! ```sh
//! cargo run --example thermometer -- ws://127.0.0.1:18789 token.txt
//! openclaw config set gateway.nodes.commands.allow '["thermometer.read"]'
//! openclaw nodes approve --latest --yes
//! openclaw nodes invoke --node thermometer --command thermometer.read --params '{"zone": 0}'
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};

use openclaw_node::{Call, Node, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [url, token_file] = &given[..] else { return Err("which Gateway? thermometer URL TOKEN_FILE".into()) };
    let token = std::fs::read_to_string(token_file)?;
    let node = thermometer(url, token.trim(), Path::new(".thermometer"), "/sys/class/thermal".into())?;
    // Until Ctrl-C ends the process; a Gateway that is away is waited for.
    Ok(node.run(std::future::pending()).await?)
}

/// A node that keeps its key in `folder` and reads the sensors below `sensors`.
pub(crate) fn thermometer(url: &str, token: &str, folder: &Path, sensors: PathBuf) -> Result<Node, Box<dyn Error>> {
    let node = Node::at(url, "thermometer", folder)?.with_token(token);
    let zone = json!({"type": "object", "properties": {"zone": {"type": "integer", "description": "From 0."}}});
    let node = node.as_tool("thermometer.read", "read_thermometer", "How warm this machine is, in degrees.", zone);
    Ok(node.offer("thermometer.read", move |call| read(call, sensors.clone())))
}

#[derive(Deserialize)]
struct Params {
    #[serde(default)]
    zone: u32,
}

async fn read(call: Call, sensors: PathBuf) -> Result<Value, Refusal> {
    let Params { zone } = call.read()?;
    let file = sensors.join(format!("thermal_zone{zone}/temp"));
    let text = tokio::fs::read_to_string(&file).await;
    let text = text.map_err(|error| Refusal::unavailable(format!("there is no thermometer {zone}: {error}")))?;
    let thousandths: f64 = text.trim().parse().map_err(|_| Refusal::unavailable("it shows no number"))?;
    Ok(json!({"celsius": thousandths / 1000.0}))
}
