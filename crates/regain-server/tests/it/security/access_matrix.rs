//! T-S3: every endpoint in every stage, with right, crowded, empty and null bodies and with a
//! wrong handle. Only the cells of the table do anything.

use regain_engine::{
    Endpoint, SignInMode, SingleAuthenticator, Stage, TotpSecret, email_key, totp_key, totp_secret,
};
use regain_store::Store as _;
use serde_json::{Value, json};

use crate::app::{PASSWORD, Page, Person, TestApp, Walk, people};

/// Where a flow stands when a cell is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    ChallengeApp,
    ChallengeMail,
    ChallengeMailExhausted,
    ChallengeMailExpired,
    ChallengeMailOfNobody,
    ChallengePassword,
    Completed,
    CompletedWithoutCode,
    Confirm,
    Dead,
    Enroll,
    EnrollOptional,
    Expired,
    Identify,
    IdentifyNameOnly,
    IdentifyRecovery,
    Reenroll,
    ReenrollSoon,
    Reset,
    Select,
    SelectEnroll,
    SelectEnrollOptional,
    SelectOfNobody,
}

const STATES: [State; 23] = [
    State::ChallengeApp,
    State::ChallengeMail,
    State::ChallengeMailExhausted,
    State::ChallengeMailExpired,
    State::ChallengeMailOfNobody,
    State::ChallengePassword,
    State::Completed,
    State::CompletedWithoutCode,
    State::Confirm,
    State::Dead,
    State::Enroll,
    State::EnrollOptional,
    State::Expired,
    State::Identify,
    State::IdentifyNameOnly,
    State::IdentifyRecovery,
    State::Reenroll,
    State::ReenrollSoon,
    State::Reset,
    State::Select,
    State::SelectEnroll,
    State::SelectEnrollOptional,
    State::SelectOfNobody,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// What the endpoint takes.
    Right,
    /// What all endpoints take at once, and members by which a client would choose the state.
    Crowded,
    /// Nothing but the handle.
    Empty,
    /// Every member, and each is null.
    Null,
    /// What the endpoint takes, under a handle of another kind.
    WrongHandle,
}

const BODIES: [Body; 5] = [
    Body::Right,
    Body::Crowded,
    Body::Empty,
    Body::Null,
    Body::WrongHandle,
];

