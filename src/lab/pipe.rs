//! A cable inside the process: two ends, each with an `AsyncRead + AsyncWrite`, and time between them.
//!
//! Every write arrives as a segment of its own, after the latency, in order. The time is tokio's, so a test with
//! paused time waits for nothing. A close, a reset, unread data at a close, and a path that swallows large packets
//! behave as TCP would show them. Each direction holds a bounded number of bytes; a writer that is faster waits.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Bytes under way in one direction before the writer waits.
const WINDOW: usize = 256 * 1024;

/// What a segment costs beside its bytes, so that many small ones stay bounded too.
const SEGMENT_COST: usize = 64;

/// What the cable is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// One way.
    pub latency: Duration,
    /// A write of more bytes than this vanishes, and with it all that follows in its direction.
    pub largest_packet: Option<usize>,
}

#[derive(Debug)]
enum What {
    Data(Vec<u8>, usize),
    /// The other end writes no more.
    Fin,
    Reset,
}

#[derive(Debug)]
struct Segment {
    due: Instant,
    what: What,
}

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    segments: VecDeque<Segment>,
    /// Bytes and costs of `segments`.
    held: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Nobody reads here any more.
    deserted: bool,
    /// A large packet was swallowed: nothing arrives any more.
    swallowed: bool,
    /// When the first reset arrives.
    reset: Option<Instant>,
}

impl Lane {
    fn push(&mut self, due: Instant, what: What) {
        if let What::Data(bytes, _) = &what {
            self.held += bytes.len() + SEGMENT_COST;
        }
        if matches!(what, What::Reset) {
            self.reset.get_or_insert(due);
        }
        self.segments.push_back(Segment { due, what });
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }
}

fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    // A lane is consistent after every line, so a panic elsewhere does not matter.
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ready once the time has come.
fn ring(alarm: &mut Option<Pin<Box<Sleep>>>, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
    let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
    if alarm.deadline() != due {
        alarm.as_mut().reset(due);
    }
    alarm.as_mut().poll(cx)
}

/// One end of the cable.
#[derive(Debug)]
pub struct End {
    inbound: Arc<Mutex<Lane>>,
    outbound: Arc<Mutex<Lane>>,
    link: Link,
    read_alarm: Option<Pin<Box<Sleep>>>,
    write_alarm: Option<Pin<Box<Sleep>>>,
    finished: bool,
}

/// Resets the connection from one end, also while a TLS library owns that end.
#[derive(Clone, Debug)]
pub struct Breaker {
    outbound: Arc<Mutex<Lane>>,
    latency: Duration,
}

impl Breaker {
    /// The other end gets a reset behind all that was written.
    pub fn reset(&self) {
        lock(&self.outbound).push(Instant::now() + self.latency, What::Reset);
    }
}

/// Makes a cable.
pub fn pipe(link: Link) -> (End, End) {
    let (there, back) = (Arc::new(Mutex::new(Lane::default())), Arc::new(Mutex::new(Lane::default())));
    let end = |inbound, outbound| End {
        inbound,
        outbound,
        link,
        read_alarm: None,
        write_alarm: None,
        finished: false,
    };
    let near = end(Arc::clone(&back), Arc::clone(&there));
    let far = end(there, back);
    (near, far)
}

