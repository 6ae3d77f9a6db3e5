//! What `sslmode` promises, on a server that speaks TLS, and one that does not.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use regain_store::Store as _;
use regain_store_postgres::{Options, PostgresStore};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testing/cluster.sh");

/// A server on TCP: PostgreSQL speaks no TLS on Unix sockets.
struct Server {
    child: Child,
    port: u16,
    socket: String,
}

impl Server {
    fn start(certificates: Option<&Path>) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let mut arguments = vec!["listen_addresses=127.0.0.1".to_owned()];
        if let Some(directory) = certificates {
            arguments.extend([
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", directory.join("server.crt").display()),
                format!("ssl_key_file={}", directory.join("server.key").display()),
            ]);
        }
        let mut child = Command::new(SCRIPT)
            .args(arguments.iter().flat_map(|it| ["-c", it]))
            // Both the server and the program that waits for it read the port here.
            .env("PGPORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let directory = line.trim_end().strip_prefix("ready ").expect("a server");
        Self {
            socket: directory.replace('/', "%2F"),
            child,
            port,
        }
    }

    /// What somebody finds out who connects so.
    async fn ask(&self, host: &str, parameters: &str) -> Result<bool, String> {
        let port = self.port;
        let url = format!("postgres://regain@{host}:{port}/postgres?timeout_ms=60000&{parameters}");
        let options = Options::parse(&url).map_err(|error| error.to_string())?;
        let store = PostgresStore::open(&options)
            .await
            .map_err(|error| error.to_string())?;
        store.now().await.map_err(|error| error.to_string())?;
        // The store's connections are the only ones on TCP.
        let url = format!(
            "host={} port={port} user=regain dbname=postgres",
            self.socket.replace("%2F", "/")
        );
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let mut watching = tokio::task::JoinSet::new();
        watching.spawn(connection);
        let sql = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
                   WHERE a.client_addr IS NOT NULL";
        let encrypted = client.query_one(sql, &[]).await.unwrap().get(0);
        Ok(encrypted)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

fn openssl(directory: &Path, arguments: &str) {
    let made = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "openssl {arguments}");
}

/// An authority, another one, and a server's certificate of the first for `localhost`.
fn certificates() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    for name in ["ca", "other"] {
        openssl(
            at,
            &format!("req -x509 {key} -subj /CN={name} -keyout {name}.key -out {name}.crt"),
        );
    }
    openssl(
        at,
        &format!(
            "req -x509 {key} -CA ca.crt -CAkey ca.key -subj /CN=localhost \
             -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
             -keyout server.key -out server.crt"
        ),
    );
    let whoami = Command::new("id").arg("-u").output().unwrap().stdout;
    if whoami == b"0\n" {
        // PostgreSQL runs as another user then, which must read its key, and nobody else may.
        let mut chown = Command::new("chown");
        let changed = chown.args(["-R", "postgres"]).arg(at).status().unwrap();
        assert!(changed.success());
    }
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_as_safe_as_sslmode_says() {
    let certificates = certificates();
    let root = |name: &str| {
        let path = certificates.path().join(name);
        let path = path.display().to_string().replace('/', "%2F");
        format!("sslmode=verify-full&sslrootcert={path}")
    };
    let server = Server::start(Some(certificates.path()));
    assert_eq!(server.ask("localhost", &root("ca.crt")).await, Ok(true));
    assert_eq!(server.ask("localhost", "sslmode=require").await, Ok(true));
    assert_eq!(server.ask("localhost", "sslmode=prefer").await, Ok(true));
    assert_eq!(server.ask("localhost", "sslmode=disable").await, Ok(false));

    for (host, parameters, what) in [
        (
            "localhost",
            root("other.crt"),
            "an authority that is not ours",
        ),
        (
            "127.0.0.1",
            root("ca.crt"),
            "a certificate for another name",
        ),
        (
            "localhost",
            "sslmode=verify-full".to_owned(),
            "no public authority",
        ),
    ] {
        let told = server.ask(host, &parameters).await.expect_err(what);
        assert!(told.contains("certificate"), "{what}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_where_tls_is_wanted() {
    let server = Server::start(None);
    for mode in ["require", "verify-full"] {
        let told = server.ask("localhost", &format!("sslmode={mode}")).await;
        let told = told.expect_err(mode);
        assert!(told.to_lowercase().contains("tls"), "{mode}: {told}");
    }
    assert_eq!(server.ask("localhost", "sslmode=prefer").await, Ok(false));
}
