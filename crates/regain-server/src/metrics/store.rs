//! A store that is measured: how long each operation takes, which ones fail, and what the commits
//! say about flows and mails. The server sees no other; so nothing is forgotten, and nobody who
//! writes a step or sends a mail has to think of metrics.

use std::sync::Arc;

use async_trait::async_trait;
use regain_engine::{
    Effect, Enrollment, Intent, LedgerKey, Outgoing, Stage, StoredPassword, UserStatus,
};
use regain_oauth::{Client, Grant};
use regain_store::{
    Added, Allowance, AuditRow, Backlog, CodeRecord, Commit, FlowKey, GrantRecord, Loaded,
    MailVerdict, NewFlow, NewUser, OutboxRow, RequestMeta, SealedKey, Store, StoreError, Typed,
    UserRecord, UserRow,
};
use regain_types::{ClientId, GrantId, OrgId, Timestamp, TokenHash, UserId};
use tokio::time::Instant;

use super::Metrics;
use super::labels::{AuditLabels, FlowLabels, FlowStep, MailLabels, StoreErrorLabels, StoreLabels};

/// The store of a server.
#[derive(Debug)]
pub(crate) struct Measured {
    store: Arc<dyn Store>,
    metrics: Metrics,
}

impl Measured {
    /// Measures a store.
    pub(crate) fn new(store: Arc<dyn Store>, metrics: Metrics) -> Self {
        Self { store, metrics }
    }

    async fn time<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let done = work.await;
        let seconds = started.elapsed().as_secs_f64();
        self.metrics
            .store_seconds
            .get_or_create(&StoreLabels { operation })
            .observe(seconds);
        if let Err(error) = &done {
            let error = kind(error);
            self.metrics
                .store_errors
                .get_or_create(&StoreErrorLabels { operation, error })
                .inc();
        }
        done
    }

    fn reached(&self, step: FlowStep) {
        self.metrics.flows.get_or_create(&FlowLabels { step }).inc();
    }
}

const fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Conflict => "conflict",
        StoreError::Exists(_) => "exists",
        StoreError::Full => "full",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Corrupt { .. } => "corrupt",
    }
}

/// What a commit says about its flow, once it is durable.
struct Told {
    steps: Vec<FlowStep>,
    audits: Vec<AuditLabels>,
}

impl Told {
    fn of(commit: &Commit) -> Self {
        let mut told = Self {
            steps: Vec::new(),
            audits: Vec::new(),
        };
        if starts_recovery(&commit.flow.stage) {
            told.steps.push(FlowStep::RecoveryStarted);
        }
        for effect in &commit.effects {
            match effect {
                Effect::Audit(event) => told.audits.push(AuditLabels {
                    event: event.name,
                    outcome: event.outcome.as_str(),
                }),
                Effect::Enqueue(Outgoing::Code { .. }) => {
                    told.steps.push(FlowStep::CodeSent);
                }
                Effect::IssueInteractionCode(_) => told.steps.push(FlowStep::SignedIn),
                Effect::SetPassword { .. } => told.steps.push(FlowStep::RecoveryCompleted),
                _ => {}
            }
        }
        told
    }
}

/// Flows stand there when somebody was just named, and come back never.
fn starts_recovery(stage: &Stage) -> bool {
    match stage {
        Stage::ConfirmAuthenticator { climb, .. } | Stage::SelectAuthenticator { climb } => {
            climb.intent == Intent::RecoverPassword
        }
        _ => false,
    }
}

const fn mail(outgoing: &Outgoing) -> &'static str {
    match outgoing {
        Outgoing::AuthenticatorAdded { .. } => "authenticator_added",
        Outgoing::PasswordChanged { .. } => "password_changed",
        Outgoing::Code { ticket, .. } => match ticket.intent {
            Intent::RecoverPassword => "recovery_code",
            Intent::SignIn => "sign_in_code",
        },
    }
}

const fn outcome(verdict: &MailVerdict) -> &'static str {
    match verdict {
        MailVerdict::Delivered => "delivered",
        MailVerdict::Dropped(reason) => reason,
        MailVerdict::Retry(_) => "retry",
    }
}

