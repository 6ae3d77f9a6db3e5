//! Properties over random walks: the invariants of the style guide §4, and T-S2.

use crate::harness::*;
use proptest::prelude::*;
use regain_engine::{Endpoint, Input, Policy, Refusal, Stage, offers};

/// One move of a walk.
#[derive(Clone, Debug)]
enum Move {
    Cancel,
    Code(usize),
    Identify(usize),
    Password,
    Poll,
    Recover,
    Resend,
    Select,
    Wait(i64),
    Wrong,
}

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

/// The reference: what the security page says about recovery, written down a second time.
#[derive(Clone, Debug, PartialEq)]
enum Model {
    Choice {
        who: usize,
    },
    Code {
        who: usize,
        wrong: u32,
        total: u32,
        sends: u32,
        sent: i64,
        touched: i64,
    },
    Done,
    First,
    Over,
    RecoverPage,
    Reset {
        who: usize,
        proved: i64,
    },
}

#[derive(Clone, Debug)]
struct ModelFlow {
    created: i64,
    at: Model,
}

fn is_real(who: usize) -> bool {
    who < 2
}

impl ModelFlow {
    fn is_over(&self, now: i64) -> bool {
        let idle = match &self.at {
            Model::Code { touched, .. } => now >= touched + 900,
            Model::Reset { proved, .. } => now >= proved + 600,
            _ => false,
        };
        matches!(self.at, Model::Done | Model::Over) || now >= self.created + 3_600 || idle
    }

    /// Whether the move is allowed, and where it leads. `right`: the code is the live one.
    fn take(&mut self, one: &Move, right: bool, now: i64) -> (bool, Option<usize>) {
        if self.is_over(now) {
            return (false, None);
        }
        let (next, allowed, set) = match (self.at.clone(), one) {
            (_, Move::Cancel) => (Model::First, true, None),
            (Model::First, Move::Recover) => (Model::RecoverPage, true, None),
            (Model::RecoverPage, Move::Identify(who)) => (Model::Choice { who: *who }, true, None),
            (at @ Model::Choice { .. }, Move::Recover) => (at, true, None),
            (Model::Choice { who }, Move::Select) => {
                let fresh = Model::Code {
                    who,
                    wrong: 0,
                    total: 0,
                    sends: 1,
                    sent: now,
                    touched: now,
                };
                (fresh, true, None)
            }
            (at @ Model::Code { .. }, Move::Poll) => (at, true, None),
            (
                Model::Code {
                    who,
                    wrong,
                    total,
                    sends,
                    sent,
                    touched,
                },
                Move::Select | Move::Resend,
            ) => {
                let keep = Model::Code {
                    who,
                    wrong,
                    total,
                    sends,
                    sent,
                    touched,
                };
                if now < sent + 30 {
                    // The code is on its way: choosing again is harmless, a resend too early.
                    (keep, matches!(one, Move::Select), None)
                } else if sends >= 5 {
                    (keep, false, None)
                } else {
                    let sends = sends + 1;
                    let fresh = Model::Code {
                        who,
                        wrong: 0,
                        total,
                        sends,
                        sent: now,
                        touched: now,
                    };
                    (fresh, true, None)
                }
            }
            (
                Model::Code {
                    who,
                    wrong,
                    total,
                    sends,
                    sent,
                    touched,
                },
                Move::Code(_) | Move::Wrong | Move::Password,
            ) => {
                let keep = Model::Code {
                    who,
                    wrong,
                    total,
                    sends,
                    sent,
                    touched,
                };
                if wrong >= 5 || total >= 10 {
                    (keep, false, None)
                } else if right && is_real(who) && now < sent + 300 {
                    (Model::Reset { who, proved: now }, true, None)
                } else {
                    let (wrong, total) = (wrong + 1, total + 1);
                    (
                        Model::Code {
                            who,
                            wrong,
                            total,
                            sends,
                            sent,
                            touched,
                        },
                        false,
                        None,
                    )
                }
            }
            (Model::Reset { who, .. }, Move::Password) => (Model::Done, true, Some(who)),
            (at, _) => (at, false, None),
        };
        self.at = next;
        (allowed, set)
    }
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

fn model_name(model: &Model) -> &'static str {
    match model {
        Model::Choice { .. } => "choice",
        Model::Code { .. } => "code",
        Model::Done => "done",
        Model::First => "first",
        Model::Over => "over",
        Model::RecoverPage => "recover",
        Model::Reset { .. } => "reset",
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
            match set {
                Some(who) => {
                    let name = format!("Violet-Harbour-{count}");
                    prop_assert_eq!(&shell.passwords()[who], &name);
                    for (other, model) in models.iter_mut().enumerate() {
                        let is_same = matches!(
                            model.at,
                            Model::Choice { who: of } | Model::Code { who: of, .. }
                            | Model::Reset { who: of, .. } if of == who
                        );
                        if other != *flow && is_same {
                            model.at = Model::Over;
                        }
                    }
                }
                None => prop_assert_eq!(shell.passwords(), before),
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
