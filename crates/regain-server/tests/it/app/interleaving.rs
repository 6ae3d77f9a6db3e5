//! A flow about which several act at once, one step of the store at a time: each loads, lets the
//! engine step, and commits, as the server does, and whoever lost loads again. A test says whose
//! turn it is; so every order there is can be walked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use regain_engine::{
    AuthenticatorKey, Challenge, Climb, CodeTicket, Env, Facts, Flow, Input, Intent, LedgerKeys,
    Notice, Policy, Refusal, Stage, Step, Subject, Tally, UserStatus, Who, step,
};
use regain_store::{Commit, FlowKey, NewFlow, NewUser, RequestMeta, Store, StoreError};
use regain_types::{
    ChallengeId, FlowId, KeyRing, MasterKey, OrgId, Secret, SystemEntropy, TokenHash, UserId,
    random_token,
};

use super::clock::TestClock;
use super::flow_app;

const LOGIN: &str = "alice@example.com";

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The right code.
    Right,
    /// A wrong one; each number is another one.
    Wrong(u32),
    /// Another mail.
    Resend,
}

/// A store, and what every flow on it shares.
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<TestClock>,
    policy: Policy,
    keys: KeyRing,
    next: AtomicU32,
}

impl World {
    pub(crate) fn new(name: &str, store: Arc<dyn Store>, clock: Arc<TestClock>) -> Self {
        Self {
            name: name.to_owned(),
            store,
            clock,
            policy: Policy::default(),
            keys: KeyRing::derive(&MasterKey::random(&mut SystemEntropy)),
            next: AtomicU32::new(0),
        }
    }

    /// A flow that waits for a code, in an org of its own, so that nothing was spent there before.
    /// The mail went out a minute ago, and `wrong` answers were given since.
    pub(crate) async fn table(&self, acts: &[Act], wrong: u32) -> Table<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let org = OrgId::parse(format!("00oTable{number}")).unwrap();
        let user = UserId::random(&mut SystemEntropy);
        let new = NewUser {
            id: user.clone(),
            login: LOGIN.to_owned(),
            email: Some(LOGIN.to_owned()),
            first_name: "Given".to_owned(),
            last_name: "Family".to_owned(),
            locale: "en_US".to_owned(),
            time_zone: "UTC".to_owned(),
            status: UserStatus::Active,
            password: None,
        };
        self.store.create_user(&org, new).await.unwrap();
        let (flow, code) = self.challenged(&org, user, wrong).await;
        let actors = acts.iter().map(|act| Actor::new(*act, &code)).collect();
        let table = Table {
            world: self,
            key: FlowKey::Id(flow.id.clone()),
            flow: flow.id.clone(),
            org,
            wrong,
            actors,
        };
        let new = NewFlow {
            flow,
            interaction_handle: TokenHash::of(&random_token(&mut SystemEntropy)),
            state_handle: TokenHash::of(&random_token(&mut SystemEntropy)),
        };
        let request = RequestMeta::default();
        let inserted = self.store.insert_flow(&table.org, new, request).await;
        inserted.unwrap();
        table
    }

    async fn challenged(&self, org: &OrgId, user: UserId, wrong: u32) -> (Flow, String) {
        let now = self.store.now().await.unwrap();
        let mut flow = Flow::begin(flow_app(), now, &mut SystemEntropy);
        let ticket = CodeTicket {
            flow: flow.id.clone(),
            challenge: ChallengeId::random(&mut SystemEntropy),
            intent: Intent::RecoverPassword,
            digits: 6,
            issued_at: now.plus_seconds(-60),
            expires_at: now.plus_seconds(240),
        };
        let code = ticket.code(&self.keys, org).expose().clone();
        flow.expires_at = now.plus_seconds(840);
        flow.stage = Stage::ChallengeAuthenticator {
            climb: Climb {
                intent: Intent::RecoverPassword,
                who: Who {
                    typed: LOGIN.to_owned(),
                    canonical: LOGIN.to_owned(),
                    subject: Subject::Known(user),
                    ledgers: LedgerKeys::derive(&self.keys, org, LOGIN, None),
                },
                proofs: Vec::new(),
                further: Vec::new(),
                enrolled: Vec::new(),
                password_is_settled: false,
                recovered: false,
                tally: Tally {
                    wrong_answers: wrong,
                    sends: 1,
                    last_send_at: Some(ticket.issued_at),
                    ..Tally::default()
                },
                paid: false,
            },
            challenge: Challenge {
                id: ticket.challenge.clone(),
                authenticator: AuthenticatorKey::parse("okta_email").unwrap(),
                issued_at: ticket.issued_at,
                expires_at: ticket.expires_at,
                wrong_answers: wrong,
                data: serde_json::to_value(&ticket).unwrap(),
            },
        };
        (flow, code)
    }
}

/// Somebody at work.
pub(crate) struct Actor {
    input: Input,
    /// What is to be committed next, and what is told then.
    pending: Option<(Commit, String)>,
    told: Option<String>,
}

impl Actor {
    fn new(act: Act, code: &str) -> Self {
        let answer = |passcode: String| Input::Answer {
            passcode: Some(Secret::new(passcode)),
            revoke_sessions: None,
        };
        let input = match act {
            Act::Right => answer(code.to_owned()),
            Act::Wrong(number) => {
                let right: u32 = code.parse().unwrap();
                answer(format!("{:06}", (right + 1 + number) % 1_000_000))
            }
            Act::Resend => Input::Resend,
        };
        Self {
            input,
            pending: None,
            told: None,
        }
    }
}

/// One flow, and who acts.
pub(crate) struct Table<'a> {
    world: &'a World,
    pub(crate) org: OrgId,
    pub(crate) flow: FlowId,
    key: FlowKey,
    wrong: u32,
    actors: Vec<Actor>,
}

