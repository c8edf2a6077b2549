//! An address that is listened at, and what is answered there until somebody ends it.
//!
//! Must not know what is asked.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use futures_util::future::{Either, select};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Notify, watch};

use super::tls::{Certificate, TlsListener};

/// How long a connection may take until the head of its next request is whole. One that is idle for longer, or sends a
/// head letter by letter, is closed, so that nobody holds all connections without asking anything.
const HEAD: Duration = Duration::from_secs(20);

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
    /// [`HEAD`], but in tests.
    head: Duration,
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
            head: HEAD,
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
                None => until_stopped(listener, router, self.stop, self.head).await,
                Some(certificate) => {
                    let listener = TlsListener::new(listener, self.address, certificate);
                    until_stopped(listener, router, self.stop, self.head).await;
                }
            }
            Ok(())
        });
        done.map_err(WebError::Run)
    }
}

async fn until_stopped<L: Listener>(
    mut listener: L,
    router: Router,
    stop: Stopper,
    head: Duration,
) {
    let (stopping, _) = watch::channel(());
    let mut stopped = pin!(stop.0.notified());
    loop {
        let accepted = pin!(listener.accept());
        match select(accepted, stopped.as_mut()).await {
            Either::Left(((stream, _), _)) => {
                let answered = answered(stream, router.clone(), stopping.subscribe(), head);
                tokio::spawn(answered);
            }
            Either::Right(_) => break,
        }
    }
    stopping.send_replace(());
    // What is under way is answered first.
    stopping.closed().await;
}

/// Answers a connection, until the server stops.
async fn answered<Io>(stream: Io, router: Router, mut stopping: watch::Receiver<()>, head: Duration)
where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let stopping = pin!(stopping.changed());
    let done = match select(connection.as_mut(), stopping).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;

    use axum::routing::get;

    use super::*;

    /// What a server with a short patience answers to these bytes until it closes the connection.
    fn answered_to(sent: &[u8]) -> String {
        let mut server = Server::bind("127.0.0.1:0").unwrap();
        server.head = Duration::from_millis(20);
        let (address, stopper) = (server.address(), server.stopper());
        let router = Router::new().route("/", get(|| async { "Here." }));
        std::thread::scope(|scope| {
            scope.spawn(|| server.answer(router, None).unwrap());
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(sent).unwrap();
            // Ends only when the other side closes it.
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            stopper.stop();
            said
        })
    }

    #[test]
    fn a_connection_that_asks_nothing_is_closed() {
        assert_eq!(answered_to(b""), "");
        let half = answered_to(b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: ");
        assert!(!half.contains("Here."), "{half}");
        let idle = answered_to(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n");
        assert!(idle.contains("200 OK") && idle.ends_with("Here."), "{idle}");
    }

    #[test]
    fn a_connection_that_waits_does_not_keep_the_server_from_stopping() {
        let server = Server::bind("127.0.0.1:0").unwrap();
        let (address, stopper) = (server.address(), server.stopper());
        let router = Router::new().route("/", get(|| async { "Here." }));
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| server.answer(router, None));
            let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
            let asks = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";
            stream.get_mut().write_all(asks).unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert!(line.contains("200 OK"), "{line}");
            stopper.stop();
            serving.join().unwrap().unwrap();
        });
    }
}
