//! Properties over random walks: the invariants of the style guide §4, and T-S2.

use crate::harness::*;
use crate::reference::{Model, ModelFlow, Move, model_name};
use proptest::prelude::*;
use regain_engine::{Endpoint, Input, Policy, Refusal, Stage, offers};

const PEOPLE: [&str; 4] = ["alice", "mallory", "nobody", "suspended"];
const FLOWS: usize = 4;

fn moves() -> impl Strategy<Value = Vec<(usize, Move)>> {
    let one = prop_oneof![
        1 => Just(Move::Cancel),
        4 => (0..FLOWS).prop_map(Move::Code),
        4 => (0..PEOPLE.len()).prop_map(Move::Identify),
        3 => Just(Move::Password),
        1 => Just(Move::Poll),
        4 => Just(Move::Recover),
        2 => Just(Move::Resend),
        4 => Just(Move::Select),
        2 => prop_oneof![Just(31), Just(301), Just(601), Just(901), Just(3_601)].prop_map(Move::Wait),
        2 => Just(Move::Wrong),
    ];
    prop::collection::vec((0..FLOWS, one), 1..=40)
}

fn input(shell: &Shell, flow: usize, one: &Move, count: usize) -> Option<Input> {
    Some(match one {
        Move::Cancel => Input::Cancel,
        Move::Code(other) => answer(&shell.code_of(*other)?),
        Move::Identify(person) => identify(PEOPLE[*person]),
        Move::Password => answer(&format!("Violet-Harbour-{count}")),
        Move::Poll => Input::Poll,
        Move::Recover => Input::Recover,
        Move::Resend => Input::Resend,
        Move::Select => select(&shell.email_id()),
        Move::Wait(_) => return None,
        Move::Wrong => answer(&other_than(&shell.code_of(flow)?)),
    })
}

fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::ChallengeAuthenticator { .. } => "code",
        Stage::Completed(_) => "done",
        Stage::ConfirmAuthenticator { .. } => "confirm",
        Stage::Dead => "over",
        Stage::Identify => "first",
        Stage::IdentifyRecovery => "recover",
        Stage::ResetAuthenticator { .. } => "reset",
        Stage::SelectAuthenticator { .. } => "choice",
    }
}

/// Every input that a state offers, well formed.
fn offered(shell: &Shell, endpoint: Endpoint) -> Input {
    match endpoint {
        Endpoint::Cancel => Input::Cancel,
        Endpoint::Challenge => select(&shell.email_id()),
        Endpoint::ChallengeAnswer => answer(NEW_PASSWORD),
        Endpoint::ChallengePoll => Input::Poll,
        Endpoint::ChallengeResend => Input::Resend,
        Endpoint::Identify => identify_with("alice", PASSWORD),
        Endpoint::Introspect => Input::Introspect,
        Endpoint::Recover => Input::Recover,
    }
}

