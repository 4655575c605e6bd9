//! TCP connects that say why they failed.
//!
//! The error number alone lies: `ECONNREFUSED` is a reset, or an ICMP error that a firewall sent. On Linux the socket's
//! error queue (`IP_RECVERR`, ip(7)) tells the two apart and names type, code and sender of the ICMP error; it needs
//! no privilege. Elsewhere the number has to do.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::event::{ConnectOutcome, IcmpError};
use crate::net::asks_again_after;

/// From here on an unreachable host, said by this very machine, is a neighbour that does not answer (three requests
/// in three seconds), and not a firewall, which answers at once or with the first retransmission after a second.
const NEIGHBOUR_SILENT: Duration = Duration::from_millis(2_500);

/// Connects to `address` within `limit`, from the address `bind` where one is given. Where nothing has answered after
/// half of the time, a second connect is begun beside the first: an answer to either counts.
///
/// # Errors
/// How it failed, never [`ConnectOutcome::Connected`].
pub(crate) async fn connect(
    address: SocketAddr,
    bind: Option<IpAddr>,
    limit: Duration,
) -> Result<TcpStream, ConnectOutcome> {
    let Some(half) = asks_again_after(limit) else { return once(address, bind, limit).await };
    let mut first = pin!(once(address, bind, limit));
    if let Ok(end) = timeout(half, &mut first).await {
        return end;
    }
    let mut second = pin!(once(address, bind, limit.saturating_sub(half)));
    tokio::select! {
        biased;
        end = &mut first => if is_answer(&end) { end } else { said(second.await, end) },
        end = &mut second => if is_answer(&end) { end } else { said(first.await, end) },
    }
}

/// True where somebody has answered, or the connect could not leave.
fn is_answer(end: &Result<TcpStream, ConnectOutcome>) -> bool {
    !matches!(end, Err(ConnectOutcome::TimedOut | ConnectOutcome::Failed { .. }))
}

/// The end that says more: the later one where it is an answer, silence rather than a second connect's own trouble.
fn said(
    later: Result<TcpStream, ConnectOutcome>,
    silent: Result<TcpStream, ConnectOutcome>,
) -> Result<TcpStream, ConnectOutcome> {
    if is_answer(&later) || matches!(silent, Err(ConnectOutcome::Failed { .. })) { later } else { silent }
}

