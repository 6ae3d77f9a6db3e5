//! The invariants of the style guide §4, each under its name, over random walks.

use std::collections::BTreeSet;

use proptest::prelude::*;
use regain_engine::{Effect, Endpoint, Input, Notice, Outgoing, Refusal, Stage, offers};

use crate::harness::*;
use crate::reference::Move;
use crate::walk::{FLOWS, INVARIANT_CASES, moves, walk};

/// Every input that a state offers, well formed.
fn offered(shell: &Shell, endpoint: Endpoint) -> Input {
    match endpoint {
        Endpoint::Cancel => Input::Cancel,
        Endpoint::Challenge => select(&shell.email_id()),
        Endpoint::ChallengeAnswer => answer(NEW_PASSWORD),
        Endpoint::ChallengePoll => Input::Poll,
        Endpoint::ChallengeResend => Input::Resend,
        Endpoint::CredentialEnroll => Input::Enroll {
            authenticator_id: shell.email_id(),
        },
        Endpoint::Identify => identify_with("alice", PASSWORD),
        Endpoint::Introspect => Input::Introspect,
        Endpoint::Recover => Input::Recover,
        Endpoint::Skip => Input::Skip,
    }
}

/// Tries every endpoint on a copy; `look` gets whether it is offered, and whether it was refused
/// with nothing changed.
fn try_all(shell: &Shell, flow: usize, look: impl Fn(Endpoint, bool, bool)) {
    // Long enough for a resend.
    let mut shell = shell.clone();
    shell.wait(31);
    let expired = shell.flow(flow).is_expired(shell.now);
    let list = offers(shell.flow(flow), &shell.policy);
    for endpoint in Endpoint::ALL
        .into_iter()
        // Looking is always allowed, and changes nothing.
        .filter(|one| !matches!(one, Endpoint::Introspect | Endpoint::ChallengePoll))
    {
        let is_offered = list.iter().any(|offer| offer.endpoint() == endpoint) && !expired;
        let mut copy = shell.clone();
        let before = copy.flow(flow).clone();
        let came = copy.take(flow, offered(&shell, endpoint));
        assert!(
            !matches!(came, Came::Refused(Refusal::Bug(_))),
            "{endpoint:?}: {came:?}"
        );
        let refused = matches!(came, Came::Refused(Refusal::NotOffered | Refusal::Expired));
        look(endpoint, is_offered, refused && *copy.flow(flow) == before);
    }
}

