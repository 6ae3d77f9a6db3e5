//! The state of one run of the ladder: one struct per state, each holding just what it needs.

use regain_types::{
    AuthServer, ChallengeId, ClientId, Entropy, FlowId, KeyRing, OrgId, Timestamp, TokenHash,
    UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::authenticators::{Authenticator, AuthenticatorKey, Proof, password, sending};
use crate::input::Input;
use crate::ledger::LedgerKeys;
use crate::policy::Policy;
use crate::work::WorkDemand;

/// How long a flow may last in all (design §4).
const FLOW_TTL_SECONDS: i64 = 60 * 60;
/// How long a flow may rest once a challenge is open.
const CHALLENGED_IDLE_SECONDS: i64 = 15 * 60;
/// How long a proof may be used.
pub(crate) const PROOF_TTL_SECONDS: i64 = 10 * 60;

/// One run of the ladder, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Names the flow in the store, never on the wire.
    pub id: FlowId,
    /// Counts commits; every write is guarded by it (I-06).
    pub version: u64,
    /// Who asked for the flow, and with what.
    pub app: FlowApp,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless something happens.
    pub expires_at: Timestamp,
    /// How often the flow was cancelled: each time it gets a new state handle.
    pub generation: u32,
    /// What recoveries tried that were cancelled: starting over gives no new tries (C-05).
    #[serde(default)]
    pub spent: Tally,
    /// Work that is demanded before the recovery begins (M-03).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkDemand>,
    /// The last accepted request, so that its repetition within seconds changes nothing.
    pub replay: Option<Replay>,
    /// Where on the ladder it stands.
    pub stage: Stage,
}

/// The OAuth request behind a flow, as `interact` took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowApp {
    /// The client.
    pub client_id: ClientId,
    /// What people call it.
    pub label: String,
    /// Whether it has a secret (the success form lists `client_secret` then).
    pub confidential: bool,
    /// The authorization server that the tokens will come from.
    pub server: AuthServer,
    /// Registered redirect URI.
    pub redirect_uri: String,
    /// Where the link in a mail leads back to; without it mails have none (`idx-wire` §6.9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verification_uri: Option<String>,
    /// Requested scopes.
    pub scopes: Vec<String>,
    /// The client's `state`.
    pub state: Option<String>,
    /// The client's `nonce`; copied into the ID token only when it was given.
    pub nonce: Option<String>,
    /// PKCE challenge, S256.
    pub code_challenge: String,
    /// Language wish of the browser, for mails.
    pub language: Option<String>,
    /// Prefills the identifier.
    pub login_hint: Option<String>,
    /// The end user behind a server-side app, as the app told with its secret (`idx-wire` §1.3).
    pub end_user: Option<EndUser>,
    /// The browser that began the flow, where it did so itself: for people to read, and for nothing
    /// else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_by: Option<EndUser>,
}

/// Who sits at the browser, as a confidential client told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndUser {
    /// The address.
    pub address: Option<String>,
    /// The browser.
    pub user_agent: Option<String>,
    /// The device, by what the app calls it (G-07).
    #[serde(default)]
    pub device: Option<TokenHash>,
}

impl FlowApp {
    /// An example, for documentation and tests.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            client_id: ClientId::parse("regain-demo-web")
                .unwrap_or_else(|_| ClientId::random(&mut regain_types::SystemEntropy)),
            label: "Demo app".to_owned(),
            confidential: true,
            server: AuthServer::Custom("default".to_owned()),
            redirect_uri: "http://localhost:8401/login/callback".to_owned(),
            email_verification_uri: None,
            scopes: vec!["openid".to_owned()],
            state: None,
            nonce: None,
            code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
            language: None,
            login_hint: None,
            end_user: None,
            began_by: None,
        }
    }
}

/// A request that was accepted a moment ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Keyed digest of the request; never of a password.
    pub digest: [u8; 32],
    /// When it was accepted.
    pub at: Timestamp,
}

/// Where a flow stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A proof is demanded and its challenge is open.
    ChallengeAuthenticator {
        /// Who climbs.
        climb: Climb,
        /// What is open.
        challenge: Challenge,
    },
    /// It came to its end and gave an interaction code, or the word that the password is changed.
    Completed(Completed),
    /// One authenticator is proposed and waits for a "yes, send it".
    ConfirmAuthenticator {
        /// Who climbs.
        climb: Climb,
        /// What would be challenged.
        authenticator: AuthenticatorKey,
    },
    /// Ended from outside: another flow of the same person changed the password.
    Dead,
    /// Something new to prove with is being set up, by somebody who is all but in.
    EnrollAuthenticator {
        /// Who climbs.
        climb: Climb,
        /// What may be set up.
        enrolling: Enrolling,
        /// What is open.
        challenge: Challenge,
    },
    /// The first page of sign-in.
    Identify,
    /// The first page of recovery.
    IdentifyRecovery,
    /// Everything is proved, and the password is too old, or soon is.
    ReenrollAuthenticator {
        /// Who climbs.
        climb: Climb,
        /// Days until it is too old, and until then a new one may wait; `None`: it is.
        days_left: Option<u32>,
    },
    /// The proof is there; a new password is demanded.
    ResetAuthenticator {
        /// Who climbs.
        climb: Climb,
    },
    /// A choice of authenticators.
    SelectAuthenticator {
        /// Who climbs.
        climb: Climb,
    },
    /// A choice of what to set up.
    SelectAuthenticatorEnroll {
        /// Who climbs.
        climb: Climb,
        /// What may be set up.
        enrolling: Enrolling,
    },
}

