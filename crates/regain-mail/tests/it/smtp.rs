//! A relay that misbehaves. The relay of these tests speaks from a script; a real one is part of
//! the end-to-end tests.

use std::time::Duration;

use regain_mail::{
    Accepted, Language, Message, Rendered, SendError, SmtpSettings, SmtpSettingsError,
    SmtpTransport, Tls, Transport as _, compose,
};
use regain_types::Secret;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use crate::fixtures::{envelope, recovery_message};

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port,
        tls: Tls::None,
        ca_pem: None,
        credentials: None,
        hello_name: Some("id.example.com".to_owned()),
        timeout: Duration::from_secs(30),
        danger_accept_invalid_certificates: false,
        danger_credentials_without_tls: false,
    }
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Answers one connection until it closes or said QUIT. `answer` gets the first word of each line;
/// the lines come back.
async fn relay(listener: &TcpListener, answer: impl Fn(&str) -> &'static str) -> Vec<String> {
    relay_until(listener, ("QUIT", 1, ""), answer).await
}

/// The same, but when it hears `last` for the `nth` time, it says its last word and hangs up.
async fn relay_until(
    listener: &TcpListener,
    (last, nth, last_word): (&str, usize, &str),
    answer: impl Fn(&str) -> &'static str,
) -> Vec<String> {
    let mut left = nth;
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    stream
        .write_all(b"220 relay.example ESMTP\r\n")
        .await
        .unwrap();
    let (mut heard, mut in_data) = (Vec::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return heard;
        }
        let line = line.trim_end().to_owned();
        let word = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        heard.push(line.clone());
        if in_data && line != "." {
            continue;
        }
        if word == last {
            left -= 1;
            if left == 0 {
                let _ = stream.write_all(last_word.as_bytes()).await;
                return heard;
            }
        }
        in_data = word == "DATA";
        let reply = answer(if line == "." { "." } else { &word });
        if stream
            .write_all(format!("{reply}\r\n").as_bytes())
            .await
            .is_err()
        {
            return heard;
        }
    }
}

/// Sends and lets go of the connection, so that the relay's part ends.
async fn send_once(transport: SmtpTransport, message: &Message) -> Result<Accepted, SendError> {
    let sent = transport.send(message).await;
    drop(transport);
    sent
}

fn polite(word: &str) -> &'static str {
    match word {
        "DATA" => "354 go on",
        _ => "250 ok",
    }
}

#[tokio::test]
async fn a_mail_goes_out_and_the_next_uses_the_same_connection() {
    let (listener, port) = listen().await;
    let sending = async {
        let transport = SmtpTransport::new(settings(port)).unwrap();
        transport.check().await.unwrap();
        for id in ["out1", "out2"] {
            let accepted = transport
                .send(&recovery_message(id, "alice@example.com"))
                .await
                .unwrap();
            assert_eq!(accepted.detail, "250");
        }
        drop(transport);
    };
    let (heard, ()) = tokio::join!(relay(&listener, polite), sending);
    assert_eq!(
        heard.first().map(String::as_str),
        Some("EHLO id.example.com")
    );
    let count = |line: &str| heard.iter().filter(|heard| *heard == line).count();
    assert_eq!(count("MAIL FROM:<no-reply@example.com>"), 2);
    assert_eq!(count("RCPT TO:<alice@example.com>"), 2);
    assert_eq!(count("."), 2);
    assert_eq!(count("123456"), 2);
}

#[tokio::test]
async fn refusals_name_the_code_and_nothing_else() {
    for (reply, expected) in [
        (
            "550 no such user alice@example.com",
            SendError::Recipient("the mail relay refused the recipient (550)".to_owned()),
        ),
        (
            "451 greylisted alice@example.com",
            SendError::Temporary("the mail relay put the message off (451)".to_owned()),
        ),
    ] {
        let (listener, port) = listen().await;
        let transport = SmtpTransport::new(settings(port)).unwrap();
        let message = recovery_message("out1", "alice@example.com");
        let answer = |word: &str| if word == "RCPT" { reply } else { polite(word) };
        let (_, sent) = tokio::join!(relay(&listener, answer), send_once(transport, &message));
        assert_eq!(sent, Err(expected));
    }
}

#[tokio::test]
async fn a_refused_sender_is_not_the_mail_s_fault() {
    let (listener, port) = listen().await;
    let transport = SmtpTransport::new(settings(port)).unwrap();
    let message = recovery_message("out1", "alice@example.com");
    let answer = |word: &str| {
        if word == "MAIL" {
            "553 not yours"
        } else {
            polite(word)
        }
    };
    let (_, sent) = tokio::join!(relay(&listener, answer), send_once(transport, &message));
    let ours = "the mail relay does not take mails from us (553)".to_owned();
    assert_eq!(sent, Err(SendError::Unreachable(ours)));
}