fn has_proof(stage: &Stage) -> bool {
    matches!(stage, Stage::ResetAuthenticator { climb } if !climb.proofs.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(INVARIANT_CASES))]

    #[test]
    fn offered_is_accepted(steps in moves()) {
        walk(&steps, |shell, step| {
            try_all(shell, step.index, |endpoint, is_offered, refused| {
                assert!(!is_offered || !refused, "{endpoint:?} in {:?}", shell.flow(step.index));
            });
        });
    }

    #[test]
    fn not_offered_is_refused_and_changes_nothing(steps in moves()) {
        walk(&steps, |shell, step| {
            try_all(shell, step.index, |endpoint, is_offered, refused| {
                assert!(is_offered || refused, "{endpoint:?} in {:?}", shell.flow(step.index));
            });
        });
    }

    #[test]
    fn code_is_single_use(steps in moves()) {
        let mut redeemed = BTreeSet::new();
        walk(&steps, |shell, step| {
            let Stage::ChallengeAuthenticator { challenge, .. } = &step.before.stage else { return };
            if has_proof(&shell.flow(step.index).stage) {
                assert!(redeemed.insert(challenge.id.clone()), "a challenge proved twice");
            }
        });
    }

    #[test]
    fn attempts_never_exceed_limit(steps in moves()) {
        walk(&steps, |shell, _| {
            for index in 0..FLOWS {
                let flow = shell.flow(index);
                let total = flow.climb().map_or(0, |climb| climb.tally.wrong_answers);
                assert!(total <= shell.policy.limits.wrong_answers_per_flow);
                if let Stage::ChallengeAuthenticator { challenge, .. } = &flow.stage {
                    let limit = shell.policy.limits.wrong_answers_per_challenge;
                    assert!(challenge.wrong_answers <= limit);
                }
            }
        });
    }

    #[test]
    fn expired_never_succeeds(steps in moves()) {
        walk(&steps, |shell, step| {
            let late = match &step.before.stage {
                Stage::ChallengeAuthenticator { challenge, .. }
                    if matches!(step.one, Move::Code(_)) => shell.now >= challenge.expires_at,
                _ => step.before.is_expired(shell.now),
            };
            assert!(!late || !step.came.is_ok(), "{:?} in {:?}", step.one, step.before);
        });
    }

    #[test]
    fn unknown_user_is_indistinguishable(steps in moves()) {
        // The same walk about Alice and about nobody, with the codes that nobody was sent.
        let about = |person: usize| {
            let mut seen = Vec::new();
            let steps: Vec<_> = steps.iter().map(|(flow, one)| (*flow, match one {
                Move::Identify(_) => Move::Identify(person),
                Move::Code(_) | Move::Password => Move::Wrong,
                other => other.clone(),
            })).collect();
            walk(&steps, |shell, step| {
                let notices = match &step.came {
                    Came::Committed(notices) | Came::Shown(notices) => notices.clone(),
                    Came::Refused(refusal) => vec![refusal.notice()],
                };
                seen.push((status(&notices), shape(shell, step.index, &notices)));
            });
            seen
        };
        prop_assert_eq!(about(0), about(2));
    }

    #[test]
    fn password_changes_only_after_proof(steps in moves()) {
        walk(&steps, |_, step| {
            for effect in &step.effects {
                if let Effect::SetPassword { user, .. } = effect {
                    assert!(has_proof(&step.before.stage), "{:?}", step.before);
                    assert_eq!(step.before.subject(), Some(user));
                }
            }
        });
    }

    #[test]
    fn success_revokes_when_policy_says(steps in moves()) {
        walk(&steps, |_, step| {
            let has = |test: fn(&Effect) -> bool| step.effects.iter().any(test);
            if has(|effect| matches!(effect, Effect::SetPassword { .. })) {
                assert!(has(|effect| matches!(effect, Effect::RevokeSessions { .. })));
                assert!(has(|effect| matches!(effect, Effect::EndOtherFlows { .. })));
                assert!(has(|effect| {
                    matches!(effect, Effect::Enqueue(Outgoing::PasswordChanged { .. }))
                }));
            }
        });
    }

    #[test]
    fn terminal_has_no_remediation(steps in moves()) {
        walk(&steps, |shell, step| {
            let document = shell.document(step.index, &[]);
            let is_live = shell.flow(step.index).is_live();
            assert_eq!(document.remediation.is_some(), is_live);
            assert_eq!(document.cancel.is_some(), is_live);
        });
    }
}

fn status(notices: &[Notice]) -> u16 {
    notices.first().map_or(200, Notice::status)
}

/// A document without what was typed and the ids that derive from it, of equal length.
fn shape(shell: &Shell, index: usize, notices: &[Notice]) -> String {
    let document = shell.document(index, notices);
    let mut text = serde_json::to_string(&document).unwrap();
    let listed = document
        .authenticator_enrollments
        .iter()
        .flat_map(|list| &list.value);
    let current = document
        .current_authenticator_enrollment
        .iter()
        .map(|object| &object.value);
    let known = document.authenticators.iter().flat_map(|list| &list.value);
    let password = document
        .recovery_authenticator
        .iter()
        .chain(&document.current_authenticator)
        .map(|object| &object.value);
    for id in listed
        .chain(current)
        .chain(known)
        .chain(password)
        .filter_map(|one| one.id.as_ref())
    {
        text = text.replace(id.as_str(), &"i".repeat(id.len()));
    }
    for name in ["alice", "nobody"] {
        text = text.replace(&format!("{name}@example.com"), "TYPED");
    }
    text
}