/// What a cell comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Stored; this page follows.
    Goes(u16, &'static str),
    /// Stored; the flow ends with an interaction code.
    Succeeds,
    /// The same page, nothing stored.
    Shows,
    /// The same page with this error, nothing stored.
    Refuses(u16, &'static str),
    /// The flow is over; nothing stored.
    Over,
    /// Not what the endpoint takes; nothing stored.
    Malformed,
}

const SELECT: &str = "select-authenticator-authenticate";
const CHALLENGE: &str = "challenge-authenticator";
const ENROLL: &str = "enroll-authenticator";

impl State {
    const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::CompletedWithoutCode | Self::Dead | Self::Expired
        )
    }

    /// Whether a name was given: whoever waits from then on may look where the flow is.
    const fn is_about_somebody(self) -> bool {
        !matches!(
            self,
            Self::Identify | Self::IdentifyNameOnly | Self::IdentifyRecovery
        )
    }

    /// Whether a code was sent and is asked for.
    const fn is_challenged_by_mail(self) -> bool {
        matches!(
            self,
            Self::ChallengeMail
                | Self::ChallengeMailExhausted
                | Self::ChallengeMailExpired
                | Self::ChallengeMailOfNobody
        )
    }

    /// THE table: what is allowed with a right body. All else is refused.
    fn allows(self, endpoint: Endpoint) -> Option<Outcome> {
        use Outcome::{Goes, Refuses, Shows, Succeeds};
        let mailed = self.is_challenged_by_mail();
        Some(match (self, endpoint) {
            (state, _) if state.is_over() => Outcome::Over,
            (_, Endpoint::Introspect)
            // Chosen again: the same secret.
            | (Self::Enroll | Self::EnrollOptional, Endpoint::CredentialEnroll)
            | (Self::Select | Self::SelectOfNobody, Endpoint::Recover) => Shows,
            (state, Endpoint::ChallengePoll) if state.is_about_somebody() => Shows,
            (_, Endpoint::Challenge | Endpoint::ChallengeResend) if mailed => Goes(200, CHALLENGE),
            (_, Endpoint::Cancel) => Goes(200, "identify"),
            (Self::Identify, Endpoint::Identify)
            | (
                Self::ChallengeApp
                | Self::ChallengePassword
                | Self::Enroll
                | Self::EnrollOptional
                | Self::Reenroll
                | Self::ReenrollSoon
                | Self::Reset,
                Endpoint::ChallengeAnswer,
            )
            | (
                Self::EnrollOptional | Self::ReenrollSoon | Self::SelectEnrollOptional,
                Endpoint::Skip,
            ) => Succeeds,
            (Self::SelectEnroll | Self::SelectEnrollOptional, Endpoint::CredentialEnroll) => {
                Goes(200, ENROLL)
            }
            (Self::Identify, Endpoint::Recover) => Goes(200, "identify-recovery"),
            (Self::IdentifyNameOnly, Endpoint::Identify)
            | (Self::Select | Self::SelectOfNobody | Self::Confirm, Endpoint::Challenge) => {
                Goes(200, CHALLENGE)
            }
            (Self::IdentifyRecovery, Endpoint::Identify)
            | (Self::ChallengePassword, Endpoint::Recover) => Goes(200, SELECT),
            (Self::ChallengeMail, Endpoint::ChallengeAnswer) => Goes(200, "reset-authenticator"),
            (
                Self::ChallengeMailOfNobody | Self::ChallengeMailExpired,
                Endpoint::ChallengeAnswer,
            ) => Goes(401, CHALLENGE),
            (Self::ChallengeMailExhausted, Endpoint::ChallengeAnswer) => {
                Refuses(429, "tooManyRequests")
            }
            _ => return None,
        })
    }

    fn expected(self, endpoint: Endpoint, body: Body) -> Outcome {
        let refused = Outcome::Refuses(400, "E0000020");
        let bare = matches!(body, Body::Empty | Body::Null);
        match endpoint {
            _ if body == Body::WrongHandle => Outcome::Over,
            Endpoint::Identify | Endpoint::Challenge | Endpoint::CredentialEnroll if bare => {
                Outcome::Malformed
            }
            Endpoint::ChallengeAnswer if bare && !self.is_over() => refused,
            _ => self.allows(endpoint).unwrap_or(refused),
        }
    }
}

/// A server for a state, and a number for passwords that were never used.
struct Bench {
    app: TestApp,
    /// What the app of whoever has one shares with the engine.
    secret: TotpSecret,
    used: std::cell::Cell<u32>,
}

impl Bench {
    async fn of(state: State) -> Self {
        let app = TestApp::with(|setup| {
            let policy = &mut setup.policy;
            match state {
                State::ChallengePassword | State::IdentifyNameOnly => {
                    policy.sign_in_mode = SignInMode::IdentifierFirst;
                }
                State::Confirm => {
                    policy.recovery.single_authenticator = SingleAuthenticator::Verify;
                }
                State::CompletedWithoutCode => policy.recovery.auto_sign_in = false,
                State::Enroll | State::SelectEnroll => {
                    policy.enrollment.required.push(totp_key());
                }
                State::Reenroll => policy.password.max_age_days = 1,
                State::ReenrollSoon => {
                    policy.password.max_age_days = 3_650;
                    policy.password.warn_days = 3_650;
                }
                State::EnrollOptional | State::SelectEnrollOptional => {
                    policy.enrollment.optional.push(totp_key());
                }
                _ => {}
            }
            // Nobody reads the mails here: codes are derived, and messages wait.
            setup.worker = false;
        })
        .await;
        let secret = app.enroll_app(Person::WithApp).await;
        let used = std::cell::Cell::new(0);
        Self { app, secret, used }
    }

    fn new_password(&self) -> String {
        self.used.set(self.used.get() + 1);
        format!("Marble-Harbour-{}", self.used.get())
    }

