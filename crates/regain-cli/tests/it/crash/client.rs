//! What clients do, over HTTP alone. Whoever gets no answer says the same again, as clients do: that
//! must give what it would have given.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Body, Page};
use super::ledger::{Password, Person, Recovery, Session, Spent};
use super::relay::Relay;
use super::rows::Database;
use super::storm::{Point, Storm};

/// The client of the configuration.
pub(super) const CLIENT: &str = "crash-test";
pub(super) const REDIRECT_URI: &str = "http://localhost:8080/login/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// For so long the repetition of a request counts as the request, less what the way takes.
const REPEATED_WITHIN: Duration = Duration::from_millis(4_500);
/// For so long a refresh token gives its successor again, less what the way takes.
const REFRESHED_WITHIN: Duration = Duration::from_secs(25);
/// How long a client looks for its mail before it does something else meanwhile.
const MAIL_PATIENCE: Duration = Duration::from_millis(1_500);
/// A code lives five minutes.
const CODE_LIFE: Duration = Duration::from_secs(290);
/// Wrong answers that a challenge takes.
const WRONG_ANSWERS_MAX: usize = 5;

/// Somebody who calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) storm: Arc<Storm>,
    pub(super) relay: Arc<Relay>,
    pub(super) database: Database,
}

/// An answer, at last.
pub(super) struct Insisted {
    pub(super) page: Page,
    /// When the request that got no answer was sent for the first time.
    cut_off: Option<Duration>,
    at: Duration,
}

impl Insisted {
    fn is_within(&self, window: Duration) -> bool {
        self.cut_off
            .is_none_or(|first| self.at.saturating_sub(first) < window)
    }
}

/// What a sign-in gave.
pub(super) enum SignedIn {
    Yes(String),
    No,
}

impl Caller {
    async fn insist(&self, point: Point, path: &str, body: &Body) -> Insisted {
        self.insist_asking(point, path, body, None).await
    }

    /// Says the same until there is an answer. After a kill it looks whether it was done: whether
    /// somebody has more new passwords than before.
    async fn insist_asking(
        &self,
        point: Point,
        path: &str,
        body: &Body,
        before: Option<(&str, i64)>,
    ) -> Insisted {
        let mut cut_off = None;
        loop {
            let sent = self.storm.clock();
            if let Some(page) = self.storm.request(point, path, body).await {
                let at = self.storm.clock();
                return Insisted { page, cut_off, at };
            }
            cut_off.get_or_insert(sent);
            self.storm.up().await;
            if let Some((login, resets)) = before
                && self.database.resets(login).await > resets
            {
                self.storm.was_done(point);
            }
        }
    }

    pub(super) async fn idx(&self, point: Point, name: &str, body: Value) -> Insisted {
        let path = format!("/idp/idx/{name}");
        self.insist(point, &path, &Body::Json(body)).await
    }

