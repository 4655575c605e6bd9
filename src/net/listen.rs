//! Listening sockets: where the lab is served to other programs.
//!
//! Also a port that swallows connects, as a firewall does that drops packets: a listener that accepts nobody and whose
//! queue is full.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpListener;

use super::Stream;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// How long to wait where the system has no more files for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// A listener.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// A connection that was accepted.
pub struct Accepted {
    /// The bytes.
    pub stream: Box<dyn Stream>,
    /// Who connected.
    pub peer: SocketAddr,
    /// Makes the close that follows a reset, also while a TLS library owns the stream.
    pub reset: Box<dyn Fn() + Send + Sync>,
}

impl Listener {
    /// Listens. Port 0 takes one that is free. Must be called within the runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket(address)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into()).map(Self)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The next connection. A connection that is gone before it was accepted is passed over.
    pub async fn accept(&self) -> Accepted {
        loop {
            if let Ok((stream, peer)) = self.0.accept().await
                && let Ok(twin) = SockRef::from(&stream).try_clone()
            {
                let _ = stream.set_nodelay(true);
                // The twin is dropped with the closure: a reset goes out when the last of both is closed.
                let reset = move || {
                    let _ = twin.set_linger(Some(Duration::ZERO));
                };
                return Accepted { stream: Box::new(stream), peer, reset: Box::new(reset) };
            }
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// A port that never answers a connect.
#[derive(Debug)]
pub struct Silence {
    listener: Socket,
    _first: Socket,
}

impl Silence {
    /// Takes the port.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = socket(address)?;
        listener.set_reuse_address(true)?;
        listener.bind(&address.into())?;
        // The queue holds one connection more than the backlog; once it is there, Linux drops what else comes.
        listener.listen(0)?;
        let first = socket(address)?;
        first.connect(&listener.local_addr()?)?;
        Ok(Self { listener, _first: first })
    }

    /// Where it is silent.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        let address = self.listener.local_addr()?;
        address.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    #[tokio::test]
    async fn a_connection_is_served_and_ends_in_order_or_with_a_reset() {
        let listener = Listener::bind(ANY).unwrap();
        for resets in [false, true] {
            let mut client = TcpStream::connect(listener.address().unwrap()).await.unwrap();
            let mut accepted = listener.accept().await;
            assert!(accepted.peer.ip().is_loopback());
            accepted.stream.write_all(b"220 hi\r\n").await.unwrap();
            let mut read = [0; 8];
            client.read_exact(&mut read).await.unwrap();
            if resets {
                (accepted.reset)();
            }
            drop(accepted);
            let end = client.read(&mut read).await;
            match resets {
                true => assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset),
                false => assert_eq!(end.unwrap(), 0),
            }
        }
    }

    #[tokio::test]
    async fn a_silent_port_answers_nobody() {
        let silence = Silence::bind(ANY).unwrap();
        let address = silence.address().unwrap();
        for _ in 0..3 {
            let attempt = timeout(Duration::from_millis(300), TcpStream::connect(address)).await;
            assert!(attempt.is_err(), "{attempt:?}");
        }
        drop(silence);
        let refused = timeout(Duration::from_secs(5), TcpStream::connect(address)).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
