//! What happens with a transition, in the same transaction (I-07).

use regain_engine::Effect;
use regain_store::Commit;
use regain_types::{OrgId, TokenHash};

use crate::error::Fault;
use crate::writer::Scope;
use crate::{audit, codes, flows, grants, ledgers, outbox, users};

/// Applies every effect, in order. The first that fails undoes all of them.
pub(crate) fn apply(scope: &mut Scope<'_>, org: &OrgId, commit: &Commit) -> Result<(), Fault> {
    for effect in &commit.effects {
        apply_one(scope, org, commit, effect)?;
    }
    Ok(())
}

fn apply_one(
    scope: &mut Scope<'_>,
    org: &OrgId,
    commit: &Commit,
    effect: &Effect,
) -> Result<(), Fault> {
    let now = commit.now;
    match effect {
        Effect::Audit(event) => {
            let happened = (event, &commit.flow.id, now);
            audit::append_event(scope.connection, org, happened, &commit.request)
        }
        Effect::EndOtherFlows { user } => {
            flows::end_others(scope.connection, org, (user, &commit.flow.id))
        }
        Effect::Enqueue(outgoing) => outbox::insert(scope, org, (outgoing, &commit.request), now),
        Effect::IssueInteractionCode(issued) => {
            codes::insert(scope, org, (issued, &commit.flow.id), now)
        }
        Effect::RequireLedger { key, version } => {
            ledgers::require(scope.connection, org, (key, *version), now)
        }
        Effect::RequirePassword { user, password } => {
            users::require_password(scope.connection, org, user, password)
        }
        Effect::RevokeSessions { user } => {
            grants::revoke_all(scope.connection, org, user, (now, "sessions_revoked"))?;
            codes::discard_unused(scope.connection, org, user, &issued_here(commit))
        }
        Effect::SaveEnrollments {
            user,
            version,
            list,
        } => users::save_enrollments(scope.connection, org, user, (*version, list)),
        Effect::SaveLedger(write) => ledgers::save(scope.connection, org, write, now),
        Effect::SetPassword {
            user,
            phc,
            keep_history,
            at,
        } => users::set_password(scope.connection, org, user, (phc, *keep_history, *at)),
        Effect::Unlock { user } => users::unlock(scope.connection, org, user, now),
    }
}

/// Codes of this very commit: they survive it, whatever the order of the effects.
fn issued_here(commit: &Commit) -> Vec<TokenHash> {
    let issued = commit.effects.iter().filter_map(|effect| match effect {
        Effect::IssueInteractionCode(issued) => Some(issued.hash),
        Effect::Audit(_)
        | Effect::EndOtherFlows { .. }
        | Effect::Enqueue(_)
        | Effect::RequireLedger { .. }
        | Effect::RequirePassword { .. }
        | Effect::RevokeSessions { .. }
        | Effect::SaveEnrollments { .. }
        | Effect::SaveLedger(_)
        | Effect::SetPassword { .. }
        | Effect::Unlock { .. } => None,
    });
    issued.collect()
}