    pub(super) async fn oauth(
        &self,
        point: Point,
        name: &str,
        fields: &[(&'static str, &str)],
    ) -> Insisted {
        let path = format!("/oauth2/default/v1/{name}");
        self.insist(point, &path, &form(fields)).await
    }

    /// Says what is wrong with an answer, unless it came too late to be held to anything.
    fn complain(&self, person: &Person, what: &str, answer: &Insisted) {
        if answer.is_within(REPEATED_WITHIN) {
            let (status, json) = (answer.page.status, &answer.page.json);
            let again = answer.cut_off.map_or("", |_| " when it was said again");
            let login = &person.login;
            self.storm
                .fault(&format!("{login}: {what}{again}: {status} {json}"));
        }
    }

    /// A new flow: its state handle.
    async fn begin(&self) -> String {
        let fields = [
            ("client_id", CLIENT),
            ("scope", "openid offline_access"),
            ("redirect_uri", REDIRECT_URI),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "s"),
        ];
        let begun = self.oauth(Point::Begin, "interact", &fields).await.page;
        let handle = begun.text("interaction_handle").expect("a flow begins");
        let first = json!({"interactionHandle": handle});
        let page = self.idx(Point::Introspect, "introspect", first).await.page;
        page.text("stateHandle").expect("a first page")
    }

    /// "Forgot password?", as far as the form of the code. The mail comes in its own time.
    pub(super) async fn recover(&self, person: &mut Person, guesses: bool) {
        let handle = self.begin().await;
        let body = json!({"stateHandle": handle});
        let answer = self.idx(Point::Recover, "recover", body).await;
        if answer.page.name() != Some("identify-recovery") {
            return self.complain(person, "no form for a name", &answer);
        }
        let body = json!({"stateHandle": handle, "identifier": person.login});
        let answer = self.idx(Point::Identify, "identify", body).await;
        let Some(choice) = answer.page.first_choice() else {
            return self.complain(person, "nothing to choose from", &answer);
        };
        let body = json!({"stateHandle": handle, "authenticator": {"id": choice}});
        let answer = self.idx(Point::Challenge, "challenge", body).await;
        if (answer.page.status, answer.page.name()) != (200, Some("challenge-authenticator")) {
            // Late or not: the mail may be on its way, so there is no going on without knowing.
            let told = format!("no challenge: {} {}", answer.page.status, answer.page.json);
            return self.storm.fault(&told);
        }
        person.parked = Some(Recovery {
            state_handle: handle,
            mail: person.codes_owed,
            since: self.storm.clock(),
            guesses,
        });
        person.codes_owed += 1;
        self.resume(person, MAIL_PATIENCE).await;
    }

    /// Goes on with a recovery when its mail has come.
    pub(super) async fn resume(&self, person: &mut Person, patience: Duration) {
        let Some(recovery) = person.parked.clone() else {
            return;
        };
        let found = self
            .relay
            .wait(&person.login, recovery.mail, patience)
            .await;
        let age = self.storm.clock().saturating_sub(recovery.since);
        match found {
            None if age < CODE_LIFE => return,
            None => person.codes_late += 1,
            Some(_) if age >= CODE_LIFE => {}
            Some(code) if recovery.guesses => self.guess(person, &recovery, &code).await,
            Some(code) => self.prove(person, &recovery, &code).await,
        }
        person.parked = None;
    }

    fn answer(recovery: &Recovery, passcode: &str) -> Body {
        let credentials = json!({"passcode": passcode});
        Body::Json(json!({"stateHandle": recovery.state_handle, "credentials": credentials}))
    }

    /// The right code, the new password, the tokens.
    async fn prove(&self, person: &mut Person, recovery: &Recovery, code: &str) {
        let path = "/idp/idx/challenge/answer";
        let right = Self::answer(recovery, code);
        let answer = self.insist(Point::Code, path, &right).await;
        let is_late = !answer.is_within(REPEATED_WITHIN);
        if answer.page.name() != Some("reset-authenticator")
            || answer.page.status != 200 && !is_late
        {
            return self.complain(person, "the right code proved nothing", &answer);
        }
        let Password::Known(old) = person.password.clone() else {
            return self
                .storm
                .fault(&format!("{}: nobody settled", person.login));
        };
        let new = format!(
            "Marble-Harbour-{:04}-{}",
            person.resets,
            &recovery.state_handle[3..9]
        );
        let login = person.login.clone();
        let before = Some((login.as_str(), i64::try_from(person.resets).unwrap()));
        let body = Self::answer(recovery, &new);
        let answer = self
            .insist_asking(Point::Password, path, &body, before)
            .await;
        person.spent.push(Spent {
            state_handle: recovery.state_handle.clone(),
            passcode: code.to_owned(),
            from: self.storm.clock() + Duration::from_secs(6),
        });
        if let Some(code) = answer.page.interaction_code() {
            person.learn_reset(old, new);
            return self.redeem(person, &code).await;
        }
        self.complain(person, "no end of a recovery", &answer);
        person.password = Password::Either { old, new };
        self.settle(person).await;
    }

    /// T-C7: wrong answers until no more are taken. Those that were told so are counted for ever.
    async fn guess(&self, person: &mut Person, recovery: &Recovery, code: &str) {
        let path = "/idp/idx/challenge/answer";
        let first: u64 = code.parse().unwrap();
        let mut told = 0;
        for step in 1..60 {
            let wrong = format!("{:06}", (first + step) % 1_000_000);
            let body = Self::answer(recovery, &wrong);
            match self.storm.request(Point::WrongCode, path, &body).await {
                Some(page) if page.status == 429 => break,
                Some(page) if page.status == 401 => told += 1,
                Some(page) => {
                    let told = format!("a wrong code: {} {}", page.status, page.json);
                    return self.storm.fault(&format!("{}: {told}", person.login));
                }
                None => {}
            }
        }
        if told > WRONG_ANSWERS_MAX {
            self.storm.fault(&format!(
                "{}: {told} wrong answers were compared",
                person.login
            ));
        }
        person.spent.push(Spent {
            state_handle: recovery.state_handle.clone(),
            passcode: code.to_owned(),
            from: self.storm.clock(),
        });
        self.try_spent(person).await;
    }

    /// Exchanges an interaction code. Said again it may be refused: then it was used up, for nothing
    /// (I-09 holds there, not R-04).
    async fn redeem(&self, person: &mut Person, code: &str) {
        let answer = self.token(code).await;
        match answer.page.text("refresh_token") {
            Some(refresh) if answer.page.status == 200 => person.sessions.push(Session {
                refresh,
                code: code.to_owned(),
            }),
            _ if answer.cut_off.is_some() && answer.page.json["error"] == "invalid_grant" => {
                self.storm.was_done(Point::Redeem);
            }
            _ => {
                let told = format!("no tokens: {} {}", answer.page.status, answer.page.json);
                self.storm.fault(&format!("{}: {told}", person.login));
            }
        }
    }

    async fn token(&self, code: &str) -> Insisted {
        let fields = [
            ("grant_type", "interaction_code"),
            ("interaction_code", code),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.oauth(Point::Redeem, "token", &fields).await
    }

    pub(super) async fn try_password(&self, login: &str, password: &str) -> SignedIn {
        loop {
            let handle = self.begin().await;
            let body = json!({
                "stateHandle": handle,
                "identifier": login,
                "credentials": {"passcode": password},
            });
            let answer = self.idx(Point::SignIn, "identify", body).await;
            if let Some(code) = answer.page.interaction_code() {
                return SignedIn::Yes(code);
            }
            if answer.page.message() == Some("errors.E0000004") {
                return SignedIn::No;
            }
            // The flow may have come to its end before the kill, longer ago than it is told again.
            if answer.is_within(REPEATED_WITHIN) {
                let (status, json) = (answer.page.status, &answer.page.json);
                let told = format!("{login}: a sign-in gave {status} {json}");
                self.storm.fault(&told);
                return SignedIn::No;
            }
        }
    }

    pub(super) async fn sign_in(&self, person: &mut Person) {
        let Password::Known(password) = person.password.clone() else {
            return;
        };
        match self.try_password(&person.login, &password).await {
            SignedIn::Yes(code) => self.redeem(person, &code).await,
            SignedIn::No => {
                let told = format!("{}: the password does not work", person.login);
                self.storm.fault(&told);
            }
        }
    }

    /// The next refresh token of a session.
    pub(super) async fn refresh(&self, person: &mut Person) {
        let Some(session) = person.sessions.last_mut() else {
            return;
        };
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", session.refresh.as_str()),
            ("client_id", CLIENT),
        ];
        let answer = self.oauth(Point::Refresh, "token", &fields).await;
        if let Some(next) = answer.page.text("refresh_token") {
            session.refresh = next;
        } else if answer.is_within(REFRESHED_WITHIN) {
            let told = format!("no refresh: {} {}", answer.page.status, answer.page.json);
            self.storm.fault(&format!("{}: {told}", person.login));
        } else if let Some(session) = person.sessions.pop() {
            person
                .dead
                .push((session.refresh, "it came again too late"));
        }
    }

    /// Ends a session on purpose.
    pub(super) async fn revoke(&self, person: &mut Person) {
        let Some(session) = person.sessions.pop() else {
            return;
        };
        let fields = [("token", session.refresh.as_str()), ("client_id", CLIENT)];
        let answer = self.oauth(Point::Revoke, "revoke", &fields).await;
        if answer.page.status != 200 {
            let told = format!("no revocation: {}", answer.page.status);
            self.storm.fault(&format!("{}: {told}", person.login));
        }
        person.dead.push((session.refresh, "it was revoked"));
    }

    /// O-04: a used code comes again. It gives nothing, and what it gave is over.
    pub(super) async fn reuse(&self, person: &mut Person) {
        let Some(session) = person.sessions.pop() else {
            return;
        };
        let answer = self.token(&session.code).await;
        if answer.page.json["error"] != "invalid_grant" {
            let told = format!("a used code gave {}", answer.page.status);
            self.storm.fault(&format!("{}: {told}", person.login));
        }
        person.dead.push((session.refresh, "its code came again"));
    }
}

fn form(fields: &[(&'static str, &str)]) -> Body {
    let owned = fields
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Body::Form(owned.collect())
}
