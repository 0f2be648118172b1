//! The `channels` section: channels by name. Accounts lie over their channel's root key by key, so the program gets the
//! section as JSON; what it may hold is typed all the same, and held against the types when the file is read.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::telegram::TelegramAccount;

/// The section. A channel of the original that has no type here passes as it is.
pub(super) fn section(generator: &mut SchemaGenerator) -> Schema {
    let telegram = with_accounts(&generator.subschema_for::<TelegramAccount>().to_value());
    json_schema!({
        "type": "object",
        "properties": { "telegram": telegram },
        "additionalProperties": { "type": "object" },
    })
}

/// A channel's root: the keys of an account, and accounts.
fn with_accounts(account: &Value) -> Value {
    let mut root = account.clone();
    root["properties"]["accounts"] = json!({ "type": "object", "additionalProperties": account });
    root["properties"]["defaultAccount"] = json!({ "type": "string" });
    root
}
