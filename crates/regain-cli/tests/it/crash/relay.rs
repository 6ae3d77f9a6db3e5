//! A mail relay that keeps what it took, and in which life of the engine it took it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail_parser::MessageParser;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::storm::{Point, Storm};

/// A mail as it came in.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) to: String,
    pub(super) message_id: String,
    /// Of a mail with a code.
    pub(super) code: Option<String>,
    /// How often the engine had been killed by then.
    pub(super) life: usize,
}

/// What came in so far.
#[derive(Debug, Default)]
pub(super) struct Relay {
    deliveries: Mutex<Vec<Delivery>>,
    came: Notify,
}

impl Relay {
    /// Listens, and answers where.
    pub(super) async fn listen(self: &Arc<Self>, storm: Arc<Storm>) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Arc::clone(self);
        storm.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (relay, storm) = (Arc::clone(&relay), Arc::clone(&storm));
                storm.pass(Point::MailConnected);
                storm.clone().spawn(async move {
                    // A sender that was killed breaks off wherever it was.
                    let _ = relay.serve(stream, &storm).await;
                });
            }
        });
        address
    }

    pub(super) fn all(&self) -> Vec<Delivery> {
        let deliveries = self.deliveries.lock();
        deliveries.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The code in the mail number `number` to somebody; copies count once.
    pub(super) fn code(&self, to: &str, number: usize) -> Option<String> {
        let mut seen: Vec<(String, String)> = Vec::new();
        for delivery in self.all() {
            let is_new = seen.iter().all(|(id, _)| *id != delivery.message_id);
            if let (Some(code), true) = (delivery.code, is_new && delivery.to == to) {
                seen.push((delivery.message_id, code));
            }
        }
        seen.into_iter().nth(number).map(|(_, code)| code)
    }

    /// The same, waiting for a while.
    pub(super) async fn wait(&self, to: &str, number: usize, patience: Duration) -> Option<String> {
        let look = async {
            loop {
                let came = self.came.notified();
                if let Some(code) = self.code(to, number) {
                    return code;
                }
                came.await;
            }
        };
        tokio::time::timeout(patience, look).await.ok()
    }

    async fn serve(&self, stream: TcpStream, storm: &Arc<Storm>) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        let mut to = String::new();
        write.write_all(b"220 relay ESMTP\r\n").await?;
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let command = line.trim_end().to_ascii_uppercase();
            let answer = match command.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => "250-relay\r\n250 8BITMIME\r\n",
                "RCPT" => {
                    line.split(['<', '>'])
                        .nth(1)
                        .unwrap_or_default()
                        .clone_into(&mut to);
                    "250 ok\r\n"
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    let Some(mail) = content(&mut lines).await? else {
                        return Ok(());
                    };
                    // From here on it is the relay's: the answer may get lost.
                    self.keep(&to, &mail, storm.life());
                    storm.pass(Point::MailTaken);
                    write.write_all(b"250 taken\r\n").await?;
                    storm.pass(Point::MailAnswered);
                    continue;
                }
                "QUIT" => {
                    write.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 ok\r\n",
            };
            write.write_all(answer.as_bytes()).await?;
        }
    }

    fn keep(&self, to: &str, mail: &[u8], life: usize) {
        let parsed = MessageParser::default().parse(mail).expect("a mail");
        let text = parsed.body_text(0).unwrap_or_default();
        // Who has guessed much gets long codes (G-01).
        let is_code = |line: &&str| {
            (6..=16).contains(&line.len()) && line.bytes().all(|b| b.is_ascii_digit())
        };
        let delivery = Delivery {
            to: to.to_owned(),
            message_id: parsed.message_id().expect("a Message-ID").to_owned(),
            code: text.lines().map(str::trim).find(is_code).map(str::to_owned),
            life,
        };
        let deliveries = self.deliveries.lock();
        deliveries
            .unwrap_or_else(PoisonError::into_inner)
            .push(delivery);
        self.came.notify_waiters();
    }
}

/// The mail up to the line with the dot, or nothing when the sender broke off.
async fn content(
    lines: &mut (impl tokio::io::AsyncBufRead + Unpin),
) -> std::io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    loop {
        let start = mail.len();
        if lines.read_until(b'\n', &mut mail).await? == 0 {
            return Ok(None);
        }
        match &mail[start..] {
            b".\r\n" => {
                mail.truncate(start);
                return Ok(Some(mail));
            }
            [b'.', b'.', ..] => drop(mail.remove(start)),
            _ => {}
        }
    }
}
