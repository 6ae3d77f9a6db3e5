//! The pepper's file, through the program: made, read, rotated, lost, given up.

mod lost;
mod places;
mod rotation;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use crate::program::{Deployment, Running, stderr, stdout};
use crate::visitor::{ALICE, PASSWORD, register_app, try_to_sign_in};

const CONFIGURED: &str = "pepper_file = \"pepper.key\"\n";

/// A deployment with an app, and nobody in it.
fn deployed() -> Deployment {
    let deployment = Deployment::new();
    register_app(&deployment);
    deployment
}

/// The same as `regain init` left it before there was a pepper.
fn deployed_without() -> Deployment {
    let deployment = Deployment::new();
    fs::remove_file(deployment.path("pepper.key")).unwrap();
    unname(&deployment);
    register_app(&deployment);
    deployment
}

/// The configuration names no file any more.
fn unname(deployment: &Deployment) {
    deployment.edit(|text| {
        assert!(text.contains(CONFIGURED), "{text}");
        text.replace(CONFIGURED, "")
    });
}

fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

fn create_alice(deployment: &Deployment) {
    done(&deployment.create_user(ALICE, PASSWORD));
}

fn serve(deployment: &Deployment) -> Running {
    Running::start(&["serve", "--dev", "--config", &deployment.config()])
}

/// The status of a sign-in.
fn sign_in(running: &Running, password: &str) -> u16 {
    try_to_sign_in(running.text("engine"), password).status
}

/// Serves, and signs in with the right password and a wrong one. What runs in the background is done
/// when the process has ended.
fn serve_and_sign_in(deployment: &Deployment) {
    let running = serve(deployment);
    assert_eq!(sign_in(&running, PASSWORD), 200);
    assert_eq!(sign_in(&running, "wrong"), 401);
    assert_eq!(running.stop(), Some(0));
}

/// Everybody's hash with all that belongs to it, as an export.
fn export(deployment: &Deployment) -> String {
    let exported = deployment.run(&["users", "export", "-", "--format", "jsonl", "--with-hashes"]);
    done(&exported);
    stdout(&exported)
}

fn key(deployment: &Deployment) -> String {
    fs::read_to_string(deployment.path("pepper.key")).unwrap()
}

fn mode(deployment: &Deployment) -> u32 {
    let metadata = fs::metadata(deployment.path("pepper.key")).unwrap();
    metadata.permissions().mode() & 0o777
}

fn doctor(deployment: &Deployment) -> String {
    let text = stdout(&deployment.run(&["doctor"]));
    let line = text.lines().find(|line| line.starts_with("pepper"));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}
