//! SOCKS5 (RFC 1928), with a user name and password where the URL has them (RFC 1929).

use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error, IntoTargetAddr as _, TargetAddr};

use super::{Failure, ProxyUrl};
use crate::event::{Endpoint, ProxyFault};
use crate::net::Stream;
use crate::target::Secret;

/// Asks the proxy on the other end of `stream` for a connection.
pub(super) async fn connect(
    stream: Box<dyn Stream>,
    proxy: &ProxyUrl,
    endpoint: &Endpoint,
) -> Result<Box<dyn Stream>, Failure> {
    let target: TargetAddr<'_> = match endpoint {
        Endpoint::Address(address) => address.into_target_addr(),
        Endpoint::Name(name, port) => (name.as_str(), *port).into_target_addr(),
    }
    .map_err(|error| failure(&error))?;
    let password = proxy.password.as_ref().map_or("", Secret::expose);
    let connected = match proxy.user.as_deref() {
        Some(user) => Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await,
        None => Socks5Stream::connect_with_socket(stream, target).await,
    };
    match connected {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(failure(&error)),
    }
}

/// What the proxy's reply says (RFC 1928 §3, §6).
fn failure(error: &Error) -> Failure {
    let fault = match error {
        Error::Io(error) => return Failure::broken(error),
        Error::ConnectionRefused => ProxyFault::Refused,
        Error::NetworkUnreachable | Error::HostUnreachable | Error::TtlExpired => {
            ProxyFault::TargetUnreachable
        }
        Error::ConnectionNotAllowedByRuleset
        | Error::NoAcceptableAuthMethods
        | Error::PasswordAuthFailure(_)
        | Error::InvalidAuthValues(_)
        | Error::AuthorizationRequired => ProxyFault::Denied,
        Error::GeneralSocksServerFailure | Error::UnknownError => ProxyFault::Unknown,
        _ => ProxyFault::Broken,
    };
    let hint = match error {
        Error::NoAcceptableAuthMethods => ": it wants a user name and password",
        _ => "",
    };
    Failure::new(fault, format!("{error}{hint}"))
}
