//! A relay that speaks SMTP and, when a test says so, stops at a stage of it: it says nothing any
//! more, or hangs up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use regain_mail::{SmtpSettings, SmtpTransport, Tls, Transport};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long the slowest machine may take until something arrives here.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far a connection came when the relay stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It is there, and was not greeted.
    Connect,
    /// It was greeted.
    Greeting,
    /// It said EHLO.
    Ehlo,
    /// It named the sender.
    Mail,
    /// It named the recipient.
    Rcpt,
    /// It said DATA.
    Data,
    /// It was told to go on, and sent a part of the content.
    Body,
    /// It sent everything; the relay keeps the mail, and does not say so.
    Dot,
    /// It was told that the mail is taken.
    Taken,
}

impl Stage {
    pub(crate) const ALL: [Self; 9] = [
        Self::Connect,
        Self::Greeting,
        Self::Ehlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Body,
        Self::Dot,
        Self::Taken,
    ];

    /// Whether the relay has the mail then, and will deliver it.
    pub(crate) fn has_the_mail(self) -> bool {
        self >= Self::Dot
    }
}

/// What the relay does at the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    HangsUp,
    IsSilent,
}

/// A mail that the relay took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The line with the sender.
    pub(crate) mail: String,
    /// The octets between the brackets of each line with a recipient.
    pub(crate) to: Vec<Vec<u8>>,
    /// The content, without the dots that were put before dots.
    pub(crate) content: Vec<u8>,
}

impl Taken {
    /// The one line with that name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> String {
        let text = String::from_utf8_lossy(&self.content);
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let named = |line: &&str| line.starts_with(&format!("{name}:"));
        let found: Vec<&str> = head.lines().filter(named).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].to_owned()
    }
}

/// The relay. Each connection carries one mail.
#[derive(Debug)]
pub(crate) struct SmtpRelay {
    port: u16,
    /// What it offers after EHLO.
    offers: &'static [&'static str],
    trap: Mutex<Option<(Stage, Then)>>,
    sprung: Notify,
    taken: Mutex<Vec<Taken>>,
    /// Accepts connections for as long as the test's runtime is there.
    work: Mutex<JoinSet<()>>,
}

impl SmtpRelay {
    pub(crate) async fn start(offers: &'static [&'static str]) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            offers,
            trap: Mutex::default(),
            sprung: Notify::new(),
            taken: Mutex::default(),
            work: Mutex::default(),
        });
        let serving = Arc::clone(&relay);
        relay.work.lock().unwrap().spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let relay = Arc::clone(&serving);
                connections.spawn(async move { relay.serve(stream).await });
            }
        });
        relay
    }

    /// What hands mails to it.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        let settings = SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: Tls::None,
            ca_pem: None,
            credentials: None,
            hello_name: None,
            timeout: PATIENCE,
            danger_accept_invalid_certificates: false,
            danger_credentials_without_tls: false,
        };
        Arc::new(SmtpTransport::new(settings).unwrap())
    }

    /// The next connection that comes so far is stopped there.
    pub(crate) fn stop_at(&self, stage: Stage, then: Then) {
        *self.trap.lock().unwrap() = Some((stage, then));
    }

    /// Waits until a connection was stopped.
    pub(crate) async fn has_stopped(&self) {
        let stopped = tokio::time::timeout(PATIENCE, self.sprung.notified());
        stopped.await.expect("a connection comes to the stage");
    }

    /// Everything that it took, in order.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// What it took for an address.
    pub(crate) fn taken_for(&self, address: &str) -> Vec<Taken> {
        let mut taken = self.taken();
        taken.retain(|mail| mail.to == [address.as_bytes()]);
        taken
    }

    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        // Whoever is cut off by the client has nothing more to say either.
        let _ = self.converse(&mut stream).await;
    }

    async fn converse(&self, stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
        let (mut mail, mut to) = (String::new(), Vec::new());
        if self.stops(stream, Stage::Connect).await {
            return Ok(());
        }
        stream.write_all(b"220 relay.example ESMTP\r\n").await?;
        if self.stops(stream, Stage::Greeting).await {
            return Ok(());
        }
        loop {
            let line = line_of(stream).await?;
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let stage = match text.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => Some(Stage::Ehlo),
                "MAIL" => Some(Stage::Mail),
                "RCPT" => Some(Stage::Rcpt),
                "DATA" => Some(Stage::Data),
                _ => None,
            };
            if let Some(stage) = stage
                && self.stops(stream, stage).await
            {
                return Ok(());
            }
            match stage {
                Some(Stage::Ehlo) => stream.write_all(self.hello().as_bytes()).await?,
                Some(Stage::Data) => {
                    let content = Vec::new();
                    return self.take(stream, Taken { mail, to, content }).await;
                }
                Some(Stage::Mail) => {
                    mail = text;
                    stream.write_all(b"250 ok\r\n").await?;
                }
                Some(Stage::Rcpt) => {
                    to.push(address_in(&line));
                    stream.write_all(b"250 ok\r\n").await?;
                }
                _ => stream.write_all(b"250 ok\r\n").await?,
            }
        }
    }

    fn hello(&self) -> String {
        let offered = self.offers.iter();
        let offered = offered.fold(String::new(), |all, offer| all + "250-" + offer + "\r\n");
        format!("250-relay.example\r\n{offered}250 ENHANCEDSTATUSCODES\r\n")
    }

    /// The content, and the end of the connection.
    async fn take(
        &self,
        stream: &mut BufReader<TcpStream>,
        mut mail: Taken,
    ) -> std::io::Result<()> {
        stream.write_all(b"354 go on\r\n").await?;
        loop {
            let line = line_of(stream).await?;
            if mail.content.is_empty() && self.stops(stream, Stage::Body).await {
                return Ok(());
            }
            if line == b".\r\n" {
                break;
            }
            let line = line.strip_prefix(b".").unwrap_or(&line);
            mail.content.extend_from_slice(line);
        }
        self.taken.lock().unwrap().push(mail);
        if self.stops(stream, Stage::Dot).await {
            return Ok(());
        }
        stream.write_all(b"250 taken\r\n").await?;
        self.stops(stream, Stage::Taken).await;
        Ok(())
    }

    /// Whether this is where a connection is stopped; then it is, here.
    async fn stops(&self, stream: &mut BufReader<TcpStream>, stage: Stage) -> bool {
        let then = {
            let mut trap = self.trap.lock().unwrap();
            let Some((_, then)) = trap.take_if(|(at, _)| *at == stage) else {
                return false;
            };
            then
        };
        self.sprung.notify_one();
        if then == Then::IsSilent {
            // Until the client is gone.
            let mut unread = [0; 1_024];
            while matches!(stream.read(&mut unread).await, Ok(1..)) {}
        }
        true
    }
}

async fn line_of(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    match stream.read_until(b'\n', &mut line).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}

fn address_in(line: &[u8]) -> Vec<u8> {
    let from = line.iter().position(|byte| *byte == b'<').unwrap();
    let until = line.iter().rposition(|byte| *byte == b'>').unwrap();
    line[from + 1..until].to_vec()
}
