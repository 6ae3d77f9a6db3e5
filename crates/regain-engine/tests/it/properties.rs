//! Properties over random walks: T-S2, and that nothing but the log goes into a state.

use crate::harness::*;
use crate::reference::{Model, ModelFlow, Move, model_name};
use crate::walk::{CATALOGUE_CASES, FLOWS, INVARIANT_CASES, input, moves};
use proptest::prelude::*;
use regain_engine::{Input, Stage};

fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::ChallengeAuthenticator { .. } => "code",
        Stage::Completed(_) => "done",
        Stage::ConfirmAuthenticator { .. } => "confirm",
        Stage::Dead => "over",
        Stage::EnrollAuthenticator { .. } => "set up",
        Stage::Identify => "first",
        Stage::IdentifyRecovery => "recover",
        Stage::ReenrollAuthenticator { .. } => "replace",
        Stage::ResetAuthenticator { .. } => "reset",
        Stage::SelectAuthenticator { .. } => "choice",
        Stage::SelectAuthenticatorEnroll { .. } => "what to set up",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CATALOGUE_CASES))]

    /// T-S2: the engine and the reference agree after every step.
    #[test]
    fn the_engine_agrees_with_the_reference(walk in moves()) {
        let mut shell = Shell::new(limits_of_one_flow());
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
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(INVARIANT_CASES))]

    /// A log of inputs gives the same state again: nothing else goes into a step.
    #[test]
    fn replay_of_log_gives_same_state(walk in moves()) {
        let run = |keys: &regain_types::KeyRing| {
            let mut shell = Shell::new(limits_of_one_flow());
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
        let keys = Shell::new(limits_of_one_flow()).keys;
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
        let mut shell = Shell::new(limits_of_one_flow());
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
