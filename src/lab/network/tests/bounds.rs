//! Clients that do not let go: whatever they do, a connection ends, and one that is too many is told so.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Says this every minute, until the server ends the connection; the minutes, and the last words.
async fn minutes(stream: &mut Box<dyn Stream>, says: &[u8]) -> (u32, String) {
    let (mut last, mut buffer) = (String::new(), vec![0; 65_536]);
    for minute in 0..100 {
        if stream.write_all(says).await.is_err() {
            return (minute, last);
        }
        let next = Instant::now() + MINUTE;
        while let Ok(read) = tokio::time::timeout_at(next, stream.read(&mut buffer)).await {
            match read {
                Ok(count @ 1..) => last = String::from_utf8_lossy(&buffer[..count]).into_owned(),
                _ => return (minute, last),
            }
        }
    }
    panic!("it is still there");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_and_on_is_told_to_leave() {
    let network = submission("");
    let mut stream = connect(&network, 587).await;
    let (minutes, last) = minutes(&mut stream, b"NOOP\r\n").await;
    assert_eq!((minutes, last.as_str()), (30, "421 4.4.2 smtp.example.com Timeout, closing connection\r\n"));
}

#[tokio::test(start_paused = true)]
async fn what_hangs_or_answers_any_line_ends_too() {
    for how in ["answers = '* BAD\\r\\n'", "then = 'hang'", ""] {
        let network = network("143 = { open = 'raw' }", &format!("[[raw]]\nid = 'raw'\n{how}"));
        let mut stream = connect(&network, 143).await;
        assert_eq!(minutes(&mut stream, b"line\r\n").await.0, 30, "{how}");
        assert_eq!(network.open_connections(), 0);
    }
    let network = submission("[[smtp.rule]]\nat = 'ehlo'\nsilent = true\nthen = 'hang'");
    let mut stream = connect(&network, 587).await;
    assert_eq!(minutes(&mut stream, b"EHLO me.example.net\r\n").await.0, 30);
}

/// What a client that comes from outside reads until the end.
async fn visit(network: &LabNetwork, port: u16) -> String {
    let (mut near, far) = tokio::io::duplex(4096);
    let ip = "192.0.2.10".parse().unwrap();
    network.receive(ip, port, Box::new(far), Box::new(|| panic!("it is not reset"))).await;
    let mut said = String::new();
    near.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test(start_paused = true)]
async fn one_too_many_is_turned_away_in_its_own_words() {
    let network = network(
        "587 = { open = 'smtp' }, 465 = { open = 'smtps' }, 80 = { open = 'web' }, 143 = { open = 'raw' }",
        &format!(
            "[[smtp]]\nid = 'smtp'\nname = 'smtp.example.com'\ntls = 'none'\n\
             [[smtp]]\nid = 'smtps'\nname = 'smtp.example.com'\ntls = 'implicit'\nsecure = {{ certificate = 'smtp' }}\n\
             [[http]]\nid = 'web'\n[[raw]]\nid = 'raw'\nthen = 'hang'\n{SECURE}"
        ),
    );
    let mut visitors = Vec::new();
    for _ in 0..MAX_VISITORS {
        let (near, far) = tokio::io::duplex(64);
        let ip = "192.0.2.10".parse().unwrap();
        network.receive(ip, 143, Box::new(far), Box::new(|| panic!("it is not reset"))).await;
        visitors.push(near);
    }
    assert_eq!(
        visit(&network, 587).await,
        "421 4.3.2 smtp.example.com Too many connections, try again later\r\n"
    );
    assert!(visit(&network, 80).await.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    assert_eq!(visit(&network, 465).await, "", "nothing can be said before TLS");
    assert_eq!(visit(&network, 143).await, "");
    assert_eq!(network.open_connections(), MAX_VISITORS);
    visitors.pop();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(network.open_connections(), MAX_VISITORS - 1, "there is room again");
}