#[tokio::test]
async fn content_arrives_byte_for_byte() {
    let (listener, port) = listen().await;
    let transport = SmtpTransport::new(settings(port)).unwrap();
    // Lines that begin with a dot are what a relay could take for the end.
    let rendered = Rendered {
        subject: "Dots".to_owned(),
        text: ".\n..\n.end\nlast".to_owned(),
        html: ".<p>.</p>\n.\n".to_owned(),
        language: Language::En,
    };
    let message = compose(&envelope("out1", "alice@example.com"), &rendered).unwrap();
    let (heard, sent) = tokio::join!(relay(&listener, polite), send_once(transport, &message));
    sent.unwrap();
    let content = heard.iter().skip_while(|line| *line != "DATA").skip(1);
    let mut received = String::new();
    for line in content.take_while(|line| *line != ".") {
        received.push_str(line.strip_prefix('.').unwrap_or(line));
        received.push_str("\r\n");
    }
    assert_eq!(received.as_bytes(), message.raw());
}

#[tokio::test]
async fn a_stripped_starttls_gets_no_mail() {
    // T-M5: the relay, or somebody on the way, does not offer STARTTLS.
    let (listener, port) = listen().await;
    let mut settings = settings(port);
    settings.tls = Tls::StartTls;
    let transport = SmtpTransport::new(settings).unwrap();
    let message = recovery_message("out1", "alice@example.com");
    let (heard, sent) = tokio::join!(relay(&listener, polite), send_once(transport, &message));
    assert_eq!(
        sent,
        Err(SendError::Unreachable(
            "the mail relay does not offer the STARTTLS or AUTH that is required".to_owned()
        ))
    );
    assert_eq!(heard, ["EHLO id.example.com"]);
}

#[tokio::test]
async fn a_refused_sign_in_does_not_lose_the_mail() {
    let (listener, port) = listen().await;
    let mut settings = settings(port);
    settings.credentials = Some(("user".to_owned(), Secret::new("hunter2".to_owned())));
    settings.danger_credentials_without_tls = true;
    let transport = SmtpTransport::new(settings).unwrap();
    let message = recovery_message("out1", "alice@example.com");
    let answer = |word: &str| match word {
        "EHLO" => "250-relay.example\r\n250 AUTH PLAIN",
        "AUTH" => "535 wrong password for user",
        _ => polite(word),
    };
    let (_, sent) = tokio::join!(relay(&listener, answer), send_once(transport, &message));
    assert_eq!(
        sent,
        Err(SendError::Unreachable(
            "the mail relay refused the connection or the sign-in (535)".to_owned()
        ))
    );
}

#[tokio::test]
async fn a_silent_relay_is_given_up_and_its_connection_is_not_used_again() {
    let (listener, port) = listen().await;
    let mut settings = settings(port);
    settings.timeout = Duration::from_millis(300);
    let transport = SmtpTransport::new(settings).unwrap();
    let message = recovery_message("out1", "alice@example.com");
    // Accepts, greets, and falls silent after DATA: the worst moment.
    let silent = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream
            .write_all(b"220 relay.example ESMTP\r\n")
            .await
            .unwrap();
        let mut line = String::new();
        while !line.starts_with("DATA") {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            if !line.starts_with("DATA") {
                stream.write_all(b"250 ok\r\n").await.unwrap();
            }
        }
        stream
    };
    let (_open, sent) = tokio::join!(silent, transport.send(&message));
    let late = Err(SendError::Unreachable(
        "the mail relay did not answer in time".to_owned(),
    ));
    assert_eq!(sent, late);
    let again = send_once(transport, &message);
    let (heard, sent) = tokio::join!(relay(&listener, polite), again);
    sent.unwrap();
    assert_eq!(
        heard.first().map(String::as_str),
        Some("EHLO id.example.com")
    );
}

/// A relay ends connections that wait for long, or after so many mails: with a last word, of its own
/// accord or as its answer, or without.
#[tokio::test]
async fn a_kept_connection_that_the_relay_has_ended_costs_no_mail() {
    for end in [
        (".", 1, "250 ok\r\n421 4.4.2 too long idle\r\n"),
        (".", 1, "250 ok\r\n451 4.4.2 waited for data\r\n"),
        (".", 1, "250 ok\r\n"),
        ("MAIL", 2, "452 4.5.3 enough for one connection\r\n"),
        ("MAIL", 2, ""),
    ] {
        let (listener, port) = listen().await;
        let transport = SmtpTransport::new(settings(port)).unwrap();
        let sending = async {
            for id in ["out1", "out2"] {
                let message = recovery_message(id, "alice@example.com");
                transport.send(&message).await.unwrap();
            }
            drop(transport);
        };
        let relaying = async {
            let first = relay_until(&listener, end, polite).await;
            (first, relay(&listener, polite).await)
        };
        let ((first, second), ()) = tokio::join!(relaying, sending);
        let mails = |heard: &[String]| heard.iter().filter(|line| *line == ".").count();
        assert_eq!((mails(&first), mails(&second)), (1, 1), "{end:?}");
    }
}

