//! TLS on the one port (TLS-1…5, TLS-12, TLS-13): the pair is made or read at the start, looked after while the daemon
//! runs, and shown to every client; a renewal never touches a connection that stands.

mod accept;
mod facts;
mod files;
mod make;
mod pair;
mod renew;
mod rotate;

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use wire::events::tls::TlsNext;

pub use facts::CertFacts;
pub use files::TlsFiles;
pub use pair::TlsError;
pub(crate) use renew::watch;
pub use rotate::{OVERLAP, Rotated, rotate};

use pair::Pair;

/// The certificate in force and what it is served with.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    server: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// What the next client is shown; swapped whole.
#[derive(Debug)]
struct Shown(RwLock<State>);

#[derive(Debug, Clone)]
struct State {
    pair: Arc<Pair>,
    next: TlsNext,
}

impl Tls {
    /// Reads the pair of `files`, or makes one for `hostname` when there is none and `make` allows it (TLS-2).
    ///
    /// # Errors
    /// [`TlsError`]; half a pair is refused and nothing touched.
    pub(crate) fn open(files: TlsFiles, make: bool, hostname: &str) -> Result<Self, TlsError> {
        files.settle()?;
        let pair = match (files.cert.exists(), files.key.exists()) {
            (false, false) if make => {
                make::publish(&files.cert, &files.key, hostname)?;
                tracing::info!(file = %files.cert.display(), "a certificate was made");
                Pair::load(&files.cert, &files.key)?
            }
            (false, false) => return Err(TlsError::NoPair { cert: files.cert, key: files.key }),
            (true, true) => Pair::load(&files.cert, &files.key)?,
            (true, false) => return Err(TlsError::HalfPair { missing: files.key, present: files.cert }),
            (false, true) => return Err(TlsError::HalfPair { missing: files.cert, present: files.key }),
        };
        let next = files.announced();
        let shown = Arc::new(Shown(RwLock::new(State { pair: Arc::new(pair), next })));
        let server = ServerConfig::builder_with_provider(pair::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider has cipher suites of TLS 1.3")
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        Ok(Self { files, server: Arc::new(server), shown })
    }

    /// The same pair, shown to peers that know no more than TLS 1.2 too (N-14.2).
    pub(crate) fn for_older_peers(&self) -> Self {
        let server = ServerConfig::builder_with_provider(pair::provider())
            .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])
            .expect("the provider has cipher suites of both")
            .with_no_client_auth()
            .with_cert_resolver(self.shown.clone());
        Self { files: self.files.clone(), server: Arc::new(server), shown: self.shown.clone() }
    }

    /// The fingerprint clients pin (TLS-5).
    pub(crate) fn fingerprint(&self) -> String {
        self.shown.state().pair.fingerprint.clone()
    }

    /// The fingerprint that comes after it, as far as it is known (TLS-12).
    pub(crate) fn next(&self) -> TlsNext {
        self.shown.state().next
    }
}

impl Shown {
    fn state(&self) -> State {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, state: State) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).pair.certified.clone())
    }
}
