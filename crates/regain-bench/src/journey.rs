//! What one client does: the requests of a recovery, of a sign-in, and of the light steps.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Stopwatch;
use crate::deployment::{CLIENT_ID, REDIRECT_URI, SERVER_CLIENT_ID, SERVER_CLIENT_SECRET, Variant};
use crate::http::{Connection, Request};
use crate::people::PASSWORD;
use crate::plan::Flow;
use crate::sink::Inbox;
use crate::tally::{MAIL_ACCEPTED, Tally, WHOLE_FLOW};

/// Verifier and challenge of RFC 7636, appendix B. One pair for all: what it costs the engine is the
/// same, and the generator saves a hash.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// A mail that takes longer counts as an error.
const MAIL_PATIENCE: Duration = Duration::from_secs(30);
/// Of an engine that has too much to do.
const BUSY: u16 = 503;
/// How much of an unexpected answer is told.
const TOLD_CHARS_MAX: usize = 160;

/// What all clients of a measurement share.
#[derive(Debug)]
pub(crate) struct Site {
    /// The engines; requests go to one after the other.
    pub(crate) engines: Vec<SocketAddr>,
    pub(crate) inbox: Inbox,
    pub(crate) watch: Stopwatch,
    pub(crate) tally: Rc<RefCell<Tally>>,
    /// Different in every run, and counted up: passwords must be new.
    salt: u64,
    passwords: Cell<u64>,
    /// What the app says of itself in every form.
    app: String,
    /// Whether it tells where its users come from.
    tells_addresses: bool,
    /// The id of the e-mail authenticator: the same in all documents of an org.
    email_id: OnceCell<String>,
}

impl Site {
    pub(crate) fn new(
        engines: Vec<SocketAddr>,
        (inbox, watch): (Inbox, Stopwatch),
        salt: u64,
        variant: Variant,
    ) -> Self {
        let app = match variant {
            Variant::History | Variant::Plain => format!("client_id={CLIENT_ID}"),
            Variant::Limits => {
                format!("client_id={SERVER_CLIENT_ID}&client_secret={SERVER_CLIENT_SECRET}")
            }
        };
        Self {
            app,
            tells_addresses: variant == Variant::Limits,
            engines,
            inbox,
            watch,
            tally: Rc::default(),
            salt,
            passwords: Cell::new(0),
            email_id: OnceCell::new(),
        }
    }

    /// For a load that runs beside another one and is not measured.
    pub(crate) fn with_a_tally_of_its_own(&self) -> Self {
        let parts = (self.inbox.clone(), self.watch.clone());
        Self {
            app: self.app.clone(),
            tells_addresses: self.tells_addresses,
            ..Self::new(
                self.engines.clone(),
                parts,
                self.salt.wrapping_add(1),
                Variant::Plain,
            )
        }
    }

    fn new_password(&self) -> String {
        let number = self.passwords.replace(self.passwords.get() + 1);
        format!("Fresh-{:x}-{number}-Qz", self.salt)
    }
}

/// One client with its connections.
#[derive(Debug)]
pub(crate) struct Visitor {
    site: Rc<Site>,
    connections: Vec<Connection>,
    turn: usize,
    /// How long the first request had to wait before it could be sent; counts into its latency.
    late: Duration,
    state_handle: String,
}

impl Visitor {
    pub(crate) fn new(site: Rc<Site>, turn: usize) -> Self {
        let connections = site.engines.iter().map(|at| Connection::to(*at)).collect();
        Self {
            site,
            connections,
            turn,
            late: Duration::ZERO,
            state_handle: String::new(),
        }
    }

    /// Does it once, from the time `due` on, and counts it.
    pub(crate) async fn run(&mut self, flow: Flow, login: &str, due: Duration) {
        self.late = self.site.watch.since(due);
        let outcome = match flow {
            Flow::Recover => self.recover(login).await,
            Flow::SignIn => self.sign_in(login).await,
            Flow::Light => self.light(login).await,
        };
        let took = self.site.watch.since(due);
        let mut tally = self.site.tally.borrow_mut();
        match outcome {
            Ok(()) => {
                tally.done += 1;
                tally.step(WHOLE_FLOW, took);
            }
            Err(what) => tally.error(&what),
        }
    }