/// What somebody who has proved everything else sets up to prove with from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolling {
    /// The authenticators that may be chosen, best first.
    pub choices: Vec<AuthenticatorKey>,
    /// Whether it may be left for another time.
    pub may_skip: bool,
}

/// Why a flow exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Somebody forgot a password.
    RecoverPassword,
    /// Somebody wants in.
    SignIn,
}

/// An identified climb: who, why, and what is proved so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Climb {
    /// Why.
    pub intent: Intent,
    /// Who.
    pub who: Who,
    /// What was proved in this flow. Written only by the verifier (I-02).
    pub proofs: Vec<Proof>,
    /// What of the person's own is asked for after the first proof; empty before, when nothing that
    /// is shown may depend on the person (E-02).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<AuthenticatorKey>,
    /// What was set up in this flow: it is not asked for in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enrolled: Vec<AuthenticatorKey>,
    /// Whether its password was asked about, and stays or is new: it is not asked for again.
    #[serde(default)]
    pub password_is_settled: bool,
    /// Whether it began as a recovery: a mailbox alone is no reason to set up anything.
    #[serde(default)]
    pub recovered: bool,
    /// What was tried in this flow.
    pub tally: Tally,
    /// Whether it was paid for, with proof of work or with the right password: then its mails come
    /// from no budget of the name (M-03).
    #[serde(default)]
    pub paid: bool,
}

impl Challenge {
    /// Whether what is asked for was sent to somebody.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.authenticator
            .resolve()
            .is_some_and(Authenticator::sends)
    }
}

impl Climb {
    /// The authenticators that may be chosen now, best first.
    pub(crate) fn choices(&self, policy: &Policy) -> Vec<AuthenticatorKey> {
        if self.further.is_empty() {
            policy.choices(self.intent)
        } else {
            self.further.clone()
        }
    }

    /// Whether the password was proved in this flow.
    pub(crate) fn has_password(&self) -> bool {
        let mut proofs = self.proofs.iter();
        proofs.any(|proof| password::is(proof.authenticator()))
    }

    /// From when on the first of its proofs counts no more.
    pub(crate) fn proofs_end(&self) -> Option<Timestamp> {
        self.proofs.iter().map(Proof::end).min()
    }
}

/// The person behind a flow: what was typed, and whom it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// As typed, for pages.
    pub typed: String,
    /// Canonical, for look-ups.
    pub canonical: String,
    /// Whom it names. Written once (I-04).
    pub subject: Subject,
    /// The ledgers that what happens here is charged to: the store reads them at every step.
    pub ledgers: LedgerKeys,
}

/// The user behind a flow, if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A user that may do what the flow is for.
    Known(UserId),
    /// Nobody, or somebody who may not. The flow looks the same (promise 3).
    Unknown,
}

impl Subject {
    /// The user, if there is one.
    #[must_use]
    pub fn known(&self) -> Option<&UserId> {
        match self {
            Self::Known(user) => Some(user),
            Self::Unknown => None,
        }
    }
}

/// Counts over the whole flow: no resend and no change of authenticator starts them anew (C-05).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Wrong answers to all challenges.
    pub wrong_answers: u32,
    /// Messages asked for.
    pub sends: u32,
    /// When the last one was asked for.
    pub last_send_at: Option<Timestamp>,
    /// New passwords that equalled an old one.
    pub reused_passwords: u32,
}

/// An outstanding demand for one proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// Names it; codes derive from it.
    pub id: ChallengeId,
    /// What is demanded.
    pub authenticator: AuthenticatorKey,
    /// When it was opened.
    pub issued_at: Timestamp,
    /// From when on no answer counts.
    pub expires_at: Timestamp,
    /// Wrong answers so far.
    pub wrong_answers: u32,
    /// What the authenticator keeps for itself.
    pub data: Value,
}

/// How a flow ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// Who.
    pub user: UserId,
    /// Canonical identifier, so that a repeated request finds the same user.
    pub canonical: String,
    /// When.
    pub at: Timestamp,
    /// With what.
    pub ending: Ending,
    /// The ledgers of the name: a repeated password is charged to them too (G-10).
    #[serde(default)]
    pub ledgers: Option<LedgerKeys>,
}

/// What a completed flow gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// An interaction code.
    InteractionCode,
    /// "Your password is changed, now sign in."
    PasswordChanged,
}

impl Flow {
    /// Begins a flow for an app.
    pub fn begin(app: FlowApp, now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        Self {
            id: FlowId::random(entropy),
            version: 0,
            app,
            created_at: now,
            expires_at: now.plus_seconds(FLOW_TTL_SECONDS),
            generation: 0,
            spent: Tally::default(),
            work: None,
            replay: None,
            stage: Stage::Identify,
        }
    }

