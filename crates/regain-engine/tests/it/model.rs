//! T-S1: every state that two flows, two users and nobody can reach, with every action, walked to
//! the end. In each of them holds: whoever's password is set, the owner of that mailbox answered
//! a challenge in that very flow.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use crate::harness::*;
use regain_engine::{Effect, Input, Policy, Stage, Subject};
use regain_types::UserId;

const FLOWS: usize = 2;
const PEOPLE: [&str; 3] = ["alice", "mallory", "nobody"];

#[derive(Clone, Copy, Debug)]
enum Action {
    Cancel,
    CodeOf(usize),
    Identify(usize),
    Password,
    Poll,
    Recover,
    Resend,
    Select,
    Wait(i64),
    WrongCode,
}

const ACTIONS: [Action; 14] = [
    Action::Cancel,
    Action::CodeOf(0),
    Action::CodeOf(1),
    Action::Identify(0),
    Action::Identify(1),
    Action::Identify(2),
    Action::Password,
    Action::Poll,
    Action::Recover,
    Action::Resend,
    Action::Select,
    Action::Wait(31),
    Action::Wait(601),
    Action::WrongCode,
];

/// A state, and who answered a challenge in which flow.
#[derive(Clone)]
struct World {
    shell: Shell,
    answered: [Option<UserId>; FLOWS],
}

fn small_limits() -> Policy {
    // Small counts keep the space small; the rules are the same.
    let mut policy = limits_of_one_flow();
    policy.limits.wrong_answers_per_challenge = 1;
    policy.limits.wrong_answers_per_flow = 2;
    policy.limits.sends_per_flow = 2;
    policy.limits.cancels_per_flow = 1;
    policy
}

fn input(world: &World, flow: usize, action: Action) -> Option<Input> {
    let shell = &world.shell;
    Some(match action {
        Action::Cancel => Input::Cancel,
        Action::CodeOf(other) => answer(&shell.code_of(other)?),
        Action::Identify(person) => identify(PEOPLE[person]),
        Action::Password => answer(&format!("Violet-Harbour-{}", shell.now.as_millis())),
        Action::Poll => Input::Poll,
        Action::Recover => Input::Recover,
        Action::Resend => Input::Resend,
        Action::Select => select(&shell.email_id()),
        Action::Wait(_) => return None,
        Action::WrongCode => answer(&other_than(&shell.code_of(flow)?)),
    })
}

/// Takes one action, and checks the promise; `None` when the action is not possible.
fn walk(mut world: World, flow: usize, action: Action) -> Option<World> {
    if let Action::Wait(seconds) = action {
        world.shell.wait(seconds);
        return (flow == 0).then_some(world);
    }
    let input = input(&world, flow, action)?;
    // Beyond the window in which a repeated request is the same request.
    world.shell.wait(6);
    let own_code = matches!(action, Action::CodeOf(other) if other == flow);
    let owner = world.shell.flow(flow).subject().cloned();
    world.shell.effects.clear();
    let came = world.shell.take(flow, input);
    for effect in &world.shell.effects {
        if let Effect::SetPassword { user, .. } = effect {
            assert_eq!(
                world.answered[flow].as_ref(),
                Some(user),
                "a password was set without its owner's answer, by {action:?}"
            );
        }
    }
    match world.shell.flow(flow).stage {
        Stage::Identify | Stage::IdentifyRecovery | Stage::SelectAuthenticator { .. } => {
            world.answered[flow] = None;
        }
        Stage::ResetAuthenticator { .. } if own_code && came.is_ok() => {
            world.answered[flow] = owner;
        }
        _ => {}
    }
    Some(world)
}

/// What tells two states apart for the rules: no ids, and of the time only what is over.
fn key(world: &World) -> String {
    let shell = &world.shell;
    let mut key = String::new();
    for index in 0..FLOWS {
        let flow = shell.flow(index);
        let spent = (flow.spent.wrong_answers, flow.spent.sends, false);
        let (wrong, sends, cools) = flow.climb().map_or(spent, |climb| {
            let cools = climb
                .tally
                .last_send_at
                .is_some_and(|at| shell.now < at.plus_seconds(30));
            (climb.tally.wrong_answers, climb.tally.sends, cools)
        });
        let (stage, challenge) = match &flow.stage {
            Stage::ChallengeAuthenticator { challenge, .. } => (
                "code",
                (challenge.wrong_answers, shell.now < challenge.expires_at),
            ),
            Stage::Completed(_) => ("done", (0, false)),
            Stage::ConfirmAuthenticator { .. } => ("confirm", (0, false)),
            Stage::Dead => ("dead", (0, false)),
            Stage::EnrollAuthenticator { .. } => ("set up", (0, false)),
            Stage::Identify => ("first", (0, false)),
            Stage::IdentifyRecovery => ("recover", (0, false)),
            Stage::ReenrollAuthenticator { .. } => ("replace", (0, false)),
            Stage::ResetAuthenticator { .. } => ("reset", (0, false)),
            Stage::SelectAuthenticator { .. } => ("choice", (0, false)),
            Stage::SelectAuthenticatorEnroll { .. } => ("what to set up", (0, false)),
        };
        let who = flow.climb().map(|climb| match &climb.who.subject {
            Subject::Known(user) => user.as_str(),
            Subject::Unknown => "⊥",
        });
        let known = write!(
            key,
            "{stage} {who:?} {wrong} {sends} {cools} {challenge:?} {} {} {:?};",
            flow.generation,
            flow.is_expired(shell.now),
            world.answered[index],
        );
        assert!(known.is_ok(), "a string takes everything");
    }
    key
}

#[test]
fn whoever_s_password_is_set_answered_a_challenge_in_that_flow() {
    let mut shell = Shell::new(small_limits());
    for index in 0..FLOWS {
        shell.begin(index);
    }
    let start = World {
        shell,
        answered: [None, None],
    };
    let mut seen = BTreeSet::from([key(&start)]);
    let mut queue = VecDeque::from([start]);
    let mut set = 0_usize;
    while let Some(world) = queue.pop_front() {
        for flow in 0..FLOWS {
            for action in ACTIONS {
                let Some(next) = walk(world.clone(), flow, action) else {
                    continue;
                };
                set += next
                    .shell
                    .effects
                    .iter()
                    .filter(|effect| matches!(effect, Effect::SetPassword { .. }))
                    .count();
                if seen.insert(key(&next)) {
                    queue.push_back(next);
                }
            }
        }
    }
    assert!(
        seen.len() > 2_000,
        "the walk is shallow: {} states",
        seen.len()
    );
    assert!(set > 100, "passwords were hardly ever set: {set}");
}
