//! A TCP stream that acknowledges at once what it has read.
//!
//! A server that sends something small (the session tickets of TLS 1.3) and then its reply holds the reply back until
//! the first is acknowledged, where it leaves Nagle's algorithm on, as Postfix does (RFC 9293 §3.7.4). If the
//! acknowledgement is delayed too (RFC 9293 §3.8.6.3), 40 ms and more are lost that say nothing about the way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The stream.
pub(crate) struct Prompt(pub TcpStream);

impl Prompt {
    fn acknowledge(&self) {
        // The kernel forgets this mode again by itself, so it is asked for after each read. A refusal costs time only.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&self.0).set_tcp_quickack(true);
    }
}

impl AsyncRead for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        if read.is_ready() {
            self.acknowledge();
        }
        read
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_is_said_arrives_both_ways() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ours = Prompt(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let (mut theirs, _) = listener.accept().await.unwrap();
        theirs.write_all(b"220 mx\r\n").await.unwrap();
        let mut heard = [0; 8];
        ours.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"220 mx\r\n");
        ours.write_all(b"QUIT\r\n").await.unwrap();
        ours.shutdown().await.unwrap();
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "QUIT\r\n");
    }
}