/// What came of it: what each was told, and how the flow stands then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Outcome {
    pub(crate) told: Vec<String>,
    pub(crate) left: String,
}

impl Table<'_> {
    pub(crate) fn is_done(&self, actor: usize) -> bool {
        self.actors[actor].told.is_some()
    }

    /// Whether the next step of an actor is a commit.
    pub(crate) fn is_about_to_commit(&self, actor: usize) -> bool {
        self.actors[actor].pending.is_some()
    }

    /// The next step of an actor: it loads and lets the engine step, or it commits.
    pub(crate) async fn advance(&mut self, actor: usize) {
        match self.take_commit(actor) {
            Some((commit, told)) => {
                let committed = self.world.store.commit(&self.org, commit).await;
                self.committed(actor, committed, told);
            }
            None => self.load(actor).await,
        }
    }

    pub(crate) async fn finish(&mut self, actor: usize) {
        while !self.is_done(actor) {
            self.advance(actor).await;
        }
    }

    /// What an actor would commit now, for whoever commits it elsewhere.
    pub(crate) fn take_commit(&mut self, actor: usize) -> Option<(Commit, String)> {
        self.actors[actor].pending.take()
    }

    /// What became of that.
    pub(crate) fn committed(
        &mut self,
        actor: usize,
        committed: Result<(), StoreError>,
        told: String,
    ) {
        match committed {
            Ok(()) => self.actors[actor].told = Some(told),
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("a commit failed: {error}"),
        }
    }

    async fn load(&mut self, actor: usize) {
        let world = self.world;
        let loaded = world.store.load_flow(&self.org, &self.key, None).await;
        let loaded = loaded.unwrap().expect("the flow is there");
        let facts = Facts {
            user: loaded.user,
            ledgers: loaded.ledgers,
            ..Facts::default()
        };
        let mut env = Env {
            now: loaded.now,
            wall: loaded.now,
            rng: &mut SystemEntropy,
            policy: &world.policy,
            keys: &world.keys,
            org: &self.org,
        };
        let actor = &mut self.actors[actor];
        let stage = stage_of(&loaded.flow);
        match step(loaded.flow, actor.input.clone(), &facts, &mut env) {
            Ok(Step::Next(transition)) => {
                let told = said(&transition.notices, &stage_of(&transition.flow));
                let commit = Commit {
                    flow: transition.flow,
                    new_state_handle: None,
                    effects: transition.effects,
                    request: RequestMeta::default(),
                    now: loaded.now,
                };
                actor.pending = Some((commit, told));
            }
            Ok(Step::Show(notices)) => actor.told = Some(said(&notices, &stage)),
            Ok(Step::Need(need)) => panic!("nothing here needs hashing: {need:?}"),
            Err(Refusal::Limited(limited)) => actor.told = Some(limited.limit.key().to_owned()),
            Err(Refusal::Bug(what)) => panic!("{what}"),
            Err(refusal) => actor.told = Some(format!("{refusal:?}")),
        }
    }

    /// What came of it, and what holds whatever the order was.
    pub(crate) async fn outcome(&self) -> Outcome {
        let told: Vec<String> = self
            .actors
            .iter()
            .map(|actor| actor.told.clone().expect("everybody was told something"))
            .collect();
        let store = &self.world.store;
        let loaded = store.load_flow(&self.org, &self.key, None).await.unwrap();
        let loaded = loaded.expect("the flow is there");
        let flow = &loaded.flow;
        let mails = store.measure_outbox(&self.org).await.unwrap().messages;
        let mut audit: BTreeMap<String, usize> = BTreeMap::new();
        for row in store.list_audit(&self.org, 100).await.unwrap() {
            *audit
                .entry(format!("{} {}", row.name, row.outcome))
                .or_default() += 1;
        }
        let count = |row: Option<regain_engine::LedgerRow>| row.map_or(0, |row| row.version);
        let spent = (count(loaded.ledgers.identifier), count(loaded.ledgers.org));
        let climb = flow.climb().expect("nobody has left");
        let wrong = told.iter().filter(|told| told.contains("CodeInvalid"));
        let counted = climb.tally.wrong_answers - self.wrong;
        assert_eq!(wrong.count(), counted as usize, "{told:?}");
        let proofs = audit.get("user.authentication.verify SUCCESS");
        assert_eq!(proofs.copied().unwrap_or_default(), climb.proofs.len());
        assert!(climb.proofs.len() <= 1, "a code was used twice");
        let failures = audit.get("user.authentication.verify FAILURE");
        assert_eq!(failures.copied().unwrap_or_default(), counted as usize);
        assert_eq!(mails, u64::from(climb.tally.sends - 1), "{told:?}");
        let left = format!(
            "{} version {} tally {} {} mails {mails} spent {spent:?} audit {audit:?}",
            stage_of(flow),
            flow.version,
            climb.tally.wrong_answers,
            climb.tally.sends,
        );
        Outcome { told, left }
    }
}

/// Messages by their names: what else they say depends on the code, which is another each time.
fn said(notices: &[Notice], stage: &str) -> String {
    let name = |notice: &Notice| {
        let whole = format!("{notice:?}");
        whole.split('(').next().unwrap_or_default().to_owned()
    };
    let names: Vec<String> = notices.iter().map(name).collect();
    format!("{names:?} at {stage}")
}

fn stage_of(flow: &Flow) -> String {
    match &flow.stage {
        Stage::ChallengeAuthenticator { challenge, .. } => {
            format!("a challenge with {} wrong answers", challenge.wrong_answers)
        }
        Stage::ResetAuthenticator { .. } => "the new password".to_owned(),
        other => panic!("nobody goes there: {other:?}"),
    }
}
