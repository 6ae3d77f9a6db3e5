use super::*;

fn parse(url: &str) -> Result<Options, String> {
    Options::parse(url).map_err(|error| error.to_string())
}

#[test]
fn hosts_keep_their_ports_and_share_the_rest() {
    let url = "postgres://regain:s%40crt@one:5433,two/accounts?application_name=node%201";
    let options = parse(url).unwrap();
    let hosts = options.hosts();
    let ports: Vec<&[u16]> = hosts.iter().map(Config::get_ports).collect();
    assert_eq!(ports, [[5_433], [5_432]]);
    for host in &hosts {
        assert_eq!(host.get_password(), Some(b"s@crt".as_slice()));
        assert_eq!(host.get_dbname(), Some("accounts"));
        assert_eq!(host.get_application_name(), Some("node 1"));
        assert_eq!(
            host.get_target_session_attrs(),
            TargetSessionAttrs::ReadWrite
        );
    }
    assert_eq!(options.to_string(), "postgres://one:5433,two:5432/accounts");
}

/// Y-06: neither what people read nor what programmers print holds the password.
#[test]
fn the_password_is_never_shown() {
    let directory = std::env::temp_dir().join(format!("regain-options-{}", std::process::id()));
    std::fs::write(&directory, "canary-2\n").unwrap();
    let file = directory.display();
    for url in [
        "postgres://regain:canary-1@host/db".to_owned(),
        format!("postgres://regain@host/db?password_file={file}"),
        "postgres://regain@host/db?password=canary-3".to_owned(),
    ] {
        let options = parse(&url).unwrap();
        assert!(options.has_password());
        let shown = format!("{options} {options:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("regain@"),
            "{shown}"
        );
    }
    std::fs::remove_file(&directory).unwrap();
    let wrong = parse("postgres://regain:canary-4@host:port/db").unwrap_err();
    assert!(!wrong.contains("canary"), "{wrong}");
}

#[test]
fn a_mistake_is_named() {
    for (url, named) in [
        ("postgres:///db", "names no host"),
        ("postgres://regain@host", "names no database"),
        ("postgres://host/db?sslmode=verify-ca", "sslmode: must be"),
        ("postgres://host/db?prepare=no", "prepare: must be"),
        ("postgres://host/db?pool_size=0", "pool_size: must be"),
        ("postgres://host/db?timeout_ms=1", "timeout_ms: must be"),
        ("postgres://host/db?password_file=/nowhere/x", "/nowhere/x"),
        ("postgres://host/db?colour=red", "colour"),
    ] {
        let told = parse(url).unwrap_err();
        assert!(told.contains(named), "{url}: {told}");
    }
    let options = parse("postgres://host/db?sslmode=verify-full&sslrootcert=/nowhere").unwrap();
    let told = options.tls().unwrap_err().to_string();
    assert!(told.contains("sslrootcert: /nowhere"), "{told}");
}

#[test]
fn a_server_that_does_not_prove_itself_is_told_apart() {
    for (url, exposed) in [
        ("postgres://db.example/x", true),
        ("postgres://db.example/x?sslmode=require", true),
        ("postgres://db.example/x?sslmode=verify-full", false),
        ("postgres://localhost/x", false),
        ("postgres://%2Frun%2Fpostgresql/x", false),
    ] {
        assert_eq!(parse(url).unwrap().is_exposed(), exposed, "{url}");
    }
}

/// Two hosts that swallow everything must not hide a third within the time of a request.
#[test]
fn each_host_gets_its_share_of_the_time() {
    let options = parse("postgres://one,two,three/db").unwrap();
    assert!(options.patience_with_a_host() * 3 < options.timeout());
}
