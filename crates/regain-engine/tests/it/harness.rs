//! A shell in miniature: users, mailboxes, a clock and commits, all in memory.

use std::collections::BTreeMap;

use regain_engine::{
    AuditEvent, AuthenticatorKey, CodeTicket, Effect, Env, Facts, Flow, FlowApp, Frame, Input,
    LedgerKey, LedgerKeys, LedgerRow, Ledgers, Need, NewPassword, Notice, Outgoing, Policy,
    Refusal, Stage, Step, StoredPassword, Subject, Transition, UserFacts, UserStatus, present,
    step,
};
use regain_types::{
    Entropy, Identifier, KeyRing, MasterKey, OrgId, Secret, SystemEntropy, Timestamp, UserId,
};
use regain_wire::idx::IdxResponse;

pub(crate) const PASSWORD: &str = "Copper-Lantern-42";
pub(crate) const NEW_PASSWORD: &str = "Violet-Harbour-73";

/// Draws the same numbers for the same seed.
#[derive(Clone)]
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            // SplitMix64: small, and good enough for ids in tests.
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
    }
}

#[derive(Clone)]
pub(crate) struct Shell {
    pub(crate) policy: Policy,
    pub(crate) keys: KeyRing,
    pub(crate) org: OrgId,
    pub(crate) now: Timestamp,
    pub(crate) rng: Seeded,
    pub(crate) users: Vec<UserFacts>,
    pub(crate) flows: BTreeMap<usize, Flow>,
    /// Codes in the order in which they were mailed: (user or none, code).
    pub(crate) mails: Vec<(Subject, String)>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) ledgers: BTreeMap<LedgerKey, StoredLedger>,
    /// Right answers of the whole org in the last day.
    pub(crate) answered_24h: u32,
    /// Whether a browser asks.
    pub(crate) browser: bool,
    /// The newest device that a sign-in made known.
    pub(crate) device: Option<Secret<String>>,
    /// Whether the client can do proof of work.
    pub(crate) solves_work: bool,
    /// How far the store's clock is ahead of the world's.
    pub(crate) ahead_seconds: i64,
}

/// A ledger's row and its end.
#[derive(Clone, Debug)]
pub(crate) struct StoredLedger {
    pub(crate) row: LedgerRow,
    pub(crate) expires_at: Timestamp,
}

/// What an input came to.
#[derive(Debug)]
pub(crate) enum Came {
    /// It was committed.
    Committed(Vec<Notice>),
    /// Nothing changed.
    Shown(Vec<Notice>),
    /// It was refused; nothing changed.
    Refused(Refusal),
}

impl Came {
    pub(crate) fn keys(&self) -> Vec<&'static str> {
        match self {
            Self::Committed(notices) | Self::Shown(notices) => {
                notices.iter().map(Notice::key).collect()
            }
            Self::Refused(refusal) => vec![refusal.notice().key()],
        }
    }

    pub(crate) fn is_ok(&self) -> bool {
        match self {
            Self::Committed(notices) | Self::Shown(notices) => {
                !notices.iter().any(Notice::is_error)
            }
            Self::Refused(_) => false,
        }
    }
}

pub(crate) fn user(name: &str, status: UserStatus) -> UserFacts {
    UserFacts {
        id: UserId::parse(format!("00u{name}")).unwrap(),
        login: format!("{name}@example.com"),
        email: Some(format!("{name}@example.com")),
        first_name: "First".to_owned(),
        last_name: "Last".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "UTC".to_owned(),
        status,
        password: Some(stored(PASSWORD)),
        history: Vec::new(),
        enrollments: regain_engine::Enrollments::default(),
    }
}

fn stored(password: &str) -> StoredPassword {
    StoredPassword {
        phc: password.to_owned(),
        nfc: true,
        set_at: Timestamp::from_millis(0),
    }
}

