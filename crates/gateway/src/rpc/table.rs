//! Joins methods to functions. A row takes its name and types from the contract in `wire`, so it cannot lie; two rows
//! of one name, or one the protocol does not know, are a mistake found when the table is built.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use serde_json::Value;
use serde_json::value::RawValue;
use wire::methods::{self, Method};
use wire::{ErrorShape, params};

use super::cx::Cx;
use super::staged::{First, Reply, StagedError};

/// A handler at work; it answers through the [`Reply`] it was given.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

type Start = Box<dyn Fn(Cx, Option<&RawValue>, Reply) -> Result<Work, ErrorShape> + Send + Sync>;

/// A function that can stand behind the method `M`.
pub(crate) trait Handle<M: Method>: Send + Sync + Clone + 'static {
    /// Runs it.
    fn call(&self, cx: Cx, params: M::Params) -> impl Future<Output = Result<M::Result, ErrorShape>> + Send + 'static;
}

impl<M, F, Fut> Handle<M> for F
where
    M: Method,
    F: Fn(Cx, M::Params) -> Fut + Send + Sync + Clone + 'static,
    Fut: Future<Output = Result<M::Result, ErrorShape>> + Send + 'static,
{
    fn call(&self, cx: Cx, params: M::Params) -> impl Future<Output = Result<M::Result, ErrorShape>> + Send + 'static {
        self(cx, params)
    }
}

/// A function that can stand behind a method that answers twice.
pub(crate) trait HandleStaged<M: Method>: Send + Sync + Clone + 'static {
    /// Runs it.
    fn call(
        &self,
        cx: Cx,
        params: M::Params,
        first: First,
    ) -> impl Future<Output = Result<Value, StagedError>> + Send + 'static;
}

impl<M, F, Fut> HandleStaged<M> for F
where
    M: Method,
    F: Fn(Cx, M::Params, First) -> Fut + Send + Sync + Clone + 'static,
    Fut: Future<Output = Result<Value, StagedError>> + Send + 'static,
{
    fn call(
        &self,
        cx: Cx,
        params: M::Params,
        first: First,
    ) -> impl Future<Output = Result<Value, StagedError>> + Send + 'static {
        self(cx, params, first)
    }
}

/// A function that answers in the middle of its work, so that the answer comes before everything the work causes.
pub(crate) trait HandleEarly<M: Method>: Send + Sync + Clone + 'static {
    /// Runs it. An error is an answer too, and only comes when [`First`] was not used.
    fn call(
        &self,
        cx: Cx,
        params: M::Params,
        first: First,
    ) -> impl Future<Output = Result<(), ErrorShape>> + Send + 'static;
}

impl<M, F, Fut> HandleEarly<M> for F
where
    M: Method,
    F: Fn(Cx, M::Params, First) -> Fut + Send + Sync + Clone + 'static,
    Fut: Future<Output = Result<(), ErrorShape>> + Send + 'static,
{
    fn call(
        &self,
        cx: Cx,
        params: M::Params,
        first: First,
    ) -> impl Future<Output = Result<(), ErrorShape>> + Send + 'static {
        self(cx, params, first)
    }
}

/// Every method this Gateway handles.
#[derive(Default)]
pub(crate) struct Table {
    rows: HashMap<&'static str, Start>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Joins the method `M` to a function.
    #[must_use]
    pub(crate) fn on<M: Method + 'static>(self, handler: impl Handle<M>) -> Self {
        self.row(
            M::NAME,
            Box::new(move |cx, raw, reply| {
                let after = cx.after.clone();
                let work = handler.call(cx, params::decode(M::NAME, raw)?);
                Ok(Box::pin(async move {
                    match work.await {
                        Ok(result) => reply.ok(&result),
                        Err(error) => reply.error(&error, None),
                    }
                    after.run();
                }))
            }),
        )
    }

    /// Joins a method that answers twice to a function.
    #[must_use]
    pub(crate) fn staged<M: Method + 'static>(self, handler: impl HandleStaged<M>) -> Self {
        self.row(
            M::NAME,
            Box::new(move |cx, raw, reply| {
                let work = handler.call(cx, params::decode(M::NAME, raw)?, First(reply.clone()));
                Ok(Box::pin(async move {
                    match work.await {
                        Ok(result) => reply.ok(&result),
                        Err(StagedError { error, payload }) => reply.error(&error, payload.as_ref()),
                    }
                }))
            }),
        )
    }

    /// Joins a method that answers in the middle of its work to a function.
    #[must_use]
    pub(crate) fn early<M: Method + 'static>(self, handler: impl HandleEarly<M>) -> Self {
        self.row(
            M::NAME,
            Box::new(move |cx, raw, reply| {
                let work = handler.call(cx, params::decode(M::NAME, raw)?, First(reply.clone()));
                Ok(Box::pin(async move {
                    if let Err(error) = work.await {
                        reply.error(&error, None);
                    }
                }))
            }),
        )
    }

    fn row(mut self, name: &'static str, start: Start) -> Self {
        assert!(methods::find(name).is_some(), "`{name}` is not a method of the protocol");
        assert!(self.rows.insert(name, start).is_none(), "`{name}` is handled twice");
        self
    }

    /// Whether a function stands behind `name`.
    pub(crate) fn handles(&self, name: &str) -> bool {
        self.rows.contains_key(name)
    }

    /// The handled and listed methods in the order of the protocol's table: `hello-ok.features.methods`.
    pub(crate) fn listed(&self) -> Vec<String> {
        let rows = methods::table::ALL.iter().filter(|row| !row.unlisted && self.handles(row.name));
        rows.map(|row| row.name.to_owned()).collect()
    }

    /// Starts the work of `name`; `None` when nothing stands behind it.
    pub(super) fn start(
        &self,
        name: &str,
        cx: Cx,
        raw: Option<&RawValue>,
        reply: Reply,
    ) -> Option<Result<Work, ErrorShape>> {
        Some(self.rows.get(name)?(cx, raw, reply))
    }
}
