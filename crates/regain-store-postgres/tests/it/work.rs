//! Things to store.

use std::sync::Arc;

use regain_engine::{
    AuditEvent, AuditSubject, Effect, Flow, FlowApp, IssuedCode, LedgerKey, LedgerWrite, Outcome,
    Outgoing, StoredPassword, UserStatus,
};
use regain_oauth::Grant;
use regain_store::conformance::ManualClock;
use regain_store::{Commit, NewFlow, NewUser, RequestMeta, Store};
use regain_store_postgres::{Options, PostgresStore};
use regain_types::{
    AuthServer, ClientId, GrantId, OrgId, SystemEntropy, Timestamp, TokenHash, UserId, random_token,
};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A store with an org and a user.
pub(crate) struct Place {
    pub(crate) store: PostgresStore,
    pub(crate) org: OrgId,
    pub(crate) user: UserId,
}

impl Place {
    pub(crate) async fn at(url: &str) -> Self {
        let options = Options::parse(url).expect("options");
        let clock = Arc::new(ManualClock::new(START));
        let store = PostgresStore::open_with_clock(&options, clock).await;
        let store = store.expect("a store");
        let org = OrgId::random(&mut SystemEntropy);
        let new = user();
        store.create_user(&org, new.clone()).await.expect("a user");
        // The first commit writes down the time, beside; later ones do not, as it stands still.
        let place = Self {
            store,
            org,
            user: new.id,
        };
        let flow = place.flow().await;
        place
            .commit(&flow.flow, Vec::new())
            .await
            .expect("a commit");
        place
    }

    pub(crate) async fn flow(&self) -> NewFlow {
        let new = new_flow();
        let request = RequestMeta::default();
        let stored = self
            .store
            .insert_flow(&self.org, new.clone(), request)
            .await;
        stored.expect("a flow");
        new
    }

    pub(crate) async fn commit(
        &self,
        flow: &Flow,
        effects: Vec<Effect>,
    ) -> Result<(), regain_store::StoreError> {
        let commit = Commit {
            flow: flow.clone(),
            new_state_handle: None,
            effects,
            request: RequestMeta::default(),
            now: START,
        };
        self.store.commit(&self.org, commit).await
    }

    pub(crate) async fn code(&self) -> IssuedCode {
        let issued = issued(&self.user);
        let flow = self.flow().await.flow;
        let issue = vec![Effect::IssueInteractionCode(issued.clone())];
        self.commit(&flow, issue).await.expect("a code");
        issued
    }

    pub(crate) async fn redeem(
        &self,
        code: &IssuedCode,
    ) -> Result<Grant, regain_store::StoreError> {
        let grant = grant(&self.user);
        let request = RequestMeta::default();
        self.store
            .redeem_interaction_code(&self.org, &code.hash, grant.clone(), START, request)
            .await
            .map(|()| grant)
    }

    /// One effect of each kind, as the end of a recovery has them.
    pub(crate) fn everything(&self) -> Vec<Effect> {
        let user = self.user.clone();
        vec![
            Effect::SaveLedger(LedgerWrite {
                key: LedgerKey::from_bytes(*hash().as_bytes()),
                version: 0,
                state: "{}".to_owned(),
                expires_at: START.plus_seconds(60),
                owner: None,
            }),
            Effect::SetPassword {
                user: user.clone(),
                phc: "$argon2id$new".to_owned(),
                keep_history: 4,
                at: START,
            },
            Effect::RevokeSessions { user: user.clone() },
            Effect::EndOtherFlows { user: user.clone() },
            Effect::IssueInteractionCode(issued(&user)),
            Effect::Enqueue(Outgoing::PasswordChanged {
                user: user.clone(),
                at: START,
                app_label: "App".to_owned(),
            }),
            audit(&user),
        ]
    }
}

pub(crate) fn audit(user: &UserId) -> Effect {
    Effect::Audit(AuditEvent {
        name: "user.account.reset_password",
        subject: AuditSubject::User(user.clone()),
        outcome: Outcome::Success,
        reason: None,
    })
}

pub(crate) fn hash() -> TokenHash {
    TokenHash::of(&random_token(&mut SystemEntropy))
}

pub(crate) fn new_flow() -> NewFlow {
    NewFlow {
        flow: Flow::begin(FlowApp::sample(), START, &mut SystemEntropy),
        interaction_handle: hash(),
        state_handle: hash(),
    }
}

pub(crate) fn user() -> NewUser {
    let id = UserId::random(&mut SystemEntropy);
    NewUser {
        login: format!("{id}@example.com"),
        email: None,
        first_name: "Given".to_owned(),
        last_name: "Family".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "UTC".to_owned(),
        status: UserStatus::Active,
        password: Some(StoredPassword {
            phc: "$argon2id$first".to_owned(),
            nfc: true,
            set_at: START,
        }),
        id,
    }
}

fn issued(user: &UserId) -> IssuedCode {
    IssuedCode {
        hash: hash(),
        expires_at: START.plus_seconds(60),
        client_id: ClientId::random(&mut SystemEntropy),
        redirect_uri: "http://localhost/callback".to_owned(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        server: AuthServer::Org,
        scopes: vec!["openid".to_owned()],
        nonce: None,
        user: user.clone(),
        auth_time: START,
        amr: vec!["email".to_owned()],
    }
}

fn grant(user: &UserId) -> Grant {
    Grant {
        id: GrantId::random(&mut SystemEntropy),
        user: user.clone(),
        client_id: ClientId::random(&mut SystemEntropy),
        server: AuthServer::Org,
        scopes: vec!["openid".to_owned()],
        nonce: None,
        auth_time: START,
        amr: vec!["email".to_owned()],
        created_at: START,
        expires_at: START.plus_seconds(90 * 86_400),
        idle_expires_at: START.plus_seconds(7 * 86_400),
        refresh_sequence: 0,
        rotated_at: START,
        revoked_at: None,
    }
}
