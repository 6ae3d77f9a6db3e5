//! Why a flow exists: each intent is a ladder, its steps are shared.

pub(crate) mod enrollment;
pub(crate) mod expired_password;
pub(crate) mod recover;
pub(crate) mod second_factor;
pub(crate) mod sign_in;

use crate::effect::{AuditSubject, Effect, IssuedCode, Outcome};
use crate::flow::{Climb, Flow, Intent, Subject, Tally, Who};
use crate::handle::interaction_code;
use crate::ledger::LedgerKeys;
use crate::step::Env;
use regain_types::{Identifier, KeyRing, OrgId, TokenHash, UserId};

impl Who {
    /// Somebody who was named, by nobody yet knows whom.
    pub(crate) fn named(
        identifier: &Identifier,
        device: Option<&TokenHash>,
        env: &Env<'_>,
    ) -> Self {
        Self {
            typed: identifier.typed().to_owned(),
            canonical: identifier.canonical().to_owned(),
            subject: Subject::Unknown,
            ledgers: LedgerKeys::derive(env.keys, env.org, identifier.canonical(), device),
        }
    }

    /// Begins to climb.
    pub(crate) fn climb(self, intent: Intent) -> Climb {
        Climb {
            intent,
            who: self,
            proofs: Vec::new(),
            further: Vec::new(),
            enrolled: Vec::new(),
            password_is_settled: false,
            recovered: false,
            tally: Tally::default(),
            paid: false,
        }
    }
}

/// Whom an audit row of a climb names: once something is proved it is known who climbs.
pub(crate) fn audit_climber(climb: &Climb, outcome: Outcome, env: &Env<'_>) -> AuditSubject {
    match (climb.proofs.is_empty(), climb.who.subject.known()) {
        (false, Some(user)) => AuditSubject::User(user.clone()),
        (true, _) | (false, None) => audit_subject(&climb.who, outcome, env),
    }
}

/// Whom an audit row names: before a proof only a keyed hash, the same for everybody (U-03).
pub(crate) fn audit_subject(who: &Who, outcome: Outcome, env: &Env<'_>) -> AuditSubject {
    match (outcome, who.subject.known()) {
        (Outcome::Success, Some(user)) => AuditSubject::User(user.clone()),
        (Outcome::Success, None) | (Outcome::Failure, _) => {
            AuditSubject::Identifier(hashed(&who.canonical, env.keys, env.org))
        }
    }
}

/// A keyed hash of an identifier.
pub(crate) fn hashed(canonical: &str, keys: &KeyRing, org: &OrgId) -> [u8; 32] {
    keys.throttle
        .mac(&[b"audit", org.as_str().as_bytes(), canonical.as_bytes()])
}

/// The interaction code of a flow that ends well.
pub(crate) fn issue_code(flow: &Flow, user: &UserId, amr: Vec<String>, env: &Env<'_>) -> Effect {
    let app = &flow.app;
    Effect::IssueInteractionCode(IssuedCode {
        hash: TokenHash::of(interaction_code(env.keys, flow).expose()),
        expires_at: env
            .now
            .plus_seconds(env.policy.limits.interaction_code_ttl_seconds),
        client_id: app.client_id.clone(),
        redirect_uri: app.redirect_uri.clone(),
        code_challenge: app.code_challenge.clone(),
        server: app.server.clone(),
        scopes: app.scopes.clone(),
        nonce: app.nonce.clone(),
        user: user.clone(),
        auth_time: env.now,
        amr,
    })
}
