//! Certificates that depend on SNI, chains out of order, and ClientHellos that get no answer.

use super::*;

/// Shakes hands naming this host, or none; the names of the certificate that came, and the chain's length.
async fn names(network: &LabNetwork, server_name: Option<&str>) -> (Vec<String>, usize) {
    let mut ssl = Ssl::new(&client(network, |_| {})).unwrap();
    ssl.set_verify(SslVerifyMode::NONE);
    if let Some(name) = server_name {
        ssl.set_hostname(name).unwrap();
    }
    let mut stream = SslStream::new(ssl, connect(network, 465).await).unwrap();
    Pin::new(&mut stream).connect().await.unwrap();
    let leaf = stream.ssl().peer_certificate().unwrap();
    let names = leaf.subject_alt_names().unwrap();
    let names = names.iter().filter_map(|name| name.dnsname().map(str::to_owned)).collect();
    (names, stream.ssl().peer_cert_chain().unwrap().len())
}

#[tokio::test(start_paused = true)]
async fn the_name_in_the_client_hello_chooses_the_certificate() {
    let network = implicit(
        ", by_name = [{ name = 'smtp.example.com', certificate = 'mine' }]",
        "",
        "[[certificate]]\nid = 'mine'\nnames = ['smtp.example.com', 'mine.example.com']",
    );
    for (asked, first) in [
        (Some("smtp.example.com"), "mine.example.com"),
        (Some("SMTP.example.com"), "mine.example.com"),
        (Some("other.example.com"), "smtp.example.com"),
        (None, "smtp.example.com"),
    ] {
        let (names, _) = names(&network, asked).await;
        assert_eq!(names.last().map(String::as_str), Some(first), "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_out_of_order_and_one_with_a_stranger() {
    for (send, count) in [("reversed", 3), ("with-stray", 3), ("full", 2), ("leaf-only", 1)] {
        let network = implicit("", "", &format!("send = '{send}'"));
        assert_eq!(names(&network, None).await.1, count, "{send}");
        let strict = handshake(&client(&network, |_| {}), connect(&network, 465).await).await;
        assert_eq!(strict.is_ok(), send != "leaf-only", "{send}: OpenSSL sorts chains by itself");
    }
    let network = implicit("", "", "send = 'reversed'");
    let identity = network.pki.identity("smtp").unwrap();
    let subjects: Vec<_> = identity.chain.iter().map(|c| format!("{:?}", c.subject_name())).collect();
    assert!(subjects[0].contains("Lab Root CA") && subjects[1].contains("Lab Intermediate CA"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_deaf_to_large_or_new_hellos() {
    let attempt = async |deaf: &str, newest: SslVersion| {
        let network = implicit(&format!(", deaf = {{ {deaf} }}"), "", "");
        let context = client(&network, |builder| {
            builder.set_max_proto_version(Some(newest)).unwrap();
        });
        let ended = timeout(Duration::from_secs(60), handshake(&context, connect(&network, 465).await)).await;
        match ended {
            Ok(Ok(stream)) => {
                // What was read ahead of the handshake is not lost to it.
                let mut stream: Box<dyn Stream> = Box::new(stream);
                hear(&mut stream).await
            }
            Ok(Err(error)) => error,
            Err(_) => "silence".to_owned(),
        }
    };
    let (old, new) = (SslVersion::TLS1_2, SslVersion::TLS1_3);
    assert_eq!(attempt("above_version = '1.2'", new).await, "silence");
    assert!(attempt("above_version = '1.2'", old).await.starts_with("220 "));
    assert_eq!(attempt("above_bytes = 200", new).await, "silence");
    assert!(attempt("above_bytes = 1000", new).await.starts_with("220 "));
    assert!(attempt("above_bytes = 200, then = 'reset'", new).await.contains("reset"));
    assert!(attempt("above_bytes = 200, then = 'close'", new).await.contains("unexpected EOF"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let read = |secure: &str| {
        let text = format!(
            "{HEAD}\nports = {{ 465 = {{ open = 'smtps' }} }}\n[[smtp]]\nid = 'smtps'\nname = 'smtp.example.com'\n\
             tls = 'implicit'\nsecure = {{ certificate = 'smtp', {secure} }}\n{SECURE}"
        );
        Scenario::read("test", &text).unwrap_err().to_string()
    };
    assert!(read("deaf = {}").contains("deaf to nothing"));
    assert!(read("deaf = { above_bytes = 200, then = 'go-on' }").contains("deaf and going on"));
    let twice = "{ name = 'a.example.com', certificate = 'smtp' }";
    assert!(read(&format!("by_name = [{twice}, {twice}]")).contains("two certificates"));
    assert!(read("by_name = [{ name = 'a.example.com', certificate = 'b' }]").contains("no certificate 'b'"));
}
