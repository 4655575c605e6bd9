//! Proxies and policy hosts that answer with anything: nothing of it breaks ehlo, holds it beyond the limit or makes it
//! read beyond its bound.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::time::{Instant, timeout};

use super::Stream;

/// How long each may take.
pub(super) const LIMIT: Duration = Duration::from_secs(3);

/// What the other end does once it has said all it says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// Closes.
    Close,
    /// Stays and is silent.
    Hang,
    /// Says it again, some megabytes of it.
    Again,
}

pub(super) fn then() -> impl Strategy<Value = Then> {
    prop_oneof![Just(Then::Close), Just(Then::Hang), Just(Then::Again)]
}

/// Most bytes that are said again.
const MOST: usize = 4 << 20;

/// A stream that counts what is read of it.
struct Counted {
    inner: DuplexStream,
    read: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.read.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What came of one meeting.
pub(super) struct Met<T> {
    pub(super) outcome: T,
    /// Bytes that were read of what the other end said.
    pub(super) read: usize,
    pub(super) took: Duration,
}

/// Meets an end that says this, in pieces of so many bytes.
pub(super) fn meet<T, F>(
    says: &[u8],
    piece: usize,
    then: Then,
    ask: impl FnOnce(Box<dyn Stream>) -> F,
) -> Met<T>
where
    F: Future<Output = T>,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (inner, far) = tokio::io::duplex(4096);
        let read = Arc::new(AtomicUsize::new(0));
        let near = Counted { inner, read: Arc::clone(&read) };
        let (mut hears, mut tells) = tokio::io::split(far);
        let other = async {
            let says = async {
                let mut said = 0;
                loop {
                    for part in says.chunks(piece.max(1)) {
                        if tells.write_all(part).await.is_err() {
                            return;
                        }
                    }
                    said += says.len().max(1);
                    match then {
                        Then::Close => break,
                        Then::Hang => std::future::pending().await,
                        Then::Again if said > MOST || says.is_empty() => break,
                        Then::Again => {}
                    }
                }
                let _ = tells.shutdown().await;
            };
            let mut listens = tokio::io::sink();
            let copies = tokio::io::copy(&mut hears, &mut listens);
            let _ = tokio::join!(says, copies);
            std::future::pending::<()>().await;
        };
        let began = Instant::now();
        tokio::select! {
            outcome = ask(Box::new(near)) => Met { outcome, read: read.load(Ordering::Relaxed), took: began.elapsed() },
            () = other => unreachable!("it never ends"),
        }
    })
}

/// The next bytes of a stream, as far as they come within the limit.
pub(super) async fn next(stream: &mut Box<dyn Stream>, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match timeout(LIMIT, stream.read(rest)).await {
            Ok(Ok(more @ 1..)) => filled += more,
            _ => break,
        }
    }
    bytes.truncate(filled);
    bytes
}