impl Shell {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            keys: KeyRing::derive(&MasterKey::random(&mut SystemEntropy)),
            org: OrgId::parse("00oorg").unwrap(),
            now: Timestamp::from_millis(1_700_000_000_000),
            rng: Seeded(7),
            users: vec![
                user("alice", UserStatus::Active),
                user("mallory", UserStatus::Active),
                user("locked", UserStatus::LockedOut),
                user("suspended", UserStatus::Suspended),
                user("gone", UserStatus::Deprovisioned),
            ],
            flows: BTreeMap::new(),
            mails: Vec::new(),
            effects: Vec::new(),
            ledgers: BTreeMap::new(),
            answered_24h: 0,
            browser: false,
            device: None,
            solves_work: false,
            ahead_seconds: 0,
        }
    }

    pub(crate) fn begin(&mut self, index: usize) {
        let flow = Flow::begin(FlowApp::sample(), self.now, &mut self.rng);
        self.flows.insert(index, flow);
    }

    pub(crate) fn flow(&self, index: usize) -> &Flow {
        &self.flows[&index]
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus_seconds(seconds);
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "scripts read better without borrows"
    )]
    pub(crate) fn take(&mut self, index: usize, input: Input) -> Came {
        let flow = self.flow(index).clone();
        match self.decide(&flow, &input) {
            Err(refusal) => Came::Refused(refusal),
            Ok(Step::Show(notices)) => Came::Shown(notices),
            Ok(Step::Need(_)) => panic!("a step never has enough"),
            Ok(Step::Next(transition)) => {
                let Transition {
                    flow,
                    effects,
                    notices,
                    new_device,
                } = *transition;
                self.device = new_device.or(self.device.take());
                self.commit(index, flow, effects);
                Came::Committed(notices)
            }
        }
    }

    fn decide(&mut self, flow: &Flow, input: &Input) -> Result<Step, Refusal> {
        let (name, keys) = match input {
            Input::Identify {
                identifier, device, ..
            } => {
                let name = identifier.canonical();
                let keys = LedgerKeys::derive(&self.keys, &self.org, name, device.as_ref());
                (Some(name.to_owned()), Some(keys))
            }
            _ => (flow.canonical().map(str::to_owned), flow.ledgers().copied()),
        };
        let found = self
            .users
            .iter()
            .find(|user| Some(&user.login) == name.as_ref());
        let mut facts = Facts {
            user: found.cloned(),
            ledgers: Ledgers {
                identifier: keys.and_then(|keys| self.ledger(keys.identifier)),
                device: keys.and_then(|keys| self.ledger(keys.device?)),
                org: self.ledger(LedgerKey::ORG),
            },
            answered_24h: self.answered_24h,
            browser: self.browser,
            solves_work: self.solves_work,
            ..Facts::default()
        };
        for _ in 0..=regain_engine::NEEDS_PER_STEP_MAX {
            let mut env = Env {
                now: self.now,
                wall: self.now.plus_seconds(-self.ahead_seconds),
                rng: &mut self.rng,
                policy: &self.policy,
                keys: &self.keys,
                org: &self.org,
            };
            match step(flow.clone(), input.clone(), &facts, &mut env)? {
                Step::Need(Need::VerifyPassword { stored, candidate }) => {
                    let same = stored.is_some_and(|stored| stored.phc == *candidate.expose());
                    facts.password_matches = Some(same);
                }
                Step::Need(Need::HashPassword {
                    candidate,
                    previous,
                }) => {
                    let reused = previous.iter().any(|old| old.phc == *candidate.expose());
                    facts.new_password = Some(if reused {
                        NewPassword::Reused
                    } else {
                        NewPassword::Hashed(candidate.expose().clone())
                    });
                }
                other @ (Step::Next(_) | Step::Show(_)) => return Ok(other),
            }
        }
        panic!("a step asked too often");
    }

    fn commit(&mut self, index: usize, mut flow: Flow, effects: Vec<Effect>) {
        assert_eq!(
            flow.version,
            self.flow(index).version,
            "the guard stays in place"
        );
        flow.version += 1;
        self.flows.insert(index, flow);
        for effect in effects {
            self.apply(index, &effect);
            self.effects.push(effect);
        }
    }

    fn apply(&mut self, index: usize, effect: &Effect) {
        match effect {
            Effect::SetPassword { user, phc, at, .. } => {
                let user = self
                    .users
                    .iter_mut()
                    .find(|known| known.id == *user)
                    .unwrap();
                let new = StoredPassword {
                    set_at: *at,
                    ..stored(phc)
                };
                let old = user.password.replace(new);
                user.history.splice(0..0, old);
            }
            Effect::EndOtherFlows { user } => {
                for (other, flow) in &mut self.flows {
                    if *other != index && flow.is_live() && flow.subject() == Some(user) {
                        flow.stage = Stage::Dead;
                        flow.version += 1;
                    }
                }
            }
            Effect::Enqueue(Outgoing::Code {
                subject, ticket, ..
            }) => {
                let code = ticket.code(&self.keys, &self.org).expose().clone();
                self.mails.push((subject.clone(), code));
            }
            Effect::SaveEnrollments {
                user,
                version,
                list,
            } => {
                let enrollments = &mut self.user_mut(user).enrollments;
                assert_eq!(enrollments.version, *version);
                enrollments.version += 1;
                enrollments.list.clone_from(list);
            }
            Effect::Unlock { user } => {
                let user = self
                    .users
                    .iter_mut()
                    .find(|known| known.id == *user)
                    .unwrap();
                user.status = UserStatus::Active;
            }
            Effect::Audit(_)
            | Effect::Enqueue(
                Outgoing::AuthenticatorAdded { .. } | Outgoing::PasswordChanged { .. },
            )
            | Effect::IssueInteractionCode(_)
            | Effect::RequirePassword { .. }
            | Effect::RevokeSessions { .. } => {}
            Effect::RequireLedger { key, version } => {
                assert_eq!(self.version_of(*key), *version);
            }
            Effect::SaveLedger(write) => {
                assert_eq!(self.version_of(write.key), write.version);
                let row = LedgerRow {
                    version: write.version + 1,
                    state: write.state.clone(),
                };
                let expires_at = write.expires_at;
                self.ledgers
                    .insert(write.key, StoredLedger { row, expires_at });
            }
        }
    }

    fn user_mut(&mut self, id: &UserId) -> &mut UserFacts {
        self.users.iter_mut().find(|known| known.id == *id).unwrap()
    }

    /// A ledger as the store gives it: an expired one is none.
    pub(crate) fn ledger(&self, key: LedgerKey) -> Option<LedgerRow> {
        let stored = self.ledgers.get(&key)?;
        (self.now < stored.expires_at).then(|| stored.row.clone())
    }

    fn version_of(&self, key: LedgerKey) -> u64 {
        self.ledger(key).map_or(0, |row| row.version)
    }

    pub(crate) fn document(&self, index: usize, notices: &[Notice]) -> IdxResponse {
        let flow = self.flow(index);
        let user = self
            .users
            .iter()
            .find(|user| Some(user.login.as_str()) == flow.canonical());
        let frame = Frame {
            base_url: "https://id.example.com",
            state_handle: "02handle",
            org: &self.org,
            org_name: "Example",
            keys: &self.keys,
            policy: &self.policy,
            user,
        };
        present(flow, &frame, notices)
    }

    pub(crate) fn email_id(&self) -> String {
        AuthenticatorKey::parse("okta_email")
            .unwrap()
            .authenticator_id(&self.keys, &self.org)
    }

    /// The code that a flow waits for, if it waits for one.
    pub(crate) fn code_of(&self, index: usize) -> Option<String> {
        let Stage::ChallengeAuthenticator { challenge, .. } = &self.flow(index).stage else {
            return None;
        };
        let ticket: CodeTicket = serde_json::from_value(challenge.data.clone()).ok()?;
        Some(ticket.code(&self.keys, &self.org).expose().clone())
    }

    pub(crate) fn last_code(&self) -> String {
        self.mails.last().unwrap().1.clone()
    }

    pub(crate) fn passwords(&self) -> Vec<String> {
        self.users
            .iter()
            .map(|user| user.password.clone().unwrap().phc)
            .collect()
    }

    pub(crate) fn audited(&self) -> Vec<&AuditEvent> {
        let events = self.effects.iter().filter_map(|effect| match effect {
            Effect::Audit(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    /// Walks to the code page of a recovery.
    pub(crate) fn walk_to_code_page(&mut self, index: usize, name: &str) {
        self.begin(index);
        assert!(self.take(index, Input::Recover).is_ok());
        assert!(self.take(index, identify(name)).is_ok());
        assert!(self.take(index, select(&self.email_id())).is_ok());
    }

    /// Walks to the page for the new password.
    pub(crate) fn walk_to_reset_page(&mut self, index: usize, name: &str) {
        self.walk_to_code_page(index, name);
        let code = self.last_code();
        assert!(self.take(index, answer(&code)).is_ok());
    }
}

/// Limits of one flow only: for tests that ask one name for more than an honest person would.
pub(crate) fn limits_of_one_flow() -> Policy {
    let mut policy = Policy::default();
    policy.limits.volume = false;
    policy.limits.identifier_short_wrong_30d = u32::MAX;
    policy.limits.org_short_wrong_24h = u32::MAX;
    policy
}

pub(crate) fn identify(name: &str) -> Input {
    let identifier = Identifier::parse(&format!("{name}@example.com")).unwrap();
    Input::Identify {
        identifier,
        passcode: None,
        device: None,
        work: None,
    }
}

pub(crate) fn identify_with(name: &str, password: &str) -> Input {
    let identifier = Identifier::parse(&format!("{name}@example.com")).unwrap();
    Input::Identify {
        identifier,
        passcode: Some(Secret::new(password.to_owned())),
        device: None,
        work: None,
    }
}

pub(crate) fn select(id: &str) -> Input {
    Input::Challenge {
        authenticator_id: id.to_owned(),
        method_type: None,
    }
}

pub(crate) fn answer(passcode: &str) -> Input {
    Input::Answer {
        passcode: Some(Secret::new(passcode.to_owned())),
        revoke_sessions: None,
    }
}

/// A code of the right shape that is not `code`.
pub(crate) fn other_than(code: &str) -> String {
    if code == "000000" {
        "000001".to_owned()
    } else {
        "000000".to_owned()
    }
}
