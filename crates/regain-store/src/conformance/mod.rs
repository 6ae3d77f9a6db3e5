//! Cases that every backend must pass: what each operation does, what it refuses, and what holds
//! when many ask at once.
//!
//! A backend implements [`Backend`] and runs [`run_all`] in one test:
//!
//! ```text
//! let failed = run_all(|| async { Box::new(MyBackend::fresh()) as Box<dyn Backend> }).await;
//! assert!(failed.is_empty(), "{failed:#?}");
//! ```

/// Fails the case unless the claim holds.
macro_rules! ensure {
    ($claim:expr) => {
        if !$claim {
            return Err($crate::conformance::Failure::at(
                file!(),
                line!(),
                stringify!($claim),
            ));
        }
    };
}

/// Fails the case unless both sides are equal.
macro_rules! ensure_eq {
    ($left:expr, $right:expr) => {{
        let (left, right) = (&$left, &$right);
        if left != right {
            let told = format!("{} is {left:?}, not {right:?}", stringify!($left));
            return Err($crate::conformance::Failure::at(file!(), line!(), &told));
        }
    }};
}

/// Fails the case unless the result is this kind of error.
macro_rules! ensure_refused {
    ($result:expr, $kind:pat) => {{
        let result = $result;
        if !matches!(result, Err($kind)) {
            let told = format!("{} gave {result:?}", stringify!($result));
            return Err($crate::conformance::Failure::at(file!(), line!(), &told));
        }
    }};
}

mod atomicity;
mod clients;
mod clock;
mod codes;
mod effects;
mod fixture;
mod flows;
mod grants;
mod orgs;
mod outbox;
mod races;
mod retention;
mod sample;
mod shares;
mod time;
mod users;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use regain_types::Clock;

use crate::{Store, StoreError};

pub use clock::ManualClock;
pub use fixture::Fixture;

/// A database under test.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Opens a store over the database. The second time is a restart: what was stored is there,
    /// the clock may show anything. The store of before has been dropped by then.
    async fn open(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, Failure>;

    /// A hash over everything that is stored, except the store's own clock.
    async fn fingerprint(&self) -> Result<Vec<u8>, Failure>;
}

/// Why a case failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure in words.
    #[must_use]
    pub fn new(told: impl Into<String>) -> Self {
        Self(told.into())
    }

    fn at(file: &str, line: u32, told: &str) -> Self {
        Self(format!("{file}:{line}: {told}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(format!("the store said: {error}"))
    }
}

/// How a case went.
pub type Verdict = Result<(), Failure>;

/// A case under way.
pub type Run = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One thing that a backend must do right.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What holds.
    pub name: &'static str,
    /// Finds out, on a fresh database.
    pub run: fn(Fixture) -> Run,
}

macro_rules! cases {
    ($($module:ident: $($name:ident)+;)+) => {
        /// All cases.
        #[must_use]
        pub fn cases() -> Vec<Case> {
            vec![$($(Case {
                name: concat!(stringify!($module), "::", stringify!($name)),
                run: |fixture| Box::pin($module::$name(fixture)),
            },)+)+]
        }
    };
}

cases! {
    atomicity:
        a_commit_that_fails_at_any_effect_leaves_nothing
        a_conflict_undoes_itself_and_no_other_write;
    clients:
        clients_are_saved_replaced_and_listed
        settings_are_saved_and_replaced
        signing_keys_come_newest_first
        a_signing_key_is_added_only_beside_as_many_as_expected;
    codes:
        a_code_is_found_with_its_user
        a_code_is_used_once
        a_code_is_worthless_from_its_end_on
        a_code_that_was_never_issued_gives_nothing;
    effects:
        audit_rows_tell_who_asked_and_come_newest_first
        a_message_is_kept_with_who_asked
        a_new_password_moves_the_old_one_into_the_history
        enrollments_change_once_for_each_version
        a_ledger_that_was_written_is_not_what_was_required
        a_password_that_was_replaced_opens_nothing
        other_flows_of_the_user_end
        a_flow_ends_by_what_was_committed_last
        sessions_end_with_the_password
        a_lock_is_lifted_and_nothing_else;
    flows:
        a_new_flow_is_found_by_each_key
        a_flow_loads_with_the_user_it_names
        a_flow_with_a_taken_key_is_refused
        a_commit_raises_the_version
        a_commit_of_another_version_changes_nothing
        a_new_state_handle_replaces_the_old_one;
    grants:
        a_grant_is_found_with_its_user
        a_refresh_token_rotates_once
        a_refresh_token_of_a_dead_family_does_not_rotate
        a_grant_is_revoked_once
        an_access_token_is_revoked_by_itself;
    orgs:
        another_org_sees_nothing
        another_org_changes_nothing
        another_org_may_use_the_same_names;
    outbox:
        messages_are_leased_in_order
        what_waits_is_counted_until_it_is_done_with
        a_lease_that_ends_gives_the_message_back
        a_message_that_failed_waits_for_its_time
        a_message_that_is_done_with_is_gone_and_logged;
    races:
        of_many_commits_of_one_version_one_wins
        of_many_redemptions_of_a_code_one_wins
        of_many_rotations_of_a_refresh_token_one_wins
        two_workers_never_lease_the_same_message
        of_many_users_with_one_login_one_is_created
        of_many_first_signing_keys_one_is_added
        a_flow_that_is_ended_from_outside_stays_ended;
    retention:
        what_ended_a_day_ago_is_swept_and_the_rest_stays
        revoked_tokens_outlive_a_clock_that_was_moved_on
        a_sweep_takes_no_more_than_it_may
        old_audit_rows_are_swept
        a_reset_leaves_keys_clients_and_settings;
    shares:
        an_allowance_is_never_exceeded
        one_node_leads_until_it_is_silent
        devices_are_forgotten_and_nothing_else
        a_new_hash_loses_against_a_new_password
        users_move_with_their_history_and_only_once
        audit_rows_are_paged_and_taken_over_once;
    time:
        a_store_answers_and_writes
        a_clock_set_back_does_not_turn_time_back
        a_clock_set_back_during_a_restart_does_not_turn_time_back
        time_goes_on_after_a_clock_was_set_back
        the_development_clock_is_kept
        everything_is_there_after_a_restart;
    users:
        a_user_is_found_by_login_and_id
        names_are_compared_byte_for_byte
        a_taken_login_or_address_is_refused
        whoever_may_not_sign_in_loses_what_was_granted
        the_status_of_nobody_cannot_be_set;
}

/// Runs every case on a database of its own; answers those that failed, and why.
pub async fn run_all<F, B>(fresh: F) -> Vec<(&'static str, Failure)>
where
    F: Fn() -> B,
    B: Future<Output = Box<dyn Backend>>,
{
    let mut failed = Vec::new();
    for case in cases() {
        let verdict = match Fixture::new(fresh().await).await {
            Ok(fixture) => (case.run)(fixture).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = verdict {
            failed.push((case.name, failure));
        }
    }
    failed
}
