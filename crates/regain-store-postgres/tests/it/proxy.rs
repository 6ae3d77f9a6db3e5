//! Stands between the store and the server: counts round trips, loses answers, swallows everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep_until};

/// The name of a server's socket in its directory.
const SOCKET: &str = ".s.PGSQL.5432";
/// Whoever has sent nothing for so long waits for an answer.
const QUIET: Duration = Duration::from_millis(200);

/// What happens to what passes.
#[derive(Debug, Default)]
pub(crate) struct Doings {
    /// Answers are held until the client waits for them; then they all go, and it counts as one.
    counting: AtomicBool,
    trips: AtomicU32,
    /// The next transaction reaches the server; its answers, and the connection, are lost.
    lose_answers: AtomicBool,
    /// Nothing is answered and nothing passed on, as from a machine that is gone.
    silent: AtomicBool,
}

/// A socket of its own in front of a server's.
#[derive(Debug)]
pub(crate) struct Proxy {
    directory: TempDir,
    doings: Arc<Doings>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    pub(crate) fn before(server: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join(SOCKET)).expect("a socket");
        let server = server.join(SOCKET);
        let doings = Arc::new(Doings::default());
        let shared = Arc::clone(&doings);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), Arc::clone(&shared)));
            }
        });
        Self {
            directory,
            doings,
            task,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// From now on round trips are counted.
    pub(crate) fn count(&self) {
        self.doings.counting.store(true, Ordering::SeqCst);
    }

    /// How many there were since it was asked last.
    pub(crate) fn trips(&self) -> u32 {
        self.doings.trips.swap(0, Ordering::SeqCst)
    }

    /// Loses the answers to the next thing that is sent.
    pub(crate) fn lose_answers(&self) {
        self.doings.lose_answers.store(true, Ordering::SeqCst);
    }

    /// Whether answers were lost since.
    pub(crate) fn has_lost(&self) -> bool {
        !self.doings.lose_answers.load(Ordering::SeqCst)
    }

    pub(crate) fn be_silent(&self, silent: bool) {
        self.doings.silent.store(silent, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Counts messages of one kind in one direction.
struct Messages {
    buffer: Vec<u8>,
    /// The first message of a client has no kind.
    untyped: bool,
    kinds: &'static [u8],
    seen: u32,
}

impl Messages {
    fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        loop {
            let kind_bytes = usize::from(!self.untyped);
            let Some(length) = self.buffer.get(kind_bytes..kind_bytes + 4) else {
                return;
            };
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize + kind_bytes;
            if self.buffer.len() < length {
                return;
            }
            if self.untyped || self.kinds.contains(&self.buffer[0]) {
                self.seen += 1;
            }
            self.untyped = false;
            self.buffer.drain(..length);
        }
    }
}

async fn pass(mut client: UnixStream, server: PathBuf, doings: Arc<Doings>) {
    let Ok(mut server) = UnixStream::connect(server).await else {
        return;
    };
    // The start, each Sync and each simple query are answered by one ReadyForQuery.
    let mut asked = Messages {
        buffer: Vec::new(),
        untyped: true,
        kinds: b"SQ",
        seen: 0,
    };
    let mut answered = Messages {
        buffer: Vec::new(),
        untyped: false,
        kinds: b"Z",
        seen: 0,
    };
    let mut held = Vec::new();
    let mut losing = false;
    let mut last = Instant::now();
    let (mut out, mut back) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let complete = asked.seen == answered.seen;
        tokio::select! {
            read = client.read(&mut out) => {
                let Ok(count @ 1..) = read else { return };
                if doings.silent.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                losing |= doings.lose_answers.swap(false, Ordering::SeqCst);
                asked.feed(&out[..count]);
                last = Instant::now();
                if server.write_all(&out[..count]).await.is_err() { return }
            }
            read = server.read(&mut back) => {
                let Ok(count @ 1..) = read else { return };
                answered.feed(&back[..count]);
                last = Instant::now();
                if losing || doings.counting.load(Ordering::SeqCst) {
                    held.extend_from_slice(&back[..count]);
                } else if client.write_all(&back[..count]).await.is_err() {
                    return;
                }
            }
            () = sleep_until(last + QUIET), if complete && !held.is_empty() => {
                if losing { return }
                doings.trips.fetch_add(1, Ordering::SeqCst);
                if client.write_all(&held).await.is_err() { return }
                held.clear();
            }
        }
    }
}