    /// Brings a new flow to a state, long enough ago that nothing counts as a repetition.
    async fn reach(&self, state: State) -> Walk<'_> {
        let login = Person::Active.login();
        let mut walk = self.app.first_page().await;
        match state {
            State::Identify | State::IdentifyNameOnly | State::Expired => {}
            State::IdentifyRecovery => drop(walk.act("recover").await),
            State::Select | State::Confirm => drop(walk.recover(login).await),
            State::SelectOfNobody => drop(walk.recover(Person::Unknown.login()).await),
            State::ChallengeMailOfNobody => {
                walk.as_far_as_challenge(Person::Unknown.login()).await;
            }
            State::ChallengeApp => {
                let who = json!({"identifier": Person::WithApp.login(),
                    "credentials": {"passcode": PASSWORD}});
                walk.remediate("identify", who).await;
            }
            State::ChallengePassword => {
                let who = json!({"identifier": Person::OtherMail.login()});
                walk.remediate("identify", who).await;
            }
            State::Reenroll | State::ReenrollSoon => {
                walk = self.sign_in_with_an_old_password().await;
            }
            State::SelectEnroll | State::SelectEnrollOptional => {
                self.sign_in_to_set_up(&mut walk).await;
            }
            State::Enroll | State::EnrollOptional => {
                self.sign_in_to_set_up(&mut walk).await;
                let chosen = json!({"authenticator": {"id": self.id_of_the_app()}});
                walk.remediate("select-authenticator-enroll", chosen).await;
            }
            State::ChallengeMail
            | State::ChallengeMailExpired
            | State::ChallengeMailExhausted
            | State::Reset
            | State::Completed
            | State::CompletedWithoutCode
            | State::Dead => drop(walk.as_far_as_challenge(login).await),
        }
        if state == State::ChallengeMailExhausted {
            for _ in 0..5 {
                walk.answer("x").await.expect_status(401);
            }
        }
        if matches!(
            state,
            State::Reset | State::Completed | State::CompletedWithoutCode
        ) {
            let code = walk.derived_code().await;
            walk.answer(&code).await.expect_status(200);
        }
        if matches!(state, State::Completed | State::CompletedWithoutCode) {
            walk.answer(&self.new_password()).await.expect_status(200);
        }
        if state == State::Dead {
            let mut other = self.app.first_page().await;
            other.as_far_as_challenge(login).await;
            let code = other.derived_code().await;
            other.answer(&code).await.expect_status(200);
            other.answer(&self.new_password()).await.expect_status(200);
        }
        self.app.clock.advance(match state {
            State::Expired => 60 * 60,
            State::ChallengeMailExpired => 5 * 60,
            _ => 31,
        });
        walk
    }

    /// Somebody new each time: the one before has a new password.
    async fn sign_in_with_an_old_password(&self) -> Walk<'_> {
        self.used.set(self.used.get() + 1);
        let login = format!("old-{}@example.com", self.used.get());
        people::add(&self.app, &login, &login).await;
        self.app.clock.advance(2 * 24 * 60 * 60);
        let mut walk = self.app.first_page().await;
        let who = json!({"identifier": login, "credentials": {"passcode": PASSWORD}});
        walk.remediate("identify", who).await;
        walk
    }

    /// The password of somebody who has nothing else, also when a cell has just set something up.
    async fn sign_in_to_set_up(&self, walk: &mut Walk<'_>) {
        let login = Person::OtherMail.login();
        let org = self.app.org();
        let user = self.app.store.find_user(org, login).await.unwrap().unwrap();
        let (id, version) = (user.facts.id, user.facts.enrollments.version);
        let saved = self
            .app
            .store
            .save_enrollments(org, &id, version, Vec::new());
        saved.await.unwrap();
        let who = json!({"identifier": login, "credentials": {"passcode": PASSWORD}});
        walk.remediate("identify", who).await;
    }

    fn id_of_the_app(&self) -> String {
        totp_key().authenticator_id(self.app.state.keys(), self.app.org())
    }

    /// The code of the app that is being set up, by the secret that its page shows.
    async fn code_of_the_new_app(&self, walk: &Walk<'_>) -> String {
        let name = walk.stored().await.flow;
        let Stage::EnrollAuthenticator { challenge, .. } = &name.stage else {
            panic!("nothing is set up: {:?}", name.stage);
        };
        let data = challenge.data.clone();
        let secret = totp_secret(&data, self.app.state.keys(), self.app.org()).unwrap();
        secret.code_at(self.app.store.now().await.unwrap())
    }

    async fn body(&self, walk: &Walk<'_>, state: State, endpoint: Endpoint, body: Body) -> Value {
        let passcode = match (state, endpoint) {
            (State::ChallengeApp, Endpoint::ChallengeAnswer) => {
                let now = self.app.store.now().await.unwrap();
                self.secret.code_at(now)
            }
            (
                State::ChallengeMail | State::ChallengeMailExpired | State::ChallengeMailExhausted,
                _,
            ) => walk.derived_code().await,
            (State::Reenroll | State::ReenrollSoon | State::Reset, _) => self.new_password(),
            (State::Enroll | State::EnrollOptional, Endpoint::ChallengeAnswer) => {
                self.code_of_the_new_app(walk).await
            }
            (_, Endpoint::Identify) | (State::ChallengePassword, _) => PASSWORD.to_owned(),
            _ => "123456".to_owned(),
        };
        let id = match endpoint {
            Endpoint::CredentialEnroll => self.id_of_the_app(),
            _ => email_key().authenticator_id(self.app.state.keys(), self.app.org()),
        };
        let identifier = json!(Person::OtherMail.login());
        let credentials = json!({"passcode": passcode});
        let handle = match body {
            Body::WrongHandle => &walk.interaction_handle,
            _ => &walk.state_handle,
        };
        match (body, endpoint) {
            (Body::Empty, _) => json!({"stateHandle": handle}),
            (Body::Null, _) => json!({"stateHandle": handle, "identifier": null,
                "credentials": null, "authenticator": null}),
            (Body::Crowded, _) => json!({"stateHandle": handle, "identifier": identifier,
                "credentials": credentials, "authenticator": {"id": id}, "intent": "LOGIN",
                "step": "reset-authenticator", "stage": {"reset_authenticator": {}},
                "name": "reset-authenticator", "proofs": [{"authenticator": "okta_email"}],
                "userId": "00u1", "success": true, "rememberMe": true, "version": 0}),
            (_, Endpoint::Identify) => json!({"stateHandle": handle, "identifier": identifier,
                "credentials": credentials}),
            (_, Endpoint::Challenge | Endpoint::CredentialEnroll) => {
                json!({"stateHandle": handle, "authenticator": {"id": id}})
            }
            (_, Endpoint::ChallengeAnswer) => json!({"stateHandle": handle,
                "credentials": credentials}),
            (_, _) => json!({"stateHandle": handle}),
        }
    }
}

