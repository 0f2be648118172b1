//! The last step to runtime values: old spellings folded into the new ones, notes about secrets attached.

use crate::Config;
use crate::secrets::SecretNotes;

/// Finishes a freshly read config.
pub(crate) fn finish(mut config: Config, secrets: SecretNotes) -> Config {
    let nodes = &mut config.gateway.nodes;
    nodes.commands.allow.append(&mut nodes.allow_commands);
    nodes.commands.deny.append(&mut nodes.deny_commands);
    config.secrets = secrets;
    config
}