/// One connect.
async fn once(
    address: SocketAddr,
    bind: Option<IpAddr>,
    limit: Duration,
) -> Result<TcpStream, ConnectOutcome> {
    let started = Instant::now();
    let stream = begin(address, bind)?;
    let end = match timeout(limit, finish(&stream)).await {
        Ok(Ok(())) => {
            queue::off(&stream, address);
            // Nagle's algorithm would hold EHLO back behind the end of the handshake: a whole round trip.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
        Ok(Err(error)) => classify(&error, address),
        Err(_) => ConnectOutcome::TimedOut,
    };
    // A queued ICMP error says more than any number, also where the kernel did not act on it.
    let Some(icmp) = queue::read(&stream) else { return Err(end) };
    let own_voice = icmp.from_self && matches!((icmp.v6, icmp.kind, icmp.code), (false, 3, 1) | (true, 1, 3));
    if own_voice && started.elapsed() >= NEIGHBOUR_SILENT {
        return Err(ConnectOutcome::NoRoute { errno: Errno::EHOSTUNREACH as i32 });
    }
    Err(ConnectOutcome::Icmp(icmp))
}

/// Makes the socket and sends the SYN.
fn begin(address: SocketAddr, bind: Option<IpAddr>) -> Result<TcpStream, ConnectOutcome> {
    let failed = |error: io::Error| classify(&error, address);
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    queue::on(&socket, address);
    if let Some(local) = bind {
        if local.is_ipv4() != address.is_ipv4() {
            let text = format!("the local address {local} cannot reach an address of the other family");
            return Err(ConnectOutcome::Failed { errno: None, text });
        }
        socket.bind(&SocketAddr::new(local, 0).into()).map_err(|error| ConnectOutcome::Failed {
            errno: error.raw_os_error(),
            text: format!("cannot use the local address {local}: {error}"),
        })?;
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => return Err(failed(error)),
        _ => {}
    }
    TcpStream::from_std(socket.into()).map_err(failed)
}

/// Waits until the connect has ended, one way or the other.
async fn finish(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.writable().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => return Ok(()),
            // Something waits in the error queue while the kernel goes on trying.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                if queue::waiting(stream) {
                    return Err(error);
                }
                let not_yet = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                let _ = stream.try_io(Interest::WRITABLE, not_yet);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What an error number means for a connect. The number first: several have no kind of their own.
fn classify(error: &io::Error, address: SocketAddr) -> ConnectOutcome {
    let Some(errno) = error.raw_os_error() else {
        return ConnectOutcome::Failed { errno: None, text: error.to_string() };
    };
    match Errno::from_raw(errno) {
        Errno::ECONNREFUSED | Errno::ECONNRESET => ConnectOutcome::Reset,
        Errno::ETIMEDOUT => ConnectOutcome::TimedOut,
        Errno::EACCES | Errno::EPERM => ConnectOutcome::LocalRefusal { errno },
        Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EHOSTDOWN | Errno::ENETDOWN | Errno::EAFNOSUPPORT
        // A blackhole route, or a link-local address without its interface.
        | Errno::EINVAL => ConnectOutcome::NoRoute { errno },
        // IPv6 switched off, or no IPv6 address to send from. For IPv4 it means that ports have run out.
        Errno::EADDRNOTAVAIL if address.is_ipv6() => ConnectOutcome::NoRoute { errno },
        _ => ConnectOutcome::Failed { errno: Some(errno), text: error.to_string() },
    }
}

#[cfg(target_os = "linux")]
mod queue {
    //! The error queue of a socket.

    use std::io::IoSliceMut;
    use std::net::{IpAddr, SocketAddr};
    use std::os::fd::{AsFd, AsRawFd};

    use nix::cmsg_space;
    use nix::ifaddrs::getifaddrs;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

    use super::IcmpError;

    /// Origins of a queued error (linux/errqueue.h): ICMP and ICMPv6.
    const ORIGIN_ICMP: u8 = 2;
    const ORIGIN_ICMP6: u8 = 3;

    /// Most entries that are read.
    const MAX_ENTRIES: usize = 8;

    /// Switches the queue on. Where the kernel will not, the number of the error has to do.
    pub(super) fn on(socket: &impl AsFd, address: SocketAddr) {
        set(socket, address, true);
    }

    /// Switches it off: once connected, an ICMP error that the kernel would have ignored must not end the connection.
    pub(super) fn off(socket: &impl AsFd, address: SocketAddr) {
        set(socket, address, false);
    }

    fn set(socket: &impl AsFd, address: SocketAddr, on: bool) {
        let _ = match address {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &on),
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &on),
        };
    }

    /// True where something waits in it.
    pub(super) fn waiting(socket: &impl AsFd) -> bool {
        let mut descriptors = [PollFd::new(socket.as_fd(), PollFlags::empty())];
        let ready = poll(&mut descriptors, PollTimeout::ZERO);
        let [descriptor] = descriptors;
        ready.is_ok() && descriptor.revents().is_some_and(|events| events.contains(PollFlags::POLLERR))
    }

    /// The first ICMP error in it.
    pub(super) fn read(socket: &impl AsRawFd) -> Option<IcmpError> {
        (0..MAX_ENTRIES).find_map(|_| entry(socket).transpose()).and_then(Result::ok)
    }

    /// One entry: `Err` ends the reading, `Ok(None)` is an entry of another kind.
    fn entry(socket: &impl AsRawFd) -> nix::Result<Option<IcmpError>> {
        let mut bytes = [0; 512];
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let mut space = cmsg_space!([u8; 128]);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
        let found = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, sender) if error.ee_origin == ORIGIN_ICMP => {
                let sender = sender.map(|from| IpAddr::from(from.sin_addr.s_addr.to_ne_bytes()));
                Some((false, error, sender))
            }
            ControlMessageOwned::Ipv6RecvErr(error, sender) if error.ee_origin == ORIGIN_ICMP6 => {
                Some((true, error, sender.map(|from| IpAddr::from(from.sin6_addr.s6_addr))))
            }
            _ => None,
        });
        Ok(found.map(|(v6, error, sender)| {
            let sender = sender.filter(|address| !address.is_unspecified());
            let from_self = sender.is_some_and(is_own);
            IcmpError { v6, kind: error.ee_type, code: error.ee_code, sender, from_self }
        }))
    }

    /// True for an address of this machine.
    fn is_own(address: IpAddr) -> bool {
        let Ok(interfaces) = getifaddrs() else { return address.is_loopback() };
        address.is_loopback()
            || interfaces.filter_map(|interface| interface.address).any(|own| {
                own.as_sockaddr_in().is_some_and(|own| IpAddr::V4(own.ip()) == address)
                    || own.as_sockaddr_in6().is_some_and(|own| IpAddr::V6(own.ip()) == address)
            })
    }
}