/// Whatever it says of the next one must not be taken for what it says of this.
#[tokio::test]
async fn a_relay_that_is_out_of_step_has_taken_nothing() {
    for (word, reply) in [("DATA", "250 ok"), (".", "354 go on")] {
        let (listener, port) = listen().await;
        let transport = SmtpTransport::new(settings(port)).unwrap();
        let message = recovery_message("out1", "alice@example.com");
        let answer = |heard: &str| if heard == word { reply } else { polite(heard) };
        let (_, sent) = tokio::join!(relay(&listener, answer), send_once(transport, &message));
        let broken = "the connection to the mail relay broke".to_owned();
        assert_eq!(sent, Err(SendError::Unreachable(broken)), "{word}");
    }
}

#[tokio::test]
async fn no_relay_is_a_reason_to_try_again() {
    let (listener, port) = listen().await;
    drop(listener);
    let transport = SmtpTransport::new(settings(port)).unwrap();
    let unreachable = Err(SendError::Unreachable(
        "the mail relay cannot be reached".to_owned(),
    ));
    assert_eq!(transport.check().await, unreachable);
}

/// A relay that takes addresses of every script.
fn international(word: &str) -> &'static str {
    match word {
        "EHLO" => "250-relay.example\r\n250-8BITMIME\r\n250 SMTPUTF8",
        _ => polite(word),
    }
}

#[tokio::test]
async fn t_m4_letters_beyond_ascii_go_as_they_are_where_the_relay_takes_them() {
    let (listener, port) = listen().await;
    let transport = SmtpTransport::new(settings(port)).unwrap();
    let message = recovery_message("out1", "j\u{f6}rg+1@b\u{fc}cher.example");
    let (heard, sent) = tokio::join!(
        relay(&listener, international),
        send_once(transport, &message)
    );
    sent.unwrap();
    let is_there = |line: &str| heard.iter().any(|heard| heard == line);
    assert!(
        is_there("MAIL FROM:<no-reply@example.com> SMTPUTF8 BODY=8BITMIME"),
        "{heard:?}"
    );
    assert!(is_there("RCPT TO:<j\u{f6}rg+1@xn--bcher-kva.example>"));
    assert!(is_there("To: j\u{f6}rg+1@xn--bcher-kva.example"));
}

#[tokio::test]
async fn t_m4_letters_beyond_ascii_need_a_relay_that_takes_them() {
    for offers in [
        "250 relay.example",
        "250-relay.example\r\n250 SMTPUTF8",
        "250-relay.example\r\n250 8BITMIME",
    ] {
        let (listener, port) = listen().await;
        let transport = SmtpTransport::new(settings(port)).unwrap();
        let message = recovery_message("out1", "j\u{f6}rg@example.com");
        let answer = |word: &str| if word == "EHLO" { offers } else { polite(word) };
        let (heard, sent) = tokio::join!(relay(&listener, answer), send_once(transport, &message));
        let why = "the mail relay takes no addresses with letters beyond ASCII";
        assert_eq!(sent, Err(SendError::SmtpUtf8(why.to_owned())), "{offers}");
        assert_eq!(heard, ["EHLO id.example.com"], "nothing was tried");
    }
}

#[tokio::test]
async fn t_m4_a_domain_of_any_script_needs_nothing_of_the_relay() {
    let (listener, port) = listen().await;
    let transport = SmtpTransport::new(settings(port)).unwrap();
    let message = recovery_message("out1", "alice@\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}");
    let (heard, sent) = tokio::join!(relay(&listener, polite), send_once(transport, &message));
    sent.unwrap();
    let is_there = |line: &str| heard.iter().any(|heard| heard == line);
    assert!(
        is_there("MAIL FROM:<no-reply@example.com>"),
        "no extension is asked for"
    );
    assert!(is_there("RCPT TO:<alice@xn--r8jz45g.xn--zckzah>"));
    assert!(heard.iter().all(|line| line.is_ascii()), "{heard:?}");
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let mut open = settings(25);
    open.credentials = Some(("user".to_owned(), Secret::new("hunter2".to_owned())));
    assert_eq!(
        SmtpTransport::new(open).map(|_| ()),
        Err(SmtpSettingsError::CredentialsWithoutTls)
    );

    let mut bad_ca = settings(465);
    bad_ca.tls = Tls::Implicit;
    bad_ca.ca_pem = Some("no certificate".to_owned());
    assert_eq!(
        SmtpTransport::new(bad_ca).map(|_| ()),
        Err(SmtpSettingsError::Certificates)
    );

    let mut bad_host = settings(465);
    bad_host.tls = Tls::Implicit;
    bad_host.host = "not a host".to_owned();
    assert_eq!(
        SmtpTransport::new(bad_host).map(|_| ()),
        Err(SmtpSettingsError::Host)
    );

    let mut secret = settings(465);
    secret.credentials = Some(("user".to_owned(), Secret::new("hunter2".to_owned())));
    assert!(!format!("{secret:?}").contains("hunter2"));
}
