//! What happens with a transition, in the same transaction (I-07).
//!
//! Statements go out in one order, whatever the order of the effects, because each takes locks:
//! users, then ledgers, then the flow, then the user's other flows, codes and grants. Two commits
//! that meet then wait for each other and never for one another in a circle. And because each
//! statement sees what was committed before it began, what a user has is looked at only after the
//! user's row is held: whoever signs in holds it too, so a session that begins beside a reset is
//! either seen and ended, or refused (S-01).

use std::collections::BTreeSet;

use regain_engine::{AuditEvent, Effect, IssuedCode, LedgerKey, Outgoing};
use regain_store::Commit;
use regain_types::{OrgId, Timestamp, TokenHash, UserId};

use crate::error::Fault;
use crate::param::Call;
use crate::{audit, codes, flows, grants, ledgers, outbox, users};

/// All effects of a commit, each kind by itself.
#[derive(Default)]
struct Sorted<'a> {
    /// Users that change.
    held: BTreeSet<&'a str>,
    /// Users that must stay as they are until the commit.
    shared: BTreeSet<&'a str>,
    /// Written, or only required to be as they were loaded.
    ledgers: Vec<(LedgerKey, &'a Effect)>,
    /// In their own order.
    of_users: Vec<&'a Effect>,
    ended: Vec<&'a UserId>,
    revoked: Vec<&'a UserId>,
    issued: Vec<&'a IssuedCode>,
    messages: Vec<&'a Outgoing>,
    events: Vec<&'a AuditEvent>,
}

impl<'a> Sorted<'a> {
    fn take(&mut self, effect: &'a Effect) {
        match effect {
            Effect::Audit(event) => self.events.push(event),
            Effect::EndOtherFlows { user } => {
                self.held.insert(user.as_str());
                self.ended.push(user);
            }
            Effect::Enqueue(outgoing) => self.messages.push(outgoing),
            Effect::IssueInteractionCode(issued) => {
                self.shared.insert(issued.user.as_str());
                self.issued.push(issued);
            }
            Effect::RequirePassword { user, .. } => {
                self.shared.insert(user.as_str());
                self.of_users.push(effect);
            }
            Effect::RevokeSessions { user } => {
                self.held.insert(user.as_str());
                self.revoked.push(user);
            }
            Effect::RequireLedger { key, .. } => self.ledgers.push((*key, effect)),
            Effect::SaveLedger(write) => self.ledgers.push((write.key, effect)),
            Effect::SaveEnrollments { user, .. }
            | Effect::SetPassword { user, .. }
            | Effect::Unlock { user } => {
                self.held.insert(user.as_str());
                self.of_users.push(effect);
            }
        }
    }
}

/// The statements of a commit; `flow` is the one that writes the flow.
pub(crate) fn calls(org: &OrgId, commit: &Commit, flow: Call) -> Result<Vec<Call>, Fault> {
    let mut sorted = Sorted::default();
    for effect in &commit.effects {
        sorted.take(effect);
    }
    let now = commit.now;
    let mut calls = Vec::with_capacity(8);
    let everybody: BTreeSet<&str> = sorted.held.union(&sorted.shared).copied().collect();
    for user in everybody {
        calls.push(users::hold(org, user, sorted.held.contains(user)));
    }
    sorted.ledgers.sort_by_key(|(key, _)| *key);
    for (_, effect) in &sorted.ledgers {
        calls.extend(of_ledger(org, effect, now)?);
    }
    calls.push(flow);
    for effect in &sorted.of_users {
        calls.extend(of_user(org, effect, commit).transpose()?);
    }
    for user in &sorted.ended {
        calls.push(flows::end_others(org, user, &commit.flow));
    }
    let issued_here: Vec<TokenHash> = sorted.issued.iter().map(|code| code.hash).collect();
    for user in &sorted.revoked {
        // Codes first: one that is being used is waited for, and the grant that it gave is seen.
        calls.push(codes::discard_unused(org, user, &issued_here));
        calls.push(grants::revoke_all(org, user, (now, "sessions_revoked")));
    }
    for issued in &sorted.issued {
        calls.push(codes::insert(org, (issued, &commit.flow.id), now)?);
    }
    if !sorted.messages.is_empty() {
        calls.push(outbox::insert(org, &sorted.messages, commit)?);
    }
    if !sorted.events.is_empty() {
        calls.push(audit::append_events(org, &sorted.events, commit));
    }
    Ok(calls)
}

fn of_ledger(org: &OrgId, effect: &Effect, now: Timestamp) -> Result<Vec<Call>, Fault> {
    match effect {
        Effect::RequireLedger { key, version } => ledgers::require(org, (key, *version), now),
        Effect::SaveLedger(write) => ledgers::save(org, write, now),
        Effect::Audit(_)
        | Effect::EndOtherFlows { .. }
        | Effect::Enqueue(_)
        | Effect::IssueInteractionCode(_)
        | Effect::RequirePassword { .. }
        | Effect::RevokeSessions { .. }
        | Effect::SaveEnrollments { .. }
        | Effect::SetPassword { .. }
        | Effect::Unlock { .. } => Ok(Vec::new()),
    }
}

fn of_user(org: &OrgId, effect: &Effect, commit: &Commit) -> Option<Result<Call, Fault>> {
    match effect {
        Effect::RequirePassword { user, password } => {
            Some(Ok(users::require_password(org, user, password)))
        }
        Effect::SetPassword {
            user,
            phc,
            keep_history,
            at,
        } => Some(Ok(users::set_password(
            org,
            user,
            (phc, *keep_history, *at),
        ))),
        Effect::SaveEnrollments {
            user,
            version,
            list,
        } => Some(users::save_enrollments(org, user, (*version, list))),
        Effect::Unlock { user } => Some(Ok(users::unlock(org, user, commit.now))),
        Effect::Audit(_)
        | Effect::EndOtherFlows { .. }
        | Effect::Enqueue(_)
        | Effect::IssueInteractionCode(_)
        | Effect::RequireLedger { .. }
        | Effect::RevokeSessions { .. }
        | Effect::SaveLedger(_) => None,
    }
}
