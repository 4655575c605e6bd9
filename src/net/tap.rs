//! The tap: an `AsyncRead + AsyncWrite` that lies under TLS and reports every byte.
//!
//! It reads ahead: a TLS library asks for the five bytes of a record header first, and a banner that comes instead
//! (`220 mail…`) would be seen only to its fifth byte. What was read ahead and not asked for yet is kept and given
//! out later, so the stream above misses nothing.
//!
//! The tap reports until it is told to [stop](Tap::stop), and at most [`MAX_REPORTED`] bytes in each direction.
//! It knows nothing of TLS; what the bytes mean is decoded elsewhere, from the record.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::event::Side;
use crate::net::Stream;

/// Hears what went over the line: who sent it, and the bytes. An empty slice from the server is the end of its stream.
pub type Sink = Box<dyn FnMut(Side, &[u8]) + Send>;

/// Most bytes reported in each direction. A handshake needs some 10 KiB at most.
pub const MAX_REPORTED: usize = 64 * 1024;

/// Bytes read ahead at once.
const CHUNK: usize = 8 * 1024;

/// The tap.
pub struct Tap {
    inner: Box<dyn Stream>,
    /// `None` once nothing more is to be reported.
    sink: Option<Sink>,
    /// Read and not yet given out: `ahead[given..]`.
    ahead: Vec<u8>,
    given: usize,
    /// The end was seen behind the bytes of `ahead`.
    ended: bool,
    /// Bytes that may still be reported, from the client and from the server.
    left: [usize; 2],
    failure: Failure,
}

/// The error with which reading or writing failed beneath, if it did. It outlives the tap, which a failed handshake
/// drops.
#[derive(Clone, Debug, Default)]
pub struct Failure(Arc<OnceLock<i32>>);

impl Failure {
    /// errno of the first failure.
    pub fn errno(&self) -> Option<i32> {
        self.0.get().copied()
    }

    fn note(&self, error: &io::Error) {
        if let Some(errno) = errno(error) {
            self.0.get_or_init(|| errno);
        }
    }
}

/// errno of an error; where it bears none (streams that live in memory), that of its kind.
pub fn errno(error: &io::Error) -> Option<i32> {
    use nix::errno::Errno;
    error.raw_os_error().or_else(|| {
        let errno = match error.kind() {
            io::ErrorKind::ConnectionReset => Errno::ECONNRESET,
            io::ErrorKind::ConnectionAborted => Errno::ECONNABORTED,
            io::ErrorKind::BrokenPipe => Errno::EPIPE,
            io::ErrorKind::NotConnected => Errno::ENOTCONN,
            io::ErrorKind::TimedOut => Errno::ETIMEDOUT,
            io::ErrorKind::HostUnreachable => Errno::EHOSTUNREACH,
            io::ErrorKind::NetworkUnreachable => Errno::ENETUNREACH,
            _ => return None,
        };
        Some(errno as i32)
    })
}

impl Tap {
    /// Lies over `inner` and reports to `sink`. Nothing may have been read ahead of it: bytes left over in a reader
    /// above are not seen.
    pub fn new(inner: Box<dyn Stream>, sink: Sink) -> Self {
        Self {
            inner,
            sink: Some(sink),
            ahead: Vec::new(),
            given: 0,
            ended: false,
            left: [MAX_REPORTED; 2],
            failure: Failure::default(),
        }
    }

    /// Reports nothing from now on; the stream works on.
    pub fn stop(&mut self) {
        self.sink = None;
    }

    /// Where the errno of a failure will stand, for use after the tap is gone.
    pub fn failure(&self) -> Failure {
        self.failure.clone()
    }

    fn report(&mut self, side: Side, bytes: &[u8]) {
        let Some(sink) = &mut self.sink else { return };
        let left = match side {
            Side::Client => &mut self.left[0],
            Side::Server => &mut self.left[1],
        };
        let some = &bytes[..bytes.len().min(*left)];
        *left -= some.len();
        if !some.is_empty() {
            sink(side, some);
        }
    }