    async fn recover(&mut self, login: &str) -> Result<(), String> {
        self.as_far_as_choice(login).await?;
        self.answer_code(login).await?;
        let new = self.site.new_password();
        let body = self.with_handle(&format!(r#""credentials":{{"passcode":"{new}"}}"#));
        let code = self
            .idx("new password", "challenge/answer", &body, interaction_code)
            .await?;
        self.token(&code).await
    }

    async fn sign_in(&mut self, login: &str) -> Result<(), String> {
        self.first_page(login).await?;
        let given = format!(r#""identifier":"{login}","credentials":{{"passcode":"{PASSWORD}"}}"#);
        let body = self.with_handle(&given);
        let code = self
            .idx(
                "identify with password",
                "identify",
                &body,
                interaction_code,
            )
            .await?;
        self.token(&code).await
    }

    async fn light(&mut self, login: &str) -> Result<(), String> {
        self.as_far_as_choice(login).await?;
        self.answer_code(login).await
    }

    async fn first_page(&mut self, login: &str) -> Result<(), String> {
        let body = format!(
            "{}&scope=openid%20profile&redirect_uri={REDIRECT_URI}&state=s&nonce=n\
             &code_challenge={CHALLENGE}&code_challenge_method=S256",
            self.site.app
        );
        let from = if self.site.tells_addresses {
            format!("x-forwarded-for: {}\r\n", address_of(login))
        } else {
            String::new()
        };
        let request = Request {
            path: "/oauth2/default/v1/interact",
            content_type: FORM,
            headers: &from,
            body: &body,
        };
        let handle = self
            .step("interact", request, |text| {
                member(text, "interaction_handle")
            })
            .await?;
        let body = format!(r#"{{"interactionHandle":"{handle}"}}"#);
        self.state_handle = self
            .idx("introspect", "introspect", &body, |text| {
                shows(text, "identify").and_then(|()| member(text, "stateHandle"))
            })
            .await?;
        Ok(())
    }

    /// "Forgot password?" and a name: at the choice of the mail.
    async fn as_far_as_choice(&mut self, login: &str) -> Result<(), String> {
        self.first_page(login).await?;
        let body = self.with_handle("");
        self.idx("recover", "recover", &body, |text| {
            shows(text, "identify-recovery")
        })
        .await?;
        let body = self.with_handle(&format!(r#""identifier":"{login}""#));
        let site = Rc::clone(&self.site);
        self.idx("identify", "identify", &body, |text| {
            shows(text, "select-authenticator-authenticate")?;
            if site.email_id.get().is_none() {
                // Somebody else may have set it meanwhile, to the same.
                let _ = site.email_id.set(email_id(text)?);
            }
            Some(())
        })
        .await
    }

    /// Asks for the mail, polls once as pages do, and answers with the code.
    async fn answer_code(&mut self, login: &str) -> Result<(), String> {
        let id = self.site.email_id.get().cloned().unwrap_or_default();
        let mail = self.site.inbox.expect(login);
        let body = self.with_handle(&format!(r#""authenticator":{{"id":"{id}"}}"#));
        let asked_at = self.site.watch.now();
        self.idx("challenge", "challenge", &body, |text| {
            shows(text, "challenge-authenticator")
        })
        .await?;
        let body = self.with_handle("");
        self.idx("poll", "challenge/poll", &body, |text| {
            shows(text, "challenge-authenticator")
        })
        .await?;
        let mail = tokio::time::timeout(MAIL_PATIENCE, mail)
            .await
            .map_err(|_| "no mail in time".to_owned())?
            .map_err(|_| "another client waits for the same mail".to_owned())?;
        // From the request on, so a little more than from the commit on.
        let took = mail.accepted_at.saturating_sub(asked_at);
        self.site.tally.borrow_mut().step(MAIL_ACCEPTED, took);
        let body = self.with_handle(&format!(r#""credentials":{{"passcode":"{}"}}"#, mail.code));
        self.idx("answer", "challenge/answer", &body, |text| {
            shows(text, "reset-authenticator")
        })
        .await
    }

    async fn token(&mut self, code: &str) -> Result<(), String> {
        let body = format!(
            "{}&grant_type=interaction_code&interaction_code={code}&code_verifier={VERIFIER}",
            self.site.app
        );
        let request = Request {
            path: "/oauth2/default/v1/token",
            content_type: FORM,
            headers: "",
            body: &body,
        };
        self.step("token", request, |text| {
            member(text, "access_token").and_then(|_| member(text, "id_token"))
        })
        .await?;
        Ok(())
    }

    fn with_handle(&self, members: &str) -> String {
        let comma = if members.is_empty() { "" } else { "," };
        format!(
            r#"{{"stateHandle":"{}"{comma}{members}}}"#,
            self.state_handle
        )
    }

    async fn idx<T>(
        &mut self,
        step: &'static str,
        path: &str,
        body: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, String> {
        let request = Request {
            path: &format!("/idp/idx/{path}"),
            content_type: JSON,
            headers: "",
            body,
        };
        self.step(step, request, read).await
    }

    /// One request, timed. What `read` does not find in the answer is an error.
    async fn step<T>(
        &mut self,
        step: &'static str,
        request: Request<'_>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, String> {
        self.turn = (self.turn + 1) % self.connections.len().max(1);
        let connection = self
            .connections
            .get_mut(self.turn)
            .ok_or("there is no engine")?;
        let sent_at = self.site.watch.now();
        let answer = connection
            .post(request)
            .await
            .map_err(|what| format!("{step}: {what}"))?;
        let took = self.site.watch.since(sent_at);
        let late = std::mem::take(&mut self.late);
        let is_refused = answer.status == BUSY;
        let mut tally = self.site.tally.borrow_mut();
        tally.answered(is_refused, took);
        if !is_refused {
            tally.step(step, took + late);
        }
        drop(tally);
        match (answer.status, read(answer.body)) {
            (200, Some(found)) => Ok(found),
            (status, _) => Err(format!("{step}: {status} {}", reason(answer.body))),
        }
    }
}

/// Where a user comes from: nobody else comes from there, nor from its /24.
fn address_of(login: &str) -> String {
    let digits = login.chars().filter(char::is_ascii_digit);
    let number = digits.fold(0_u32, |number, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(digit.to_digit(10).unwrap_or(0))
    });
    let [_, first, second, third] = number.to_be_bytes();
    format!(
        "{}.{second}.{third}.1",
        100_u8.wrapping_add(first) % 100 + 11
    )
}

/// Why there was another answer than expected, without what differs from flow to flow.
fn reason(document: &str) -> String {
    let names = ["key", "errorCode", "error_description"];
    let told = names.iter().find_map(|name| member(document, name));
    let text = told.unwrap_or_else(|| document.to_owned());
    text.chars().take(TOLD_CHARS_MAX).collect()
}

/// The text of the first member of that name.
fn member(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

/// Whether a document offers a form first.
fn shows(document: &str, form: &str) -> Option<()> {
    let (_, rest) = document.split_once("\"remediation\":")?;
    (member(rest, "name")? == form).then_some(())
}

fn interaction_code(document: &str) -> Option<String> {
    let (_, rest) = document.split_once("\"name\":\"interaction_code\"")?;
    member(rest, "value")
}

/// The id of the e-mail authenticator in a document that lists it.
fn email_id(document: &str) -> Option<String> {
    let document: Value = serde_json::from_str(document).ok()?;
    let list = document.pointer("/authenticators/value")?.as_array()?;
    let email = list
        .iter()
        .find(|known| known.get("key").is_some_and(|key| key == "okta_email"))?;
    email.get("id")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_comes_from_where_somebody_else_does() {
        let addresses = (0..100_000).map(|number| address_of(&format!("u{number}@bench.example")));
        let count = addresses.collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!(count, 100_000);
        assert_eq!(address_of("u258@bench.example"), "11.1.2.1");
    }

    #[test]
    fn an_unexpected_answer_is_told_without_its_handles() {
        let document = r#"{"stateHandle":"02secret","messages":{"value":[{"message":"Wait","i18n":{"key":"tooManyRequests"}}]}}"#;
        assert_eq!(reason(document), "tooManyRequests");
        assert_eq!(reason("plain text"), "plain text");
    }

    #[test]
    fn the_first_form_counts() {
        let document = r#"{"remediation":{"type":"array","value":[{"rel":["create-form"],"name":"identify"},{"name":"x"}]}}"#;
        assert_eq!(shows(document, "identify"), Some(()));
        assert_eq!(shows(document, "x"), None);
        assert_eq!(shows("{}", "x"), None);
    }

    #[test]
    fn the_code_of_a_success_is_found() {
        let document = r#"{"successWithInteractionCode":{"value":[{"name":"grant_type","value":"interaction_code"},{"name":"interaction_code","value":"abc"}]}}"#;
        assert_eq!(interaction_code(document).as_deref(), Some("abc"));
        assert_eq!(interaction_code("{}"), None);
    }
}