macro_rules! measured {
    (
        $(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*
        written out: { $($written:tt)* }
    ) => {
        #[async_trait]
        impl Store for Measured {
            $(
                async fn $name(&self, $($argument: $type),*) -> Result<$result, StoreError> {
                    self.time(stringify!($name), self.store.$name($($argument),*)).await
                }
            )*
            $($written)*
        }
    };
}

measured! {
    fn now() -> Timestamp;
    fn check() -> ();
    fn load_flow(org: &OrgId, key: &FlowKey, typed: Option<Typed<'_>>) -> Option<Loaded>;
    fn find_interaction_code(org: &OrgId, hash: &TokenHash) -> Option<CodeRecord>;
    fn redeem_interaction_code(org: &OrgId, hash: &TokenHash, grant: Grant, now: Timestamp, request: RequestMeta) -> ();
    fn find_grant(org: &OrgId, grant: &GrantId, access_token: Option<&str>) -> Option<GrantRecord>;
    fn rotate_refresh_token(org: &OrgId, grant: &GrantId, sequence: u32, now: Timestamp, idle_expires_at: Timestamp) -> ();
    fn revoke_grant(org: &OrgId, grant: &GrantId, reason: &'static str, request: RequestMeta) -> ();
    fn revoke_access_token(org: &OrgId, jti: &str, expires_at: Timestamp) -> ();
    fn find_client(org: &OrgId, id: &ClientId) -> Option<Client>;
    fn list_clients(org: &OrgId) -> Vec<Client>;
    fn save_client(org: &OrgId, client: Client) -> ();
    fn create_user(org: &OrgId, user: NewUser) -> ();
    fn find_user(org: &OrgId, login: &str) -> Option<UserRecord>;
    fn load_user(org: &OrgId, id: &UserId) -> Option<UserRecord>;
    fn set_user_status(org: &OrgId, id: &UserId, status: UserStatus) -> ();
    fn upgrade_password(org: &OrgId, id: &UserId, from: &StoredPassword, to: StoredPassword) -> ();
    fn save_enrollments(org: &OrgId, id: &UserId, version: u64, list: Vec<Enrollment>) -> ();
    fn add_users(org: &OrgId, users: Vec<UserRow>) -> Vec<Added>;
    fn list_users(org: &OrgId, after: Option<&UserId>, limit: usize) -> Vec<UserRow>;
    fn count_users(org: &OrgId) -> u64;
    fn list_signing_keys(org: &OrgId) -> Vec<SealedKey>;
    fn add_signing_key(org: &OrgId, key: SealedKey, expected: usize) -> ();
    fn lease_outbox(org: &OrgId, limit: usize, seconds: i64, first_only: bool) -> Vec<OutboxRow>;
    fn next_outbox_due(org: &OrgId) -> Option<Timestamp>;
    fn measure_outbox(org: &OrgId) -> Backlog;
    fn list_audit(org: &OrgId, limit: usize) -> Vec<AuditRow>;
    fn page_audit(org: &OrgId, after: Option<(Timestamp, &str)>, limit: usize) -> Vec<AuditRow>;
    fn add_audit(org: &OrgId, rows: Vec<AuditRow>) -> ();
    fn take_allowance(org: &OrgId, key: &LedgerKey, ends_at: Timestamp, want: u32, at_most: u32) -> Allowance;
    fn try_lead(org: &OrgId, role: &str, node: &str, seconds: i64) -> bool;
    fn forget_devices(org: &OrgId, user: &UserId) -> ();
    fn sweep(org: &OrgId, limit: usize) -> usize;
    fn find_setting(org: &OrgId, name: &str) -> Option<String>;
    fn list_settings(org: &OrgId) -> Vec<(String, String)>;
    fn save_setting(org: &OrgId, name: &str, value: &str) -> ();
    fn advance_clock(seconds: i64) -> ();
    fn reset(org: &OrgId) -> ();
    written out: {
        async fn insert_flow(
            &self,
            org: &OrgId,
            new: NewFlow,
            request: RequestMeta,
        ) -> Result<(), StoreError> {
            let inserted = self.store.insert_flow(org, new, request);
            self.time("insert_flow", inserted).await?;
            self.reached(FlowStep::Begun);
            Ok(())
        }

        async fn commit(&self, org: &OrgId, commit: Commit) -> Result<(), StoreError> {
            let told = Told::of(&commit);
            self.time("commit", self.store.commit(org, commit)).await?;
            for step in told.steps {
                self.reached(step);
            }
            for audit in told.audits {
                self.metrics.audit_events.get_or_create(&audit).inc();
            }
            Ok(())
        }

        async fn finish_outbox(
            &self,
            org: &OrgId,
            row: &OutboxRow,
            verdict: MailVerdict,
        ) -> Result<(), StoreError> {
            let labels = MailLabels {
                mail: mail(&row.outgoing),
                outcome: outcome(&verdict),
            };
            let finished = self.store.finish_outbox(org, row, verdict);
            self.time("finish_outbox", finished).await?;
            self.metrics.mails.get_or_create(&labels).inc();
            Ok(())
        }
    }
}
