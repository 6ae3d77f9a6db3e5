//! T-S4: choosing, going back, choosing something else and answering with nothing, in every order
//! of up to six steps, never counts as a proof (the way into X-01).

use regain_engine::{
    AuthenticatorKey, Env, Facts, Flow, Input, Policy, Refusal, Stage, Step, UserFacts, UserStatus,
    enroll_email, enroll_totp, step, totp_key,
};
use regain_types::{
    Identifier, KeyRing, MasterKey, OrgId, Secret, SystemEntropy, Timestamp, UserId,
};
use serde_json::json;

use crate::app::{Person, TestApp, flow_app};

/// Longest order that is tried.
const STEPS_MAX: usize = 6;

struct World {
    policy: Policy,
    keys: KeyRing,
    org: OrgId,
    facts: Facts,
    moves: Vec<Input>,
    /// What was proved before.
    proofs: usize,
    visited: u64,
}

fn user() -> UserFacts {
    UserFacts {
        id: UserId::parse("00u1").unwrap(),
        login: "alice@example.com".to_owned(),
        email: Some("alice@example.com".to_owned()),
        first_name: "Given".to_owned(),
        last_name: "Family".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "UTC".to_owned(),
        status: UserStatus::Active,
        password: None,
        history: Vec::new(),
        enrollments: regain_engine::Enrollments::default(),
    }
}

impl World {
    fn new() -> Self {
        let keys = KeyRing::derive(&MasterKey::random(&mut SystemEntropy));
        let org = OrgId::parse("00o1").unwrap();
        let id = |key| {
            AuthenticatorKey::parse(key)
                .unwrap()
                .authenticator_id(&keys, &org)
        };
        let choose = |key| Input::Challenge {
            authenticator_id: id(key),
            method_type: None,
        };
        let answer = |passcode: Option<&str>| Input::Answer {
            passcode: passcode.map(|text| Secret::new(text.to_owned())),
            revoke_sessions: None,
        };
        let moves = vec![
            choose("okta_email"),
            choose("okta_password"),
            Input::Recover,
            Input::Resend,
            Input::Poll,
            answer(None),
            answer(Some("")),
        ];
        Self {
            policy: Policy::default(),
            keys,
            org,
            facts: Facts {
                user: Some(user()),
                ..Facts::default()
            },
            moves,
            proofs: 0,
            visited: 0,
        }
    }

    fn take(&self, flow: &Flow, input: &Input, seconds: i64) -> Option<Flow> {
        let mut env = Env {
            now: Timestamp::from_millis(0).plus_seconds(seconds),
            wall: Timestamp::from_millis(0).plus_seconds(seconds),
            rng: &mut SystemEntropy,
            policy: &self.policy,
            keys: &self.keys,
            org: &self.org,
        };
        match step(flow.clone(), input.clone(), &self.facts, &mut env) {
            Ok(Step::Next(transition)) => Some(transition.flow),
            Ok(Step::Need(need)) => panic!("nothing here needs hashing: {need:?}"),
            Err(Refusal::Bug(what)) => panic!("{what}"),
            Ok(Step::Show(_)) | Err(_) => None,
        }
    }

    /// Tries every order from here; what changes nothing is tried on too.
    fn explore(&mut self, flow: &Flow, depth: usize) {
        self.visited += 1;
        let proofs = flow.climb().map_or(0, |climb| climb.proofs.len());
        assert_eq!(proofs, self.proofs, "{flow:?}");
        let reached = matches!(
            flow.stage,
            Stage::ResetAuthenticator { .. } | Stage::Completed(_)
        );
        assert!(!reached, "{flow:?}");
        if depth == STEPS_MAX {
            return;
        }
        for input in self.moves.clone() {
            // Each step comes after the cooldown, so that a resend really sends.
            let seconds = 31 * (i64::try_from(depth).unwrap() + 1);
            let next = self.take(flow, &input, seconds);
            self.explore(next.as_ref().unwrap_or(flow), depth + 1);
        }
    }
}

