//! An address that is listened at, and what is answered there until somebody ends it.
//!
//! Must not know what is asked.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use tokio::sync::Notify;

use super::tls::{Certificate, TlsListener};

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error("{address}: is no address to listen at ({source}); give one such as 127.0.0.1:8080")]
    Address { address: String, source: io::Error },
    #[error("{address}: cannot be listened at ({source}); choose another with --address")]
    Listen { address: String, source: io::Error },
    #[error("the server cannot run: {0}")]
    Run(io::Error),
}

/// An address that is listened at.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    stop: Stopper,
}

/// Ends a server, from any thread.
#[derive(Clone, Default)]
pub struct Stopper(Arc<Notify>);

impl Stopper {
    /// Takes no more requests; those under way are answered.
    pub fn stop(&self) {
        self.0.notify_one();
    }
}

impl Server {
    /// Listens at an address; port 0 is any free one.
    ///
    /// # Errors
    /// It is none, or something else listens there.
    pub fn bind(address: &str) -> Result<Server, WebError> {
        let found = address.to_socket_addrs().and_then(|mut found| {
            let none = || io::Error::new(io::ErrorKind::NotFound, "it has no number");
            found.next().ok_or_else(none)
        });
        let found = found.map_err(|source| WebError::Address {
            address: address.to_string(),
            source,
        })?;
        let listen = |source| WebError::Listen {
            address: address.to_string(),
            source,
        };
        let listener = TcpListener::bind(found).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        Ok(Server {
            address: listener.local_addr().map_err(listen)?,
            listener,
            stop: Stopper::default(),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether only this machine can reach it.
    pub fn is_private(&self) -> bool {
        self.address.ip().is_loopback()
    }

    pub fn stopper(&self) -> Stopper {
        self.stop.clone()
    }

    /// Answers on this thread until it is stopped; by HTTPS with a certificate.
    ///
    /// # Errors
    /// The system takes the address away.
    pub(super) fn answer(
        self,
        router: Router,
        certificate: Option<Certificate>,
    ) -> Result<(), WebError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let done = runtime.map_err(WebError::Run)?.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            match certificate {
                None => until_stopped(listener, router, self.stop).await,
                Some(certificate) => {
                    let listener = TlsListener::new(listener, self.address, certificate);
                    until_stopped(listener, router, self.stop).await
                }
            }
        });
        done.map_err(WebError::Run)
    }
}

async fn until_stopped<L>(listener: L, router: Router, stop: Stopper) -> io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let serving = axum::serve(listener, router);
    serving
        .with_graceful_shutdown(async move { stop.0.notified().await })
        .await
}
