//! The built program at the command line: what it prints, where, and what it ends with.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

fn regain(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regain"));
    command.args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REGAIN__")) {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str]) -> Output {
    regain(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Fails unless the command ended with `code` and one line on stderr that holds every word.
fn assert_one_line(output: &Output, code: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} in {text}");
    }
    assert!(output.stdout.is_empty(), "{}", stdout(output));
}

/// A deployment as `init` leaves it, on a port of its own.
struct Deployment {
    directory: TempDir,
    port: u16,
}

impl Deployment {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = run(&["init", directory.path().to_str().unwrap()]);
        assert!(made.status.success(), "{}", stderr(&made));
        let port = free_port();
        let deployment = Self { directory, port };
        deployment.edit(|text| {
            // The cheapest hash that is allowed: nothing here is about its cost.
            let text = text.replace("8400", &port.to_string());
            let from = text.find("memory_kib").unwrap();
            let to = text.find("# workers").unwrap();
            format!(
                "{}memory_kib = 19456\npasses = 2\n{}",
                &text[..from],
                &text[to..]
            )
        });
        deployment
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn config(&self) -> String {
        self.path("regain.toml").display().to_string()
    }

    fn edit(&self, change: impl FnOnce(String) -> String) {
        let file = self.path("regain.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, change(text)).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        run(&[args, &["--config", &self.config()]].concat())
    }

    fn create_user(&self, login: &str, password: &str) -> Output {
        let config = self.config();
        let mut child = regain(&["users", "create", "--login", login, "--password-stdin"])
            .args(["--config", &config])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{password}\n").as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }
}

/// A running process: gone with the test, however it ends.
struct Running {
    child: Child,
    ready: serde_json::Value,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = regain(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Ok(ready) = serde_json::from_str(&line) else {
            let _ = child.kill();
            panic!("no ready line but {line:?}");
        };
        Self { child, ready }
    }

    fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_default()
    }

    /// SIGTERM, and the exit code.
    fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The status line of an answer over plain HTTP.
fn status_of(origin: &str, method: &str, path: &str) -> String {
    let address = origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn init_writes_what_only_the_owner_reads_and_overwrites_nothing() {
    let deployment = Deployment::new();
    for file in ["master.key", "regain.toml"] {
        let mode = fs::metadata(deployment.path(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let before = fs::read_to_string(deployment.path("regain.toml")).unwrap();
    let again = run(&["init", deployment.directory.path().to_str().unwrap()]);
    assert_one_line(&again, 2, &["regain.toml", "not overwritten"]);
    assert_eq!(
        fs::read_to_string(deployment.path("regain.toml")).unwrap(),
        before
    );

    fs::remove_file(deployment.path("regain.toml")).unwrap();
    let again = run(&["init", deployment.directory.path().to_str().unwrap()]);
    assert_one_line(&again, 2, &["master.key", "not overwritten"]);
}

#[test]
fn what_init_wrote_has_no_problems() {
    let checked = Deployment::new().run(&["config", "check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(stdout(&checked).contains("no problems"));
}

#[test]
fn config_check_prints_every_problem_and_serve_the_first() {
    let deployment = Deployment::new();
    deployment.edit(|text| text.replace("# min_length = 8", "min_length = 4\nhistoryy = 1"));
    let checked = deployment.run(&["config", "check"]);
    assert_eq!(checked.status.code(), Some(2));
    let text = stderr(&checked);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains("password.historyy is not a known key"),
        "{text}"
    );
    assert!(
        text.contains("password.min_length must be 8 to 128, not 4"),
        "{text}"
    );
    assert_one_line(
        &deployment.run(&["serve"]),
        2,
        &["password.historyy", "another problem"],
    );
}

#[test]
fn a_configuration_that_is_not_there_is_one_line() {
    for command in [
        &["serve"][..],
        &["config", "check"],
        &["config", "show"],
        &["migrate"],
        &["doctor"],
    ] {
        let output = run(&[command, &["--config", "/nowhere/regain.toml"]].concat());
        assert_one_line(&output, 2, &["/nowhere/regain.toml", "regain init"]);
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    // K-03, R-20.
    let deployment = Deployment::new();
    let key = deployment.path("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    for command in [&["serve"][..], &["config", "check"], &["doctor"]] {
        assert_one_line(
            &deployment.run(command),
            2,
            &["master.key", "0644", "chmod 600"],
        );
    }
}

#[test]
fn a_taken_port_is_one_line_and_touches_no_data() {
    let deployment = Deployment::new();
    let _holder = TcpListener::bind(("127.0.0.1", deployment.port)).unwrap();
    let refused = deployment.run(&["serve", "--log", "error"]);
    assert_one_line(
        &refused,
        2,
        &[&format!("port {} is taken", deployment.port)],
    );
    assert!(!deployment.path("regain.db").exists());

    let data = tempfile::tempdir().unwrap();
    let directory = data.path().join("demo");
    let port = deployment.port.to_string();
    for ports in [
        ["--engine-port", &port, "--app-port", "0"],
        ["--engine-port", "0", "--app-port", &port],
    ] {
        let refused = run(&[&["demo", "--data", directory.to_str().unwrap()], &ports[..]].concat());
        assert_one_line(&refused, 2, &[&format!("port {port} is taken")]);
        assert!(!directory.exists());
    }
}

#[test]
fn a_place_that_cannot_be_written_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a-file");
    fs::write(&file, "").unwrap();
    let inside = file.join("data");
    let inside = inside.to_str().unwrap();
    let ports = ["--engine-port", "0", "--app-port", "0"];
    assert_one_line(
        &run(&[&["demo", "--data", inside], &ports[..]].concat()),
        2,
        &[inside],
    );
    assert_one_line(&run(&["init", inside]), 2, &[inside]);

    let deployment = Deployment::new();
    deployment.edit(|text| text.replace("sqlite:regain.db", &format!("sqlite:{inside}/regain.db")));
    assert_one_line(&deployment.run(&["serve", "--log", "error"]), 2, &[inside]);
    assert_one_line(&deployment.run(&["migrate"]), 2, &[inside]);
}

#[test]
fn dev_is_refused_where_others_could_reach_it() {
    let deployment = Deployment::new();
    deployment.edit(|text| text.replace("127.0.0.1:", "0.0.0.0:"));
    assert_one_line(
        &deployment.run(&["serve", "--dev"]),
        2,
        &["--dev", "0.0.0.0"],
    );
}

#[test]
fn serve_says_when_it_is_ready_and_ends_with_0_when_asked() {
    let deployment = Deployment::new();
    let serving = Running::start(&["serve", "--config", &deployment.config()]);
    assert_eq!(serving.text("event"), "ready");
    assert_eq!(
        serving.text("engine"),
        format!("http://localhost:{}", deployment.port)
    );
    assert_eq!(serving.ready["pid"], serving.child.id());
    assert!(serving.ready.get("app").is_none());
    let origin = format!("http://127.0.0.1:{}", deployment.port);
    let document = "/oauth2/default/.well-known/openid-configuration";
    assert!(status_of(&origin, "GET", document).contains("200"));
    for (method, path) in [
        ("GET", "/dev/mailbox"),
        ("GET", "/dev/mailbox/api/messages"),
        ("POST", "/dev/reset"),
    ] {
        // T-H7: nothing of a developer's surface without --dev.
        assert!(status_of(&origin, method, path).contains("404"), "{path}");
    }
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn people_and_apps_can_be_added_while_serve_runs() {
    let deployment = Deployment::new();
    let serving = Running::start(&["serve", "--dev", "--config", &deployment.config()]);
    let made = deployment.create_user("Alice@example.com", "Copper-Lantern-42");
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let id = stdout(&made);
    assert!(id.starts_with("00u") && id.trim().len() == 20, "{id}");
    let again = deployment.create_user("alice@EXAMPLE.com", "Copper-Lantern-42");
    assert_one_line(&again, 1, &["alice@example.com", "exists already"]);
    assert_one_line(
        &deployment.create_user("bob@example.com", "short"),
        2,
        &["at least 8 characters"],
    );
    assert_one_line(
        &deployment.create_user("bob@example.com", ""),
        2,
        &["password is empty"],
    );
    assert_one_line(
        &deployment.create_user("a@x,b@y", "Copper-Lantern-42"),
        2,
        &["a@x,b@y"],
    );

    let client = ["clients", "create", "--id", "my-app", "--label", "My app"];
    let uri = ["--redirect-uri", "http://localhost:8080/login/callback"];
    let made = deployment.run(&[&client[..], &uri].concat());
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let text = stdout(&made);
    let secret = text
        .lines()
        .find_map(|line| line.strip_prefix("client_secret "))
        .unwrap();
    assert!(secret.len() >= 43, "{secret}");
    assert!(
        secret
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    );
    assert_one_line(
        &deployment.run(&[&client[..], &uri].concat()),
        1,
        &["my-app exists already"],
    );
    let wrong = [
        "clients",
        "create",
        "--label",
        "x",
        "--redirect-uri",
        "/login/callback",
    ];
    assert_one_line(&deployment.run(&wrong), 2, &["/login/callback"]);
    let public = ["clients", "create", "--public", "--label", "Page"];
    let made = deployment.run(&[&public[..], &uri].concat());
    assert!(
        !stdout(&made).contains("client_secret"),
        "{}",
        stdout(&made)
    );
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn migrate_makes_the_database_once_and_doctor_looks_at_it() {
    let deployment = Deployment::new();
    let before = deployment.run(&["doctor"]);
    assert_eq!(
        before.status.code(),
        Some(1),
        "no database yet: {}",
        stdout(&before)
    );
    assert!(
        stdout(&before).contains("regain migrate"),
        "{}",
        stdout(&before)
    );
    assert!(
        !deployment.path("regain.db").exists(),
        "looking makes nothing"
    );

    assert!(stdout(&deployment.run(&["migrate"])).contains("from migration 0 to"));
    assert!(stdout(&deployment.run(&["migrate"])).contains("up to date"));
    let sound = deployment.run(&["doctor"]);
    assert_eq!(sound.status.code(), Some(0), "{}", stdout(&sound));
    for what in ["store", "keys", "mail", "clock", "address"] {
        assert!(
            stdout(&sound).lines().any(|line| line.starts_with(what)),
            "{what}"
        );
    }

    // The first start makes the signing keys; then another master key opens nothing.
    assert_eq!(
        Running::start(&["serve", "--config", &deployment.config()]).stop(),
        Some(0)
    );
    fs::remove_file(deployment.path("master.key")).unwrap();
    let other = Deployment::new();
    fs::copy(other.path("master.key"), deployment.path("master.key")).unwrap();
    let unsound = deployment.run(&["doctor"]);
    assert_eq!(unsound.status.code(), Some(1), "{}", stdout(&unsound));
    assert!(
        stdout(&unsound).contains("opens 0 of 1 signing keys"),
        "{}",
        stdout(&unsound)
    );
    assert_one_line(
        &deployment.run(&["serve", "--log", "error"]),
        2,
        &["master key"],
    );
}

#[test]
fn doctor_finds_a_relay_that_is_not_there_and_a_wrong_port() {
    let deployment = Deployment::new();
    let relay = free_port();
    deployment.edit(|text| {
        let port = deployment.port;
        text.replace(&format!("localhost:{port}"), "localhost:1")
            .replace(
                "[org]",
                &format!("[mail.smtp]\nhost = \"127.0.0.1\"\nport = {relay}\n[org]"),
            )
    });
    assert_eq!(deployment.run(&["migrate"]).status.code(), Some(0));
    let unsound = deployment.run(&["doctor"]);
    let text = stdout(&unsound);
    assert_eq!(unsound.status.code(), Some(1), "{text}");
    for what in ["mail", "address"] {
        let line = text.lines().find(|line| line.starts_with(what)).unwrap();
        assert!(line.contains("PROBLEM"), "{line}");
    }
}

#[test]
fn the_demo_keeps_its_directory_and_refuses_other_peoples() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    let data = data.to_str().unwrap();
    let args = [
        "demo",
        "--data",
        data,
        "--engine-port",
        "0",
        "--app-port",
        "0",
    ];
    let demo = Running::start(&args);
    let engine = demo.text("engine").to_owned();
    assert!(engine.starts_with("http://localhost:"), "{engine}");
    assert!(status_of(&engine, "GET", "/dev/mailbox").contains("200"));
    assert!(status_of(demo.text("app"), "GET", "/").contains("200"));
    assert_eq!(demo.stop(), Some(0));
    assert_eq!(
        fs::metadata(data).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        fs::metadata(Path::new(data).join("master.key"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert_eq!(
        Running::start(&args).stop(),
        Some(0),
        "the same directory again"
    );

    let deployment = Deployment::new();
    assert!(
        deployment
            .create_user("real@example.com", "Copper-Lantern-42")
            .status
            .success()
    );
    let real = deployment.directory.path().to_str().unwrap();
    let ports = ["--engine-port", "0", "--app-port", "0"];
    let refused = run(&[&["demo", "--data", real], &ports[..]].concat());
    assert_one_line(&refused, 2, &[real, "regain.toml"]);
    fs::remove_file(deployment.path("regain.toml")).unwrap();
    let refused = run(&[&["demo", "--data", real], &ports[..]].concat());
    assert_one_line(&refused, 2, &[real, "not a demo's"]);
}

#[test]
fn the_app_runs_alone_against_an_issuer_that_is_down() {
    let directory = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let config = directory.path().join("app.toml");
    fs::write(
        &config,
        "issuer = \"http://localhost:1/oauth2/default\"\nclient_id = \"x\"\n",
    )
    .unwrap();
    let app = Running::start(&[
        "app",
        "--config",
        config.to_str().unwrap(),
        "--listen",
        &listen,
    ]);
    assert_eq!(app.text("app"), "http://localhost:8401");
    assert!(app.ready.get("engine").is_none());
    assert!(status_of(&format!("http://{listen}"), "GET", "/").contains("200"));
    assert_eq!(app.stop(), Some(0));
    let missing = run(&["app", "--config", "/nowhere/app.toml"]);
    assert_one_line(&missing, 2, &["/nowhere/app.toml"]);
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    for args in [
        &["nonsense"][..],
        &["demo", "--engine-port", "x"],
        &["users", "create"],
        &[],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_one_line(&run(&["demo", "--log", "a=b=c"]), 2, &["--log"]);
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in [
        "demo", "serve", "app", "init", "migrate", "config", "users", "clients", "doctor",
    ] {
        assert!(stdout(&help).contains(command), "{command}");
    }
}
