//! What goes over the line: replies, commands, capabilities, the dialogue, TLS records, certificates.
//!
//! Bytes in, values out: no sockets, no clock, no async. Parsing is lossless first and judged second: malformed
//! input becomes a quirk, not an error, while anything can be read.
//!
//! # The dialogue
//!
//! ```text
//!   STARTTLS, none                                        implicit TLS
//!        │                                                     │
//!        │                                              ┌──────▼──────┐
//!        │               ┌──────────────────────────────┤  handshake  │◀─────────┐
//!        │               │ no greeting yet              └──────┬──────┘          │
//! ┌──────▼──────┐        │                                     │ greeted before  │
//! │  greeting   │◀───────┘                                     │                 │
//! └──────┬──────┘                                              │                 │
//!        │ 2yz                                                 │                 │
//! ┌──────▼──────┐◀─────────── the old list is forgotten ───────┘                 │
//! │    EHLO     │                                                                │
//! └──┬───┬──────┘                                                                │
//!    │   │ 5yz   ┌─────────────┐                                                 │
//!    │   └──────▶│    HELO     │                                                 │
//!    │ 2yz       └──────┬──────┘                                                 │
//!    │◀─────────────────┘ 2yz                                                    │
//!    │                                   ┌─────────────┐ 2yz                     │
//!    ├─ in cleartext, STARTTLS wanted ──▶│  STARTTLS   ├─────────────────────────┘
//!    │  and offered                      └─────────────┘
//! ┌──▼──────────┐
//! │    ready    │  here mail can be submitted
//! └──┬───┬──────┘
//!    │   │ verified TLS and credentials   ┌─────────────┐ 334: the next answer, or * to give up
//!    │   └───────────────────────────────▶│    AUTH     │◀──┐
//!    │                                    └──────┬──────┘───┘
//!    │◀──────────────────────────────────────────┘ 235
//!    │ an envelope   ┌──────┐ 2yz  ┌──────┐ 2yz, a message   ┌──────┐ 354  ┌─────────┐
//!    ├──────────────▶│ MAIL ├─────▶│ RCPT ├─────────────────▶│ DATA ├─────▶│ message │
//!    │               └──────┘      └──┬───┘                  └──────┘      └────┬────┘
//!    │                                │ no message  ┌──────┐                    │
//!    │                                └────────────▶│ RSET │                    │
//!    │                                              └──┬───┘                    │
//! ┌──▼──────────┐◀─────────────────────────────────────┴────────────────────────┘
//! │    QUIT     │◀── also after any 4yz or 5yz, while the server listens
//! └─────────────┘
//! ```
//!
//! One complete exchange, with the server's part written down beforehand:
//!
//! ```
//! use ehlo::target::TlsMode;
//! use ehlo::wire::dialogue::{Action, Dialogue, Finish, Script};
//! use ehlo::wire::reply::ReplyReader;
//!
//! // What the server will say: in cleartext, then inside TLS.
//! let mut cleartext = ReplyReader::new();
//! cleartext.push(b"220 mx.example.com ESMTP\r\n");
//! cleartext.push(b"250-mx.example.com\r\n250-SIZE 35882577\r\n250 STARTTLS\r\n");
//! cleartext.push(b"220 2.0.0 Ready to start TLS\r\n");
//! let mut inside = ReplyReader::new();
//! inside.push(b"250-mx.example.com\r\n250-SIZE 35882577\r\n250 AUTH PLAIN LOGIN\r\n");
//!
//! let script = Script::new(TlsMode::Starttls, "laptop.example.net");
//! let mut dialogue = Dialogue::new(script);
//! let mut sent = Vec::new();
//! let finish = loop {
//!     match dialogue.next_action() {
//!         // A driver writes the bytes to the socket.
//!         Action::Send(command) => sent.push(String::from_utf8(command.bytes.0.clone()).unwrap()),
//!         // A driver reads from the socket until there is a reply.
//!         Action::AwaitGreeting | Action::AwaitReply => {
//!             let reader = if dialogue.encrypted() { &mut inside } else { &mut cleartext };
//!             match reader.next_reply() {
//!                 Some(reply) => dialogue.on_reply(&reply),
//!                 None => dialogue.on_ended(),
//!             }
//!         }
//!         // A driver does this on a thread of its own: the server decides how long it takes. Only SCRAM asks for it.
//!         Action::Reckon => {
//!             let reckoned = dialogue.reckoning().map(|reckoning| reckoning.run());
//!             dialogue.on_reckoned(reckoned);
//!         }
//!         // A driver makes the handshake. Bytes that came early stay outside: they were sent in cleartext.
//!         Action::StartTls => dialogue.on_tls(),
//!         Action::Done(finish) => break finish,
//!     }
//! };
//! assert_eq!(finish, Finish::Complete);
//! assert_eq!(
//!     sent,
//!     ["EHLO laptop.example.net\r\n", "STARTTLS\r\n", "EHLO laptop.example.net\r\n", "QUIT\r\n"]
//! );
//! assert_eq!(dialogue.capabilities().unwrap().auth(), ["PLAIN", "LOGIN"]);
//! ```

pub mod bytes;
pub mod capability;
pub mod certificate;
pub mod command;
pub mod dialogue;
pub mod dkim;
pub mod dmarc;
pub mod enhanced;
pub mod message;
pub mod mta_sts;
pub mod printable;
pub mod reply;
pub mod sasl;
pub mod spf;
pub mod tags;
pub mod tls;
pub mod tlsa;