/// Holds one answer against the table; says whether the flow moved.
fn judge(cell: &str, page: &Page, shown: Option<&str>, expected: Outcome, changed: bool) -> bool {
    let moves = matches!(expected, Outcome::Goes(..) | Outcome::Succeeds);
    assert_eq!(changed, moves, "{cell}: stored or not");
    match expected {
        Outcome::Goes(status, name) => drop(page.expect_page(status, name)),
        Outcome::Succeeds => drop(page.interaction_code()),
        Outcome::Shows => {
            page.expect_status(200);
            assert_eq!(page.page_name(), shown, "{cell}");
        }
        Outcome::Refuses(status, key) => {
            page.expect_top(status, key);
            assert_eq!(page.page_name(), shown, "{cell}");
        }
        Outcome::Over => drop(page.expect_expired()),
        Outcome::Malformed => drop(page.expect_api_error(400, "E0000003")),
    }
    moves
}

#[tokio::test]
async fn t_s3_only_cells_of_the_table_do_anything() {
    let mut cells = 0;
    let mut moved = 0;
    for state in STATES {
        let bench = Bench::of(state).await;
        let mut walk = bench.reach(state).await;
        for endpoint in Endpoint::ALL {
            for body in BODIES {
                let cell = format!("{endpoint:?} in {state:?} with {body:?}");
                let given = bench.body(&walk, state, endpoint, body).await;
                let shown = walk.page.page_name().map(str::to_owned);
                let before = bench.app.store.fingerprint().unwrap();
                let page = bench.app.post(endpoint.path(), &given).await;
                let changed = bench.app.store.fingerprint().unwrap() != before;
                let expected = state.expected(endpoint, body);
                cells += 1;
                if judge(&cell, &page, shown.as_deref(), expected, changed) {
                    moved += 1;
                    walk = bench.reach(state).await;
                }
            }
        }
        drop(walk);
        bench.app.leave_mail().await;
    }
    assert_eq!(cells, 1_150, "the whole matrix was tried");
    assert!(
        moved > 80,
        "{moved} cells moved: the rest would prove nothing"
    );
}
