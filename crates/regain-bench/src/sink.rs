//! A mail relay that takes everything and hands out the codes; it runs on the generator's thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use crate::clock::Stopwatch;

/// Longest mail that is taken.
const MAIL_BYTES_MAX: usize = 1 << 20;
const READ_BYTES: usize = 16 * 1_024;
/// What stands around the code in every mail with one (`docs/compatibility.md`).
const BEFORE_CODE: &str = "enter this code: <b>";
const AFTER_CODE: &str = "</b>";

/// A mail that somebody waits for.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) code: String,
    /// When the relay said that it has taken the mail.
    pub(crate) accepted_at: Duration,
}

/// Who waits for a mail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox(Rc<RefCell<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    addresses: HashMap<String, oneshot::Sender<Mail>>,
    accepted: u64,
}

impl Inbox {
    /// Waits for the next mail with a code to an address. One at a time for each address.
    pub(crate) fn expect(&self, address: &str) -> oneshot::Receiver<Mail> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.0.borrow_mut();
        waiting.addresses.insert(address.to_owned(), sender);
        receiver
    }

    /// Mails so far, notices included.
    pub(crate) fn accepted(&self) -> u64 {
        self.0.borrow().accepted
    }

    fn accept(&self, to: &[String], mail: &str, at: Duration) {
        let mut waiting = self.0.borrow_mut();
        waiting.accepted += 1;
        let Some(code) = code_of(mail) else { return };
        for address in to {
            if let Some(sender) = waiting.addresses.remove(address) {
                // Whoever stopped waiting has counted an error already.
                let _ = sender.send(Mail {
                    code: code.to_owned(),
                    accepted_at: at,
                });
            }
        }
    }
}

fn code_of(mail: &str) -> Option<&str> {
    let (_, rest) = mail.split_once(BEFORE_CODE)?;
    rest.split_once(AFTER_CODE).map(|(code, _)| code)
}

/// Listens on a free port of this machine; runs until the thread's tasks end.
///
/// # Errors
/// What the system says.
pub(crate) async fn start(inbox: Inbox, watch: Stopwatch) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let session = Session {
                inbox: inbox.clone(),
                watch: watch.clone(),
                to: Vec::new(),
                in_data: false,
            };
            // A relay that hangs up in the middle is the engine's business to report.
            spawn_local(async move { session.run(stream).await });
        }
    });
    Ok(address)
}

struct Session {
    inbox: Inbox,
    watch: Stopwatch,
    to: Vec<String>,
    in_data: bool,
}

impl Session {
    async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.write_all(b"220 sink ESMTP\r\n").await?;
        let mut received = Vec::with_capacity(READ_BYTES);
        loop {
            received.reserve(READ_BYTES);
            if stream.read_buf(&mut received).await? == 0 || received.len() > MAIL_BYTES_MAX {
                return Ok(());
            }
            let mut reply = Vec::new();
            while let Some(taken) = self.take(&received, &mut reply) {
                received.drain(..taken);
            }
            if !reply.is_empty() {
                stream.write_all(&reply).await?;
            }
        }
    }

    /// Takes one command or one mail, and says how many bytes it had; `None` when it is not there
    /// in full yet.
    fn take(&mut self, received: &[u8], reply: &mut Vec<u8>) -> Option<usize> {
        if self.in_data {
            let end = find(received, b"\r\n.\r\n")?;
            let mail = String::from_utf8_lossy(received.get(..end)?);
            let at = self.watch.now();
            self.inbox.accept(&std::mem::take(&mut self.to), &mail, at);
            self.in_data = false;
            reply.extend_from_slice(b"250 2.0.0 taken\r\n");
            return Some(end + 5);
        }
        let end = find(received, b"\r\n")?;
        let line = String::from_utf8_lossy(received.get(..end)?);
        reply.extend_from_slice(self.answer(&line));
        Some(end + 2)
    }

    fn answer(&mut self, line: &str) -> &'static [u8] {
        let verb: String = line.chars().take(4).collect();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "DATA" => {
                self.in_data = true;
                b"354 go on\r\n"
            }
            "RCPT" => {
                let address = line
                    .split_once('<')
                    .and_then(|(_, rest)| rest.split_once('>'));
                self.to
                    .extend(address.map(|(address, _)| address.to_ascii_lowercase()));
                b"250 2.1.5 fine\r\n"
            }
            "QUIT" => b"221 2.0.0 bye\r\n",
            _ => b"250 2.0.0 fine\r\n",
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_goes_to_whoever_waits_for_it() {
        let inbox = Inbox::default();
        let mut waiting = inbox.expect("a@bench.example");
        let mut session = Session {
            inbox: inbox.clone(),
            watch: Stopwatch::start(),
            to: Vec::new(),
            in_data: false,
        };
        let sent =
            "RCPT TO:<A@bench.example>\r\nDATA\r\nx\r\n\r\nenter this code: <b>123456</b>\r\n.\r\n";
        let (mut rest, mut reply) = (sent.as_bytes(), Vec::new());
        while let Some(taken) = session.take(rest, &mut reply) {
            rest = &rest[taken..];
        }
        assert!(rest.is_empty());
        assert_eq!(waiting.try_recv().unwrap().code, "123456");
        assert_eq!(inbox.accepted(), 1);
        assert!(reply.starts_with(b"250 2.1.5"));
    }
}
