//! Programs that stay: ready lines, refusals to start, and how they end.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::program::{Deployment, Running, assert_one_line, free_port, run, status_of};

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
