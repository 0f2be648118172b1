//! Device tokens this machine was given, `identity/device-auth.json`: one per Gateway origin and role, never sent to
//! another origin (CRED-3).

use std::path::{Path, PathBuf};

use base::Secret;
use serde_json::{Map, Value, json};
use wire::Role;

use crate::error::IdentityError;

/// The file, read anew for each question: another process may have changed it.
#[derive(Debug, Clone)]
pub struct TokenStore {
    file: PathBuf,
}

/// A token and what it is good for.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The token.
    pub token: Secret,
    /// The scopes it was issued with.
    pub scopes: Vec<String>,
}

impl TokenStore {
    /// The tokens beside the identity file `device_identity`.
    pub fn beside(device_identity: &Path) -> Self {
        Self { file: device_identity.with_file_name("device-auth.json") }
    }

    /// The token of `device` for `role` at `origin`.
    pub fn get(&self, origin: &str, device: &str, role: Role) -> Option<StoredToken> {
        let root = self.read();
        if root.get("deviceId")?.as_str()? != device {
            return None;
        }
        let entry = root.get("origins")?.get(origin)?.get(role.as_str())?;
        let scopes = entry.get("scopes").and_then(Value::as_array);
        Some(StoredToken {
            token: Secret::new(entry.get("token")?.as_str()?),
            scopes: scopes.into_iter().flatten().filter_map(|scope| scope.as_str().map(str::to_owned)).collect(),
        })
    }

    /// Keeps `token`; the tokens of another device are dropped, since they can never be used again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, origin: &str, device: &str, role: Role, token: &StoredToken) -> Result<(), IdentityError> {
        let mut root = self.read();
        if root.get("deviceId").and_then(Value::as_str) != Some(device) {
            root = Map::new();
        }
        root.insert("version".into(), json!(1));
        root.insert("deviceId".into(), json!(device));
        let entry = json!({"token": token.token.expose(), "role": role.as_str(), "scopes": token.scopes,
            "updatedAtMs": base::now_ms()});
        object(object(&mut root, "origins"), origin).insert(role.as_str().into(), entry);
        self.write(&root)
    }

    /// Forgets the token of `role` at `origin`, after the Gateway called it wrong (AUTH-11).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget(&self, origin: &str, role: Role) -> Result<(), IdentityError> {
        let mut root = self.read();
        object(object(&mut root, "origins"), origin).remove(role.as_str());
        self.write(&root)
    }

    /// What is in the file; a file that cannot be read as an object counts as none, it only costs a new token.
    fn read(&self) -> Map<String, Value> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn write(&self, root: &Map<String, Value>) -> Result<(), IdentityError> {
        let written = || -> std::io::Result<()> {
            if let Some(folder) = self.file.parent() {
                base::ensure_private_dir(folder)?;
            }
            base::write_atomic(&self.file, &serde_json::to_vec_pretty(root)?)
        };
        written().map_err(|source| IdentityError::Io { file: self.file.clone(), source })
    }
}

/// The object under `key`, made (or made an object) when it is not there.
fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = parent.entry(key.to_owned()).or_insert_with(|| json!({}));
    if !slot.is_object() {
        *slot = json!({});
    }
    match slot {
        Value::Object(map) => map,
        _ => unreachable!("the line above made it an object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// CRED-3
    #[test]
    fn a_token_belongs_to_one_origin_one_device_and_one_role() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::beside(&folder.path().join("identity/device.json"));
        let token = StoredToken { token: Secret::new("t1"), scopes: vec!["operator.read".into()] };
        store.put("ws://a:1", "dev", Role::Operator, &token).unwrap();
        let found = store.get("ws://a:1", "dev", Role::Operator).unwrap();
        assert_eq!((found.token.expose(), found.scopes), ("t1", token.scopes.clone()));
        assert!(store.get("ws://a:2", "dev", Role::Operator).is_none());
        assert!(store.get("ws://a:1", "other", Role::Operator).is_none());
        assert!(store.get("ws://a:1", "dev", Role::Node).is_none());
        let file = folder.path().join("identity/device-auth.json");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        store.forget("ws://a:1", Role::Operator).unwrap();
        assert!(store.get("ws://a:1", "dev", Role::Operator).is_none());
    }

    #[test]
    fn a_damaged_file_counts_as_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::beside(&folder.path().join("device.json"));
        std::fs::write(folder.path().join("device-auth.json"), "[]").unwrap();
        assert!(store.get("o", "d", Role::Operator).is_none());
        let token = StoredToken { token: Secret::new("t"), scopes: vec![] };
        store.put("o", "d", Role::Operator, &token).unwrap();
        assert!(store.get("o", "d", Role::Operator).is_some());
    }
}