impl End {
    /// The means to reset this connection from this end.
    pub fn breaker(&self) -> Breaker {
        Breaker { outbound: self.outbound.clone(), latency: self.link.latency }
    }
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        // A task that always finds bytes must still let others run.
        let coop = ready!(tokio::task::coop::poll_proceed(cx));
        loop {
            let due = {
                let mut lane = lock(&me.inbound);
                let Some(segment) = lane.segments.front_mut() else {
                    lane.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                };
                if segment.due <= Instant::now() {
                    coop.made_progress();
                    let spent = match &mut segment.what {
                        What::Fin => return Poll::Ready(Ok(())),
                        What::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                        What::Data(bytes, read) => {
                            let rest = bytes.get(*read..).unwrap_or_default();
                            let (now, later) = rest.split_at(rest.len().min(out.remaining()));
                            out.put_slice(now);
                            *read += now.len();
                            later.is_empty().then_some(bytes.len() + SEGMENT_COST)
                        }
                    };
                    if let Some(spent) = spent {
                        lane.segments.pop_front();
                        lane.held = lane.held.saturating_sub(spent);
                        if let Some(waker) = lane.writer.take() {
                            waker.wake();
                        }
                    }
                    return Poll::Ready(Ok(()));
                }
                segment.due
            };
            ready!(ring(&mut me.read_alarm, due, cx));
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let coop = ready!(tokio::task::coop::poll_proceed(cx));
        let now = Instant::now();
        if me.finished {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let reset = lock(&me.inbound).reset;
        if reset.is_some_and(|due| due <= now) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut lane = lock(&me.outbound);
        if lane.deserted {
            drop(lane);
            // Data for a closed socket is answered with a reset, one round trip later; who writes on waits for it.
            if let Some(due) = reset {
                ready!(ring(&mut me.write_alarm, due, cx));
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            lock(&me.inbound).push(now + me.link.latency * 2, What::Reset);
            return Poll::Ready(Ok(bytes.len()));
        }
        if me.link.largest_packet.is_some_and(|most| bytes.len() > most) {
            lane.swallowed = true;
        }
        if lane.swallowed {
            return Poll::Ready(Ok(bytes.len()));
        }
        let room = WINDOW.saturating_sub(lane.held);
        if room == 0 {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = bytes.get(..room).unwrap_or(bytes);
        lane.push(now + me.link.latency, What::Data(taken.to_vec(), 0));
        coop.made_progress();
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if !std::mem::replace(&mut me.finished, true) {
            let mut lane = lock(&me.outbound);
            if !lane.swallowed {
                lane.push(Instant::now() + me.link.latency, What::Fin);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let now = Instant::now();
        let unread = {
            let mut lane = lock(&self.inbound);
            let arrived = |segment: &Segment| segment.due <= now && matches!(segment.what, What::Data(..));
            let unread = lane.segments.iter().any(arrived);
            lane.deserted = true;
            lane.segments.clear();
            lane.held = 0;
            if let Some(waker) = lane.writer.take() {
                waker.wake();
            }
            unread
        };
        let mut lane = lock(&self.outbound);
        if lane.swallowed {
            return;
        }
        // TCP closes with a reset where received data was never read (RFC 2525 §2.17).
        let last = if unread { What::Reset } else { What::Fin };
        if unread || !self.finished {
            lane.push(now + self.link.latency, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn link(ms: u64) -> Link {
        Link { latency: Duration::from_millis(ms), largest_packet: None }
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_arrive_late_in_order_and_apart() {
        let (mut near, mut far) = pipe(link(40));
        let start = Instant::now();
        near.write_all(b"one").await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        near.write_all(b"two").await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(far.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"one");
        assert_eq!(start.elapsed(), Duration::from_millis(40));
        assert_eq!(far.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"two");
        assert_eq!(start.elapsed(), Duration::from_millis(50));
        far.write_all(b"back").await.unwrap();
        assert_eq!(near.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(start.elapsed(), Duration::from_millis(90));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_waits_is_woken() {
        let (mut near, mut far) = pipe(link(40));
        let reader = tokio::spawn(async move {
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            text
        });
        tokio::task::yield_now().await;
        for word in ["a", "b", "c"] {
            near.write_all(word.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        near.shutdown().await.unwrap();
        assert_eq!(near.write_all(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(reader.await.unwrap(), "abc");
    }

    #[tokio::test(start_paused = true)]
    async fn closing_ends_the_stream_behind_its_data() {
        let (mut near, mut far) = pipe(link(5));
        near.write_all(b"bye").await.unwrap();
        drop(near);
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"bye");
    }

    #[tokio::test(start_paused = true)]
    async fn unread_data_at_a_close_is_a_reset() {
        let (mut near, far) = pipe(link(5));
        near.write_all(b"never read").await.unwrap();
        tokio::time::sleep(Duration::from_millis(6)).await;
        drop(far);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(start_paused = true)]
    async fn data_for_a_closed_end_is_answered_with_a_reset() {
        let (mut near, far) = pipe(link(5));
        drop(far);
        near.write_all(b"first").await.unwrap();
        assert_eq!(near.write_all(b"second").await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(start_paused = true)]
    async fn a_breaker_resets() {
        let (mut near, mut far) = pipe(link(5));
        far.write_all(b"220 ").await.unwrap();
        far.breaker().reset();
        let mut buffer = [0; 16];
        assert_eq!(near.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(near.read(&mut buffer).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_packet_vanishes_with_all_that_follows() {
        let (mut near, mut far) =
            pipe(Link { latency: Duration::from_millis(1), largest_packet: Some(1400) });
        near.write_all(b"small").await.unwrap();
        near.write_all(&[0; 1401]).await.unwrap();
        near.write_all(b"small again").await.unwrap();
        drop(near);
        let mut buffer = [0; 16];
        assert_eq!(far.read(&mut buffer).await.unwrap(), 5);
        let more = tokio::time::timeout(Duration::from_secs(600), far.read(&mut buffer)).await;
        assert!(more.is_err(), "not even the close arrives");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_writer_waits_for_the_reader() {
        let (mut near, mut far) = pipe(link(1));
        let flood = async { near.write_all(&vec![7; 3 * WINDOW]).await };
        assert!(tokio::time::timeout(Duration::from_secs(1), flood).await.is_err(), "the window is full");
        assert!(lock(&far.inbound).held <= WINDOW + SEGMENT_COST);
        let mut some = vec![0; WINDOW];
        far.read_exact(&mut some[..WINDOW / 2]).await.unwrap();
        let mut byte_by_byte = 0;
        while tokio::time::timeout(Duration::from_secs(1), near.write_all(&[7])).await.is_ok() {
            byte_by_byte += 1;
        }
        assert!(byte_by_byte < WINDOW / SEGMENT_COST, "small segments are bounded too");
    }
}
