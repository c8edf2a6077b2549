//! HTTPS by a certificate of a file. Must not know what is asked.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::data::regular_file::open_regular_file;

/// How long the two sides may take to agree on a key.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that are agreed on and wait to be answered.
const READY: usize = 64;
/// The wait after the system gave no connection, as when it has no more files to open.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("{}: cannot be read ({source}); check the path", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: has no {what} in PEM; give the file with its -----BEGIN line", path.display())]
    Pem { path: PathBuf, what: &'static str },
    #[error(
        "the certificate and the key do not go together ({0}); give the two that were made for each other"
    )]
    Pair(tokio_rustls::rustls::Error),
}

/// A certificate with its key.
pub struct Certificate(TlsAcceptor);

impl Certificate {
    /// Reads a certificate with those it hangs on, and its key, both in PEM.
    ///
    /// # Errors
    /// A file cannot be read, or has no such thing; the two are not made for each other.
    pub fn read(certificate: &Path, key: &Path) -> Result<Certificate, CertificateError> {
        let bytes = |path: &Path| {
            let mut bytes = Vec::new();
            let read = open_regular_file(path).and_then(|mut file| file.read_to_end(&mut bytes));
            read.map(|_| bytes)
                .map_err(|source| CertificateError::Read {
                    path: path.to_path_buf(),
                    source,
                })
        };
        let pem = |path: &Path, what| CertificateError::Pem {
            path: path.to_path_buf(),
            what,
        };
        let chain = bytes(certificate)?;
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.map_err(|_| pem(certificate, "certificate"))?;
        if chain.is_empty() {
            return Err(pem(certificate, "certificate"));
        }
        let private = bytes(key)?;
        let private = PrivateKeyDer::from_pem_slice(&private).map_err(|_| pem(key, "key"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Pair)?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(CertificateError::Pair)?;
        Ok(Certificate(TlsAcceptor::from(Arc::new(config))))
    }
}

/// A listener whose connections are agreed on aside, so that a slow one keeps nobody waiting.
pub(super) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Begins to listen; within a runtime.
    pub(super) fn new(
        listener: TcpListener,
        address: SocketAddr,
        certificate: Certificate,
    ) -> TlsListener {
        let (sender, ready) = mpsc::channel(READY);
        tokio::spawn(accept(listener, certificate.0, sender));
        TlsListener { ready, address }
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    // The runtime ends it with everything else.
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "no connection");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let agreed = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = agreed {
                // Nobody takes it once the server ends.
                let _ = ready.send((stream, from)).await;
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