#[cfg(not(target_os = "linux"))]
mod queue {
    //! Other systems have no error queue.

    use std::net::SocketAddr;

    use super::IcmpError;

    pub(super) fn on<T>(_socket: &T, _address: SocketAddr) {}

    pub(super) fn off<T>(_socket: &T, _address: SocketAddr) {}

    pub(super) fn waiting<T>(_socket: &T) -> bool {
        false
    }

    pub(super) fn read<T>(_socket: &T) -> Option<IcmpError> {
        None
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const PATIENT: Duration = Duration::from_secs(10);

    /// A port of loopback on which nobody listens.
    async fn closed(local: &str) -> Option<SocketAddr> {
        let listener = TcpListener::bind((local, 0)).await.ok()?;
        listener.local_addr().ok()
    }

    #[tokio::test]
    async fn a_closed_port_answers_with_a_reset() {
        let address = closed("127.0.0.1").await.unwrap();
        assert_eq!(connect(address, None, PATIENT).await.unwrap_err(), ConnectOutcome::Reset);
        // IPv6 may be switched off here.
        if let Some(address) = closed("::1").await {
            assert_eq!(connect(address, None, PATIENT).await.unwrap_err(), ConnectOutcome::Reset);
        }
    }

    #[tokio::test]
    async fn an_open_port_gives_a_stream_without_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        let mut stream = connect(address, Some(local), PATIENT).await.unwrap();
        let (mut other, from) = listener.accept().await.unwrap();
        assert_eq!(from, stream.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
        other.write_all(b"220 ").await.unwrap();
        let mut read = [0; 4];
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"220 ");
    }

    #[tokio::test]
    async fn a_local_address_that_is_not_ours_is_named() {
        let address = closed("127.0.0.1").await.unwrap();
        let foreign: IpAddr = "192.0.2.77".parse().unwrap();
        let ConnectOutcome::Failed { errno, text } =
            connect(address, Some(foreign), PATIENT).await.unwrap_err()
        else {
            panic!("not Failed");
        };
        assert_eq!(errno, Some(Errno::EADDRNOTAVAIL as i32));
        assert!(text.contains("192.0.2.77"), "{text}");

        let other_family: IpAddr = "2001:db8::77".parse().unwrap();
        let outcome = connect(address, Some(other_family), PATIENT).await.unwrap_err();
        assert!(matches!(outcome, ConnectOutcome::Failed { errno: None, .. }), "{outcome:?}");
    }

    #[test]
    fn numbers_mean_what_they_mean() {
        let v4: SocketAddr = "192.0.2.1:25".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::1]:25".parse().unwrap();
        let of = |errno: Errno, address| classify(&io::Error::from_raw_os_error(errno as i32), address);
        assert_eq!(of(Errno::ECONNREFUSED, v4), ConnectOutcome::Reset);
        assert_eq!(of(Errno::ETIMEDOUT, v4), ConnectOutcome::TimedOut);
        for errno in [Errno::EACCES, Errno::EPERM] {
            assert_eq!(of(errno, v6), ConnectOutcome::LocalRefusal { errno: errno as i32 });
        }
        for errno in [Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::EAFNOSUPPORT, Errno::EINVAL] {
            assert_eq!(of(errno, v4), ConnectOutcome::NoRoute { errno: errno as i32 });
        }
        let errno = Errno::EADDRNOTAVAIL as i32;
        assert_eq!(of(Errno::EADDRNOTAVAIL, v6), ConnectOutcome::NoRoute { errno });
        assert!(matches!(of(Errno::EADDRNOTAVAIL, v4), ConnectOutcome::Failed { errno: Some(_), .. }));
        assert!(matches!(of(Errno::EMFILE, v4), ConnectOutcome::Failed { errno: Some(_), .. }));
        assert_eq!(
            classify(&io::Error::other("odd"), v4),
            ConnectOutcome::Failed { errno: None, text: "odd".into() }
        );
    }
}