    /// Moves on to another stage, and sets the time that the new stage may take.
    #[must_use]
    pub(crate) fn moved_to(mut self, stage: Stage, now: Timestamp) -> Self {
        let last = self.last_moment();
        let end = match &stage {
            Stage::ChallengeAuthenticator { .. } | Stage::EnrollAuthenticator { .. } => {
                now.plus_seconds(CHALLENGED_IDLE_SECONDS)
            }
            Stage::Completed(_)
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => last,
        };
        self.stage = stage;
        // What is proved must still hold when the rest is.
        let proofs = self.climb().and_then(Climb::proofs_end);
        self.expires_at = end.min(proofs.unwrap_or(last)).min(last);
        self
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Who climbs, once somebody is identified and until the end.
    #[must_use]
    pub fn climb(&self) -> Option<&Climb> {
        match &self.stage {
            Stage::ChallengeAuthenticator { climb, .. }
            | Stage::ConfirmAuthenticator { climb, .. }
            | Stage::EnrollAuthenticator { climb, .. }
            | Stage::ReenrollAuthenticator { climb, .. }
            | Stage::ResetAuthenticator { climb }
            | Stage::SelectAuthenticator { climb }
            | Stage::SelectAuthenticatorEnroll { climb, .. } => Some(climb),
            Stage::Completed(_) | Stage::Dead | Stage::Identify | Stage::IdentifyRecovery => None,
        }
    }

    /// Whether an input has something sent to whoever was named, before anything is proved: a sign-in
    /// that begins with a mail. Whom it is about makes no difference.
    #[must_use]
    pub fn sends_unproved(&self, input: &Input, keys: &KeyRing, org: &OrgId) -> bool {
        let Input::Challenge {
            authenticator_id, ..
        } = input
        else {
            return false;
        };
        let is_at_the_start = self
            .climb()
            .is_some_and(|climb| climb.intent == Intent::SignIn && climb.proofs.is_empty());
        is_at_the_start && sending(keys, org).any(|id| id == *authenticator_id)
    }

    /// What is set up in it, and by whom, while something is.
    #[must_use]
    pub(crate) fn enrolling(&self) -> Option<(&Climb, &Enrolling)> {
        match &self.stage {
            Stage::EnrollAuthenticator {
                climb, enrolling, ..
            }
            | Stage::SelectAuthenticatorEnroll { climb, enrolling } => Some((climb, enrolling)),
            Stage::ChallengeAuthenticator { .. }
            | Stage::Completed(_)
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. } => None,
        }
    }

    /// The canonical identifier that the flow is about: the store reads the user by it, hit or
    /// miss, at every step (E-04).
    #[must_use]
    pub fn canonical(&self) -> Option<&str> {
        match &self.stage {
            Stage::Completed(completed) => Some(&completed.canonical),
            Stage::ChallengeAuthenticator { .. }
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::EnrollAuthenticator { .. }
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => {
                self.climb().map(|climb| climb.who.canonical.as_str())
            }
        }
    }

    /// The ledgers of the name that the flow is about; none before a name is typed.
    #[must_use]
    pub fn ledgers(&self) -> Option<&LedgerKeys> {
        match &self.stage {
            Stage::Completed(completed) => completed.ledgers.as_ref(),
            Stage::ChallengeAuthenticator { .. }
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::EnrollAuthenticator { .. }
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => {
                self.climb().map(|climb| &climb.who.ledgers)
            }
        }
    }

    /// When it ends at the latest, whatever happens.
    #[must_use]
    pub(crate) fn last_moment(&self) -> Timestamp {
        self.created_at.plus_seconds(FLOW_TTL_SECONDS)
    }

    /// The user behind the flow, for the store's index of live flows.
    #[must_use]
    pub fn subject(&self) -> Option<&UserId> {
        match &self.stage {
            Stage::Completed(completed) => Some(&completed.user),
            Stage::ChallengeAuthenticator { .. }
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::EnrollAuthenticator { .. }
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => {
                self.climb().and_then(|climb| climb.who.subject.known())
            }
        }
    }

    /// Whether the flow can still change: completed and dead ones never do (I-08).
    #[must_use]
    pub fn is_live(&self) -> bool {
        match &self.stage {
            Stage::Completed(_) | Stage::Dead => false,
            Stage::ChallengeAuthenticator { .. }
            | Stage::ConfirmAuthenticator { .. }
            | Stage::EnrollAuthenticator { .. }
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => true,
        }
    }

    /// Whether the code with this ticket would still be accepted: the mail worker asks before it
    /// sends.
    #[must_use]
    pub fn is_challenged_by(&self, challenge: &ChallengeId, now: Timestamp) -> bool {
        match &self.stage {
            Stage::ChallengeAuthenticator {
                challenge: open, ..
            } => open.id == *challenge && now < open.expires_at && !self.is_expired(now),
            Stage::Completed(_)
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::EnrollAuthenticator { .. }
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => false,
        }
    }
}
