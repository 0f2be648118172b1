//! Speech into text by a provider the config has.

use std::time::Duration;

use super::{Catalog, endpoint};
use crate::providers::{self, Sound};

impl Catalog {
    /// What `model` of `provider` hears in `sound`.
    ///
    /// # Errors
    /// Why not, in a few words without any secret.
    pub async fn hear(&self, provider: &str, model: &str, sound: Sound, patience: Duration) -> Result<String, String> {
        let unknown = || format!("there is no provider {provider}");
        let entry = self.provider(provider, &self.locals.remembered()).ok_or_else(unknown)?;
        let endpoint = endpoint(&entry, &entry.model(model)).map_err(|error| error.to_string())?;
        providers::transcribe(&endpoint, &self.http, model, sound, patience).await
    }
}