#[test]
fn t_s4_no_order_of_steps_without_a_code_proves_anything() {
    let mut world = World::new();
    let begun = Flow::begin(flow_app(), Timestamp::from_millis(0), &mut SystemEntropy);
    let recovering = world.take(&begun, &Input::Recover, 0).unwrap();
    let who = Input::Identify {
        identifier: Identifier::parse("alice@example.com").unwrap(),
        passcode: None,
        device: None,
        work: None,
    };
    let selecting = world.take(&recovering, &who, 0).unwrap();
    world.explore(&selecting, 0);
    // 1 + 7 + 7² + … + 7⁶: every order was tried.
    assert_eq!(world.visited, 137_257);
}

#[test]
fn t_s4_no_order_of_steps_gets_past_the_second_factor() {
    let mut world = World::new();
    let now = Timestamp::from_millis(0);
    let of_org = (&world.keys, &world.org);
    let (enrollment, _) = enroll_totp(of_org, now, &mut SystemEntropy);
    let user = world.facts.user.as_mut().unwrap();
    user.enrollments.list = vec![enrollment, enroll_email(now)];
    // The password is right, once.
    world.facts.password_matches = Some(true);
    let begun = Flow::begin(flow_app(), now, &mut SystemEntropy);
    let with_password = Input::Identify {
        identifier: Identifier::parse("alice@example.com").unwrap(),
        passcode: Some(Secret::new("right".to_owned())),
        device: None,
        work: None,
    };
    let asked = world.take(&begun, &with_password, 0).unwrap();
    world.facts.password_matches = None;
    let app = totp_key().authenticator_id(&world.keys, &world.org);
    world.moves[1] = Input::Challenge {
        authenticator_id: app,
        method_type: Some("otp".to_owned()),
    };
    world.proofs = 1;
    world.explore(&asked, 0);
    assert_eq!(world.visited, 137_257);
}

#[tokio::test]
async fn t_s4_no_order_of_steps_over_http_opens_the_new_password() {
    let app = TestApp::with(|setup| setup.worker = false).await;
    let steps = [
        (
            "/idp/idx/challenge",
            json!({"authenticator": {"id": "EMAIL"}}),
        ),
        (
            "/idp/idx/challenge",
            json!({"authenticator": {"id": "PASSWORD"}}),
        ),
        ("/idp/idx/recover", json!({})),
        ("/idp/idx/challenge/resend", json!({})),
        ("/idp/idx/challenge/answer", json!({})),
        ("/idp/idx/challenge/answer", json!({"credentials": {}})),
        (
            "/idp/idx/challenge/answer",
            json!({"credentials": {"passcode": ""}}),
        ),
    ];
    // Three steps here; the engine itself is asked about six above.
    for order in 0..7_usize.pow(3) {
        let mut walk = app.begin().await;
        walk.recover(Person::Active.login()).await;
        let email = walk.authenticator_id("okta_email");
        let password = walk.page.json["recoveryAuthenticator"]["value"]["id"].clone();
        for digit in [order % 7, order / 7 % 7, order / 49] {
            let (path, mut body) = steps[digit].clone();
            if let Some(id) = body.pointer_mut("/authenticator/id") {
                *id = if *id == "EMAIL" {
                    json!(email)
                } else {
                    password.clone()
                };
            }
            walk.post(path, body).await;
            assert_ne!(
                walk.page.page_name(),
                Some("reset-authenticator"),
                "{order}"
            );
        }
        let set = json!({"credentials": {"passcode": "Marble-Harbour-77"}});
        walk.post("/idp/idx/challenge/answer", set).await;
        assert!([400, 401, 429].contains(&walk.page.status), "{order}");
    }
    assert_eq!(app.count("SELECT count(*) FROM interaction_codes"), 0);
    let audit = app.audit().await;
    assert!(
        !audit
            .iter()
            .any(|row| row.name == "user.account.reset_password")
    );
    app.leave_mail().await;
}