fn check_offers(shell: &Shell, flow: usize) {
    let list = offers(shell.flow(flow), &shell.policy);
    let expired = shell.flow(flow).is_expired(shell.now);
    for endpoint in Endpoint::ALL
        .into_iter()
        .filter(|one| *one != Endpoint::Introspect)
    {
        let is_offered = list.iter().any(|offer| offer.endpoint() == endpoint);
        let mut copy = shell.clone();
        let before = copy.flow(flow).clone();
        let came = copy.take(flow, offered(shell, endpoint));
        let refused = matches!(came, Came::Refused(Refusal::NotOffered | Refusal::Expired));
        assert!(
            !matches!(came, Came::Refused(Refusal::Bug(_))),
            "{endpoint:?}: {came:?}"
        );
        if is_offered && !expired {
            assert!(
                !refused,
                "offered_is_accepted: {endpoint:?} in {:?}",
                before.stage
            );
        } else {
            assert!(
                refused,
                "not_offered_is_refused: {endpoint:?} in {:?}",
                before.stage
            );
            assert_eq!(*copy.flow(flow), before, "and changes nothing");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// T-S2: the engine and the reference agree after every step.
    #[test]
    fn the_engine_agrees_with_the_reference(walk in moves()) {
        let mut shell = Shell::new(Policy::default());
        let start = shell.now.as_seconds();
        let mut models: Vec<ModelFlow> =
            (0..FLOWS).map(|_| ModelFlow { created: start, at: Model::First }).collect();
        (0..FLOWS).for_each(|index| shell.begin(index));
        for (count, (flow, one)) in walk.iter().enumerate() {
            if let Move::Wait(seconds) = one {
                shell.wait(*seconds);
                continue;
            }
            let Some(input) = input(&shell, *flow, one, count) else { continue };
            shell.wait(6);
            let now = shell.now.as_seconds();
            let Input::Answer { passcode, .. } = &input else {
                let (allowed, _) = models[*flow].take(one, false, now);
                prop_assert_eq!(shell.take(*flow, input).is_ok(), allowed, "{:?}", one);
                continue;
            };
            let right = passcode.as_ref().map(|secret| secret.expose().clone())
                == shell.code_of(*flow);
            let (allowed, set) = models[*flow].take(one, right, now);
            let before = shell.passwords();
            prop_assert_eq!(shell.take(*flow, input).is_ok(), allowed, "{:?}", one);
            if let Some(who) = set {
                    let name = format!("Violet-Harbour-{count}");
                    prop_assert_eq!(&shell.passwords()[who], &name);
                    for (other, model) in models.iter_mut().enumerate() {
                        if other != *flow && model.who() == Some(who) {
                            model.at = Model::Over;
                        }
                    }
            } else {
                prop_assert_eq!(shell.passwords(), before);
            }
            for (index, model) in models.iter().enumerate() {
                prop_assert_eq!(stage_name(&shell.flow(index).stage), model_name(&model.at));
            }
        }
    }

    /// What is shown is what is accepted, in every state that a walk reaches.
    #[test]
    fn offered_is_accepted_and_the_rest_is_refused(walk in moves()) {
        let mut shell = Shell::new(Policy::default());
        (0..FLOWS).for_each(|index| shell.begin(index));
        for (count, (flow, one)) in walk.iter().enumerate() {
            shell.wait(6);
            match (one, input(&shell, *flow, one, count)) {
                (Move::Wait(seconds), _) => shell.wait(*seconds),
                (_, Some(input)) => { shell.take(*flow, input); }
                (_, None) => {}
            }
            shell.wait(31);
            check_offers(&shell, *flow);
        }
    }

    /// A log of inputs gives the same state again: nothing else goes into a step.
    #[test]
    fn replay_of_log_gives_same_state(walk in moves()) {
        let run = |keys: &regain_types::KeyRing| {
            let mut shell = Shell::new(Policy::default());
            shell.keys = keys.clone();
            (0..FLOWS).for_each(|index| shell.begin(index));
            for (count, (flow, one)) in walk.iter().enumerate() {
                match (one, input(&shell, *flow, one, count)) {
                    (Move::Wait(seconds), _) => shell.wait(*seconds),
                    (_, Some(input)) => { shell.take(*flow, input); }
                    (_, None) => {}
                }
            }
            (shell.flows.clone(), shell.passwords())
        };
        let keys = Shell::new(Policy::default()).keys;
        let (first, second) = (run(&keys), run(&keys));
        prop_assert_eq!(
            serde_json::to_string(&first.0.values().map(|f| &f.stage).collect::<Vec<_>>()).unwrap(),
            serde_json::to_string(&second.0.values().map(|f| &f.stage).collect::<Vec<_>>()).unwrap()
        );
        prop_assert_eq!(first.1, second.1);
    }

    /// A stored flow is read back as it was.
    #[test]
    fn a_flow_survives_its_storage(walk in moves()) {
        let mut shell = Shell::new(Policy::default());
        (0..FLOWS).for_each(|index| shell.begin(index));
        for (count, (flow, one)) in walk.iter().enumerate() {
            if let Some(input) = input(&shell, *flow, one, count) {
                shell.take(*flow, input);
            }
            let text = serde_json::to_string(shell.flow(*flow)).unwrap();
            prop_assert_eq!(
                &serde_json::from_str::<regain_engine::Flow>(&text).unwrap(),
                shell.flow(*flow)
            );
        }
    }
}

/// Cases of one property: enough for every run; raise it with `PROPTEST_CASES`.
fn cases() -> u32 {
    option_env!("PROPTEST_CASES")
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000)
}
