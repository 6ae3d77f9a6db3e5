//! Every step of a recovery and of a sign-in, each ready to be taken over and over: the flow before
//! it, the input, and the facts. What is measured is all that the engine does in a request.

use regain_engine::{
    AuthenticatorKey, CodeTicket, Env, Facts, Flow, FlowApp, Frame, Input, NewPassword, Notice,
    Policy, Stage, Step, StoredPassword, UserFacts, UserStatus, present, step,
};
use regain_types::{Entropy, Identifier, KeyRing, MasterKey, OrgId, Secret, Timestamp, UserId};

const LOGIN: &str = "alice@example.com";
const PASSWORD: &str = "Copper-Lantern-42";
const NEW_PASSWORD: &str = "Violet-Harbour-73";

/// One step, ready to be taken.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    flow: Flow,
    input: Input,
    facts: Facts,
}

/// What all steps share.
pub(crate) struct Script {
    keys: KeyRing,
    org: OrgId,
    policy: Policy,
    now: Timestamp,
    user: UserFacts,
}

/// The same bytes in every run, so that every run does the same.
struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(17);
            *byte = self.0;
        }
    }
}

impl Script {
    pub(crate) fn new() -> Self {
        let mut entropy = Counting(1);
        let password = StoredPassword {
            phc: PASSWORD.to_owned(),
            nfc: true,
            set_at: Timestamp::from_millis(0),
        };
        Self {
            keys: KeyRing::derive(&MasterKey::random(&mut entropy)),
            org: known(OrgId::parse("00oBudget")),
            policy: Policy::default(),
            now: Timestamp::from_millis(1_700_000_000_000),
            user: UserFacts {
                id: known(UserId::parse("00uAlice")),
                login: LOGIN.to_owned(),
                email: Some(LOGIN.to_owned()),
                first_name: "Alice".to_owned(),
                last_name: "Example".to_owned(),
                locale: "en_US".to_owned(),
                time_zone: "UTC".to_owned(),
                status: UserStatus::Active,
                password: Some(password),
                history: Vec::new(),
                enrollments: regain_engine::Enrollments::default(),
            },
        }
    }

    /// All steps, in the order in which people take them.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let begun = Flow::begin(FlowApp::sample(), self.now, &mut Counting(2));
        let email = known(AuthenticatorKey::parse("okta_email").ok_or("no e-mail"))
            .authenticator_id(&self.keys, &self.org);
        let sign_in = Input::Identify {
            identifier: known(Identifier::parse(LOGIN)),
            passcode: Some(Secret::new(PASSWORD.to_owned())),
            device: None,
            work: None,
        };
        let who = Input::Identify {
            identifier: known(Identifier::parse(LOGIN)),
            passcode: None,
            device: None,
            work: None,
        };
        let choose = Input::Challenge {
            authenticator_id: email,
            method_type: Some("email".to_owned()),
        };
        let mut cases = vec![
            self.case("introspect", &begun, Input::Introspect),
            Case {
                facts: Facts {
                    password_matches: Some(true),
                    ..self.facts()
                },
                ..self.case("sign-in", &begun, sign_in)
            },
            self.case("recover", &begun, Input::Recover),
        ];
        let mut flow = begun;
        for (name, input) in [("identify", who), ("challenge", choose)] {
            flow = self.after(cases.last(), flow);
            cases.push(self.case(name, &flow, input));
        }
        flow = self.after(cases.last(), flow);
        let code = self.code_of(&flow);
        let wrong: String = code
            .chars()
            .map(|digit| if digit == '0' { '1' } else { '0' })
            .collect();
        cases.push(self.case("poll", &flow, Input::Poll));
        cases.push(self.case("wrong answer", &flow, answer(&wrong)));
        cases.push(self.case("answer", &flow, answer(&code)));
        flow = self.after(cases.last(), flow);
        cases.push(Case {
            facts: Facts {
                new_password: Some(NewPassword::Hashed(NEW_PASSWORD.to_owned())),
                ..self.facts()
            },
            ..self.case("new password", &flow, answer(NEW_PASSWORD))
        });
        cases
    }

    /// Takes a step and writes the document; says how many bytes that has.
    pub(crate) fn take(&self, case: &Case) -> usize {
        let (flow, notices) = self.stepped(case);
        let frame = Frame {
            base_url: "https://id.example.com",
            state_handle: "02.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
            org: &self.org,
            org_name: "Example",
            keys: &self.keys,
            policy: &self.policy,
            user: Some(&self.user),
        };
        let document = present(&flow, &frame, &notices);
        known(serde_json::to_vec(&document)).len()
    }

    fn stepped(&self, case: &Case) -> (Flow, Vec<Notice>) {
        let mut env = Env {
            now: self.now,
            wall: self.now,
            rng: &mut Counting(3),
            policy: &self.policy,
            keys: &self.keys,
            org: &self.org,
        };
        match known(step(
            case.flow.clone(),
            case.input.clone(),
            &case.facts,
            &mut env,
        )) {
            Step::Next(transition) => (transition.flow, transition.notices),
            Step::Show(notices) => (case.flow.clone(), notices),
            Step::Need(_) => known(Err(format!("{} needs more than it is given", case.name))),
        }
    }

    fn case(&self, name: &'static str, flow: &Flow, input: Input) -> Case {
        Case {
            name,
            flow: flow.clone(),
            input,
            facts: self.facts(),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            user: Some(self.user.clone()),
            ..Facts::default()
        }
    }

    fn after(&self, case: Option<&Case>, flow: Flow) -> Flow {
        case.map_or(flow, |case| self.stepped(case).0)
    }

    fn code_of(&self, flow: &Flow) -> String {
        let Stage::ChallengeAuthenticator { challenge, .. } = &flow.stage else {
            return known(Err("no challenge is open"));
        };
        let ticket: CodeTicket = known(serde_json::from_value(challenge.data.clone()));
        ticket.code(&self.keys, &self.org).expose().clone()
    }
}

fn answer(passcode: &str) -> Input {
    Input::Answer {
        passcode: Some(Secret::new(passcode.to_owned())),
        revoke_sessions: None,
    }
}

/// What this file has written down itself.
fn known<T, E: std::fmt::Debug>(value: Result<T, E>) -> T {
    match value {
        Ok(value) => value,
        Err(error) => {
            // A script that does not fit the engine has no figures.
            eprintln!("the script does not fit the engine: {error:?}");
            std::process::exit(1)
        }
    }
}