    /// Gives out what was read ahead; false where there is nothing.
    fn give(&mut self, out: &mut ReadBuf<'_>) -> bool {
        let Some(rest) = self.ahead.get(self.given..).filter(|rest| !rest.is_empty()) else { return false };
        let n = rest.len().min(out.remaining());
        out.put_slice(&rest[..n]);
        self.given += n;
        true
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if out.remaining() == 0 || me.give(out) {
            return Poll::Ready(Ok(()));
        }
        if me.sink.is_none() {
            // Nobody listens any more: no reason to read ahead.
            me.ahead = Vec::new();
            me.given = 0;
            return Pin::new(&mut me.inner).poll_read(cx, out).map_err(|error| {
                me.failure.note(&error);
                error
            });
        }
        me.ahead.resize(CHUNK, 0);
        let mut chunk = ReadBuf::new(&mut me.ahead);
        let polled = Pin::new(&mut me.inner).poll_read(cx, &mut chunk);
        let n = chunk.filled().len();
        me.ahead.truncate(if matches!(polled, Poll::Ready(Ok(()))) { n } else { 0 });
        me.given = 0;
        if let Err(error) = ready!(polled) {
            me.failure.note(&error);
            return Poll::Ready(Err(error));
        }
        if n == 0 {
            if !std::mem::replace(&mut me.ended, true)
                && let Some(sink) = &mut me.sink
            {
                sink(Side::Server, &[]);
            }
            return Poll::Ready(Ok(()));
        }
        let ahead = std::mem::take(&mut me.ahead);
        me.report(Side::Server, &ahead);
        me.ahead = ahead;
        me.give(out);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.inner).poll_write(cx, bytes)) {
            Ok(n) => {
                self.report(Side::Client, bytes.get(..n).unwrap_or(bytes));
                Poll::Ready(Ok(n))
            }
            Err(error) => {
                self.failure.note(&error);
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    type Heard = Arc<Mutex<Vec<(Side, Vec<u8>)>>>;

    fn heard() -> (Heard, Sink) {
        let heard = Heard::default();
        let mine = heard.clone();
        (heard, Box::new(move |side, bytes| mine.lock().unwrap().push((side, bytes.to_vec()))))
    }

    #[tokio::test]
    async fn a_banner_is_seen_whole_though_five_bytes_are_asked_for() {
        let (ours, mut theirs) = duplex(1000);
        let (heard, sink) = heard();
        let mut tap = Tap::new(Box::new(ours), sink);
        theirs.write_all(b"220 mail.test ESMTP ready\r\n").await.unwrap();
        let mut five = [0; 5];
        tap.read_exact(&mut five).await.unwrap();
        assert_eq!(&five, b"220 m");
        assert_eq!(*heard.lock().unwrap(), [(Side::Server, b"220 mail.test ESMTP ready\r\n".to_vec())]);
        let mut rest = [0; 22];
        tap.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"ail.test ESMTP ready\r\n", "what was read ahead is not lost");
        drop(theirs);
        assert_eq!(tap.read(&mut five).await.unwrap(), 0);
        assert_eq!(tap.read(&mut five).await.unwrap(), 0);
        assert_eq!(heard.lock().unwrap()[1..], [(Side::Server, vec![])], "the end is told once");
    }

    #[tokio::test]
    async fn what_is_written_is_told_and_passed_on_until_stopped() {
        let (ours, mut theirs) = duplex(8);
        let (heard, sink) = heard();
        let mut tap = Tap::new(Box::new(ours), sink);
        tap.write_all(b"hello").await.unwrap();
        theirs.write_all(b"abcdef").await.unwrap();
        let mut two = [0; 2];
        tap.read_exact(&mut two).await.unwrap();
        tap.stop();
        tap.write_all(b"!").await.unwrap();
        theirs.write_all(b"gh").await.unwrap();
        let mut six = [0; 6];
        tap.read_exact(&mut six).await.unwrap();
        assert_eq!(&six, b"cdefgh", "first what was read ahead, then the stream itself");
        let mut sent = [0; 6];
        theirs.read_exact(&mut sent).await.unwrap();
        assert_eq!(&sent, b"hello!");
        assert_eq!(
            *heard.lock().unwrap(),
            [(Side::Client, b"hello".to_vec()), (Side::Server, b"abcdef".to_vec())]
        );
    }

    #[tokio::test]
    async fn reports_are_bounded_and_the_stream_is_not() {
        let (ours, mut theirs) = duplex(4096);
        let (heard, sink) = heard();
        let mut tap = Tap::new(Box::new(ours), sink);
        let much = MAX_REPORTED + 10_000;
        let writer = tokio::spawn(async move {
            theirs.write_all(&vec![7; much]).await.unwrap();
            theirs
        });
        let mut all = vec![0; much];
        tap.read_exact(&mut all).await.unwrap();
        assert!(all.iter().all(|b| *b == 7));
        drop(writer.await.unwrap());
        assert_eq!(tap.read(&mut all).await.unwrap(), 0);
        let heard = heard.lock().unwrap();
        assert_eq!(heard.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(), MAX_REPORTED);
        assert_eq!(heard.last(), Some(&(Side::Server, vec![])), "the end is told all the same");
    }

    #[tokio::test]
    async fn a_reset_is_remembered_when_the_tap_is_gone() {
        let stream = always_reset();
        let (_, sink) = heard();
        let mut tap = Tap::new(Box::new(stream), sink);
        let failure = tap.failure();
        assert_eq!(failure.errno(), None);
        assert!(tap.read(&mut [0; 5]).await.is_err());
        drop(tap);
        assert_eq!(failure.errno(), Some(nix::errno::Errno::ECONNRESET as i32));
    }

    /// A stream whose every read says that the connection was reset.
    fn always_reset() -> impl Stream {
        struct Reset;
        impl AsyncRead for Reset {
            fn poll_read(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                _: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
        }
        impl AsyncWrite for Reset {
            fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, b: &[u8]) -> Poll<io::Result<usize>> {
                Poll::Ready(Ok(b.len()))
            }
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
        Reset
    }
}
