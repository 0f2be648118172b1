//! Starts a Gateway for one test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base::{Env, StatePaths};
use config::StartOverrides;
use kit::{Client, Connect, Refused, Tailnet};
use openclaw_gateway::{Gateway, Limits, Options, Running};
use serde_json::Value;

/// The shared token of every test Gateway that has one.
pub(crate) const TOKEN: &str = "test-token-0123456789abcdef";

const TOKEN_MODE: &str = r#"{gateway: {mode: "local", auth: {mode: "token", token: "test-token-0123456789abcdef"}}}"#;

/// A running Gateway with its own state folder.
pub(crate) struct House {
    running: Running,
    file: PathBuf,
    _state: tempfile::TempDir,
}

impl House {
    /// In token mode.
    pub(crate) async fn start() -> Self {
        Self::with(TOKEN_MODE).await
    }

    /// In token mode, with these limits on each connection.
    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::made(TOKEN_MODE, limits, "").await
    }

    /// With this config file.
    pub(crate) async fn with(config: &str) -> Self {
        Self::made(config, Limits::default(), "").await
    }

    /// With this config file, on a machine of this tailnet.
    pub(crate) async fn on_tailnet(config: &str, tailnet: &Tailnet) -> Self {
        Self::made(config, Limits::default(), &tailnet.path()).await
    }

    /// With this config file, these limits on each connection, and this search path.
    pub(crate) async fn made(config: &str, limits: Limits, path: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let (env, paths) = places(state.path(), path);
        base::ensure_private_dir(&paths.state_dir).unwrap();
        std::fs::write(&paths.config_file, config).unwrap();
        Self::in_state(state, env, paths, limits).await
    }

    /// Stops it and starts another one on the same state, with `meanwhile` done to it in between.
    pub(crate) async fn again(self, meanwhile: impl AsyncFnOnce(&StatePaths)) -> Self {
        let Self { running, _state: state, .. } = self;
        running.stop(false).await;
        let (env, paths) = places(state.path(), "");
        meanwhile(&paths).await;
        Self::in_state(state, env, paths, Limits::default()).await
    }

    async fn in_state(state: tempfile::TempDir, env: Env, paths: StatePaths, limits: Limits) -> Self {
        let file = paths.config_file.clone();
        let config = config::load(&paths.config_file, &env).unwrap();
        let options = Options {
            paths,
            env,
            config,
            overrides: StartOverrides::default(),
            port: Some(0),
            version: "0.0.0-test".into(),
            allow_unconfigured: false,
            limits,
        };
        Self { running: Gateway::start(options).await.unwrap(), file, _state: state }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.addresses[0]
    }

    /// Where its Bridge listens.
    pub(crate) fn bridge(&self) -> SocketAddr {
        self.running.bridge[0]
    }

    /// Every address of its Bridge.
    pub(crate) fn bridges(&self) -> &[SocketAddr] {
        &self.running.bridge
    }

    /// A client that is let in.
    pub(crate) async fn client(&self, with: &Connect) -> Client {
        Client::connect(self.address(), with).await.expect("this client is let in")
    }

    /// The owner's backend helper.
    pub(crate) async fn owner(&self) -> Client {
        self.client(&Connect::backend(TOKEN)).await
    }

    /// The refusal of a client that is not let in.
    pub(crate) async fn refused(&self, with: &Connect) -> Refused {
        match Client::connect(self.address(), with).await {
            Ok(_) => panic!("this client should not be let in"),
            Err(refused) => refused,
        }
    }

    /// `details.code` of the refusal, and the close code.
    pub(crate) async fn refusal(&self, with: &Connect) -> (String, u16) {
        let refused = self.refused(with).await;
        let error = refused.error.expect("a refusal is answered");
        (error.detail_code().unwrap_or_default().to_owned(), refused.close.code)
    }

    /// The token made for this run.
    pub(crate) fn run_token(&self) -> String {
        self.running.token.as_ref().unwrap().expose().to_owned()
    }

    /// Its state folder.
    pub(crate) fn state(&self) -> &Path {
        self.file.parent().unwrap()
    }

    /// Its config file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Puts another config in its place, as editors do.
    pub(crate) fn rewrite(&self, config: &str) {
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, config).unwrap();
        std::fs::rename(&beside, &self.file).unwrap();
    }

    /// Resolves when it asks to be restarted.
    pub(crate) async fn restart_wanted(&self) {
        self.running.restart_wanted().await;
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        self.running.stop(false).await;
    }

    /// One HTTP request written by hand; the whole answer as text.
    pub(crate) async fn http(&self, head: &str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn places(home: &Path, path: &str) -> (Env, StatePaths) {
    let env = Env::of([("HOME", home.to_str().unwrap()), ("PATH", path)]);
    let paths = StatePaths::resolve(&env, None).unwrap();
    (env, paths)
}

/// A member of an error's details.
pub(crate) fn detail<'r>(refused: &'r Refused, key: &str) -> &'r Value {
    &refused.error.as_ref().unwrap().details.as_ref().unwrap()[key]
}

/// The whole next frame of the event `name`.
pub(crate) async fn frame(client: &mut Client, name: &str) -> Value {
    client.take(|frame| frame["event"] == name).await.expect("the event comes")
}
