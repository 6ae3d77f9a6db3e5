//! Samples of everything that is stored. Ids, hashes and handles are random, so that none of them
//! is the same twice by accident.

use regain_engine::{
    AuditEvent, AuditSubject, AuthenticatorKey, Challenge, Climb, CodeTicket, Completed,
    Descriptor, Effect, Ending, Flow, FlowApp, Intent, IssuedCode, LedgerKey, LedgerKeys, Outcome,
    Outgoing, Stage, StoredPassword, Subject, Tally, UserStatus, Who,
};
use regain_oauth::{Client, Grant};
use regain_types::{
    AuthServer, ChallengeId, ClientId, FlowId, GrantId, SystemEntropy, Timestamp, TokenHash,
    UserId, random_array, random_token,
};

use crate::{NewFlow, NewUser, RequestMeta, SealedKey, Typed};

/// When cases begin.
pub(super) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The store keeps keys of authenticators; it knows none of them.
static EMAIL: Descriptor = Descriptor {
    key: "okta_email",
    kind: "email",
    display_name: "Email",
    methods: &["email"],
    enrollment_prefix: "eae",
    amr: "email",
};

pub(super) fn hash() -> TokenHash {
    TokenHash::of(&random_token(&mut SystemEntropy))
}

pub(super) fn request() -> RequestMeta {
    RequestMeta {
        request_id: random_token(&mut SystemEntropy),
        address: Some("192.0.2.7".to_owned()),
        user_agent: Some("Browser/1.0 \u{e4}".to_owned()),
    }
}

pub(super) fn new_flow(stage: Stage, now: Timestamp) -> NewFlow {
    let mut flow = Flow::begin(FlowApp::sample(), now, &mut SystemEntropy);
    flow.stage = stage;
    NewFlow {
        flow,
        interaction_handle: hash(),
        state_handle: hash(),
    }
}

/// Somebody is identified and may choose an authenticator.
pub(super) fn selecting(user: Option<&UserId>, canonical: &str) -> Stage {
    Stage::SelectAuthenticator {
        climb: climb(user, canonical),
    }
}

/// A code is on its way.
pub(super) fn challenged(user: Option<&UserId>, canonical: &str, now: Timestamp) -> Stage {
    Stage::ChallengeAuthenticator {
        climb: climb(user, canonical),
        challenge: Challenge {
            id: ChallengeId::random(&mut SystemEntropy),
            authenticator: AuthenticatorKey::of(&EMAIL),
            issued_at: now,
            expires_at: now.plus_seconds(300),
            wrong_answers: 2,
            data: serde_json::json!({"digits": 6, "note": "\u{2028} \"quoted\""}),
        },
    }
}

pub(super) fn completed(user: &UserId, canonical: &str, now: Timestamp) -> Stage {
    Stage::Completed(Completed {
        user: user.clone(),
        canonical: canonical.to_owned(),
        at: now,
        ending: Ending::InteractionCode,
        ledgers: None,
    })
}

fn climb(user: Option<&UserId>, canonical: &str) -> Climb {
    Climb {
        intent: Intent::RecoverPassword,
        who: Who {
            typed: canonical.to_uppercase(),
            canonical: canonical.to_owned(),
            subject: subject(user),
            ledgers: ledgers(canonical),
        },
        proofs: Vec::new(),
        further: Vec::new(),
        enrolled: Vec::new(),
        password_is_settled: false,
        recovered: false,
        tally: Tally::default(),
        paid: false,
    }
}

/// Ledgers of a name, as good as any.
pub(super) fn ledgers(canonical: &str) -> LedgerKeys {
    LedgerKeys {
        identifier: LedgerKey::from_bytes(*TokenHash::of(canonical).as_bytes()),
        device: None,
    }
}

/// A name that was just typed.
pub(super) fn typed(canonical: &str) -> Typed<'_> {
    Typed {
        canonical,
        ledgers: ledgers(canonical),
    }
}

fn subject(user: Option<&UserId>) -> Subject {
    user.cloned().map_or(Subject::Unknown, Subject::Known)
}

pub(super) fn password(name: &str, set_at: Timestamp) -> StoredPassword {
    StoredPassword {
        phc: format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${name}"),
        nfc: true,
        set_at,
    }
}

pub(super) fn user(login: &str) -> NewUser {
    NewUser {
        id: UserId::random(&mut SystemEntropy),
        login: login.to_owned(),
        email: Some(login.to_owned()),
        first_name: "Zo\u{eb}".to_owned(),
        last_name: "O'Neil".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        status: UserStatus::Active,
        password: Some(password("first", START)),
    }
}

pub(super) fn set_password(user: &UserId, name: &str, keep_history: u32, at: Timestamp) -> Effect {
    Effect::SetPassword {
        user: user.clone(),
        phc: password(name, at).phc,
        keep_history,
        at,
    }
}

pub(super) fn audit(user: &UserId) -> Effect {
    Effect::Audit(AuditEvent {
        name: "user.account.reset_password",
        subject: AuditSubject::User(user.clone()),
        outcome: Outcome::Success,
        reason: None,
    })
}

pub(super) fn mail(user: Option<&UserId>, now: Timestamp) -> Outgoing {
    Outgoing::Code {
        subject: subject(user),
        canonical: "alice@example.com".to_owned(),
        identifier_hash: [0xA1; 32],
        known_device: false,
        ticket: CodeTicket {
            flow: FlowId::random(&mut SystemEntropy),
            challenge: ChallengeId::random(&mut SystemEntropy),
            intent: Intent::RecoverPassword,
            digits: 6,
            issued_at: now,
            expires_at: now.plus_seconds(300),
        },
        app_label: "Demo app".to_owned(),
        redirect_uri: "http://localhost:8401/login/callback".to_owned(),
        after_password: false,
        link_of: None,
        language: Some("de".to_owned()),
    }
}

pub(super) fn issued(user: &UserId, now: Timestamp) -> IssuedCode {
    IssuedCode {
        hash: hash(),
        expires_at: now.plus_seconds(60),
        client_id: ClientId::random(&mut SystemEntropy),
        redirect_uri: "http://localhost:8401/login/callback".to_owned(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        server: AuthServer::Custom("default".to_owned()),
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        user: user.clone(),
        auth_time: now,
        amr: vec!["email".to_owned()],
    }
}

pub(super) fn grant(user: &UserId, now: Timestamp) -> Grant {
    Grant {
        id: GrantId::random(&mut SystemEntropy),
        user: user.clone(),
        client_id: ClientId::random(&mut SystemEntropy),
        server: AuthServer::Org,
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        nonce: None,
        auth_time: now,
        amr: vec!["email".to_owned(), "pwd".to_owned()],
        created_at: now,
        expires_at: now.plus_seconds(90 * 86_400),
        idle_expires_at: now.plus_seconds(7 * 86_400),
        refresh_sequence: 0,
        rotated_at: now,
        revoked_at: None,
    }
}

pub(super) fn client(id: &str) -> Client {
    Client {
        id: ClientId::parse(id).unwrap_or_else(|_| ClientId::random(&mut SystemEntropy)),
        label: "My \u{201c}app\u{201d}".to_owned(),
        secret_hash: Some(hash()),
        redirect_uris: vec!["http://localhost:8080/login/callback".to_owned()],
        email_verification_uri: None,
        post_logout_redirect_uris: Vec::new(),
    }
}

pub(super) fn signing_key(created_at: Timestamp) -> SealedKey {
    SealedKey {
        kid: random_token(&mut SystemEntropy),
        sealed: random_array::<64>(&mut SystemEntropy).to_vec(),
        created_at,
    }
}
