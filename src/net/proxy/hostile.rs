//! Proxies that answer with anything.

use proptest::prelude::*;

use super::*;
use crate::net::hostile::{LIMIT, Met, meet, next, then};

/// What is read of what stands behind the answer.
const BEHIND: usize = 64;

type Carried = Result<Vec<u8>, Failure>;

/// Meets a proxy of this kind that says this; where it connects, what comes next.
fn proxied(url: &str, says: &[u8], piece: usize, then: crate::net::hostile::Then) -> Met<Carried> {
    let proxy: ProxyUrl = url.parse().unwrap();
    let endpoint = Endpoint::Name("smtp.example.com".into(), 587);
    meet(says, piece, then, |stream| async move {
        let connected = match proxy.scheme {
            Scheme::Http => within(LIMIT, http::connect(stream, &proxy, &endpoint)).await,
            _ => within(LIMIT, socks::connect(stream, &proxy, &endpoint)).await,
        };
        let mut stream = connected?;
        Ok(next(&mut stream, BEHIND).await)
    })
}

/// Nothing that a terminal obeys, nothing secret, nothing long.
fn is_fit_to_show(failure: &Failure) -> bool {
    failure.text.chars().count() <= MAX_TEXT + 1
        && !failure.text.chars().any(char::is_control)
        && !failure.text.contains("hunter2")
}

fn http_answers() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = proptest::collection::vec(any::<u8>(), 0..300);
    let head =
        "HTTP/1\\.[01] (200|2[0-9]{1,4}|407|50[0-4]|[0-9]{0,6}|-1) ?\\PC{0,20}(hunter2|YW5uOmh1bnRlcjI=)?";
    let head = (head, proptest::collection::vec(any::<u8>(), 0..100), "(\r\n|\n|\r)*", any_bytes.clone());
    prop_oneof![
        any_bytes,
        head.prop_map(|(line, fields, end, behind)| {
            [line.as_bytes(), b"\r\n", &fields, end.as_bytes(), &behind].concat()
        }),
        (1_usize..40_000).prop_map(|length| [
            &b"HTTP/1.1 200 OK\r\nVia: "[..],
            &vec![b'a'; length],
            b"\r\n\r\n"
        ]
        .concat()),
    ]
}

fn socks_answers() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = proptest::collection::vec(any::<u8>(), 0..400);
    let reply = (0_u8..4, 0_u8..3, 0_u8..10, 0_u8..6, any_bytes.clone());
    prop_oneof![
        any_bytes,
        reply.clone().prop_map(|(method, signed, code, kind, rest)| {
            [&[5, method, 1, signed, 5, code, 0, kind][..], &rest].concat()
        }),
        reply.prop_map(|(_, _, code, kind, rest)| [&[5, 0, 5, code, 0, kind][..], &rest].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_http_proxy_may_say_anything(says in http_answers(), piece in 1_usize..5000, then in then()) {
        const MAX_HEAD: usize = 16 << 10;
        let met = proxied("http://ann:hunter2@proxy.example.net:3128", &says, piece, then);
        prop_assert!(met.took <= LIMIT * 2);
        match met.outcome {
            Err(failure) => {
                prop_assert!(met.read <= MAX_HEAD, "{}", met.read);
                prop_assert!(is_fit_to_show(&failure), "{failure:?}");
            }
            Ok(behind) => {
                let said = says.iter().copied().cycle().take(MAX_HEAD + BEHIND);
                let said: Vec<u8> = said.collect();
                let end = met.read - behind.len();
                prop_assert!(end <= MAX_HEAD && said[..end].ends_with(b"\n"));
                prop_assert_eq!(&said[end..end + behind.len()], &behind[..], "what stands behind the head is left");
            }
        }
    }

    #[test]
    fn a_socks_proxy_may_say_anything(says in socks_answers(), piece in 1_usize..300, then in then(), signs in any::<bool>()) {
        // Two octets for the method, two for the sign-in, and the longest reply (RFC 1928 §6).
        const MOST: usize = 2 + 2 + 4 + 1 + 255 + 2;
        let url = if signs { "socks5h://ann:hunter2@proxy.example.net:1080" } else { "socks5h://proxy.example.net:1080" };
        let met = proxied(url, &says, piece, then);
        prop_assert!(met.took <= LIMIT * 2);
        match met.outcome {
            Err(failure) => {
                prop_assert!(met.read <= MOST, "{}", met.read);
                prop_assert!(is_fit_to_show(&failure), "{failure:?}");
            }
            Ok(behind) => {
                let said: Vec<u8> = says.iter().copied().cycle().take(MOST + BEHIND).collect();
                let end = met.read - behind.len();
                prop_assert!(end <= MOST, "{end}");
                prop_assert_eq!(&said[end..end + behind.len()], &behind[..], "what stands behind the reply is left");
            }
        }
    }
}
