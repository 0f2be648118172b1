//! What a node offers: commands by name, each with a function that answers.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use crate::commands::Refusal;
pub use crate::serve::Voice;

/// One call of a command.
#[derive(Debug)]
pub struct Call {
    /// The command's params as they came; `null` when there were none.
    pub params: Value,
    /// The way back, before the answer.
    pub voice: Voice,
}

impl Call {
    /// The params as the command's own type; none are an empty object.
    ///
    /// # Errors
    /// `INVALID_REQUEST`, which says what is wrong with them.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        crate::commands::read(self.params.clone())
    }
}

/// One command that a node offers.
pub(crate) trait Offer: Send + Sync {
    /// Its name, such as `thermometer.read`.
    fn name(&self) -> &str;
    /// The family it belongs to, such as `thermometer`; what the node's `caps` say.
    fn cap(&self) -> &str;
    /// Answers. Dropping the future stops whatever it has begun.
    fn handle(&self, call: Call) -> BoxFuture<'static, Result<Value, Refusal>>;
}

/// A command that is a function.
struct Plain<F> {
    name: String,
    answer: F,
}

/// A command called `name` that `answer` answers; its family is what stands before the first dot.
pub(crate) fn plain<F, A>(name: &str, answer: F) -> Arc<dyn Offer>
where
    F: Fn(Call) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Value, Refusal>> + Send + 'static,
{
    Arc::new(Plain { name: name.to_owned(), answer })
}

impl<F, A> Offer for Plain<F>
where
    F: Fn(Call) -> A + Send + Sync,
    A: Future<Output = Result<Value, Refusal>> + Send + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn cap(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }

    fn handle(&self, call: Call) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin((self.answer)(call))
    }
}
