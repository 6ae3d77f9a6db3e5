//! Random walks: what they are made of, and how far they go.

use proptest::prelude::*;
use regain_engine::{Effect, Flow, Input};

use crate::harness::*;
use crate::reference::Move;

const PEOPLE: [&str; 4] = ["alice", "mallory", "nobody", "suspended"];
/// Cases of a property of the catalogue (T-S2): ten thousand in every run.
pub(crate) const CATALOGUE_CASES: u32 = 10_000;
/// Cases of an invariant: each case is a walk of up to forty steps.
pub(crate) const INVARIANT_CASES: u32 = 1_000;
pub(crate) const FLOWS: usize = 4;

pub(crate) fn moves() -> impl Strategy<Value = Vec<(usize, Move)>> {
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

/// The input of a move; `None` when it is none, or none is possible now.
pub(crate) fn input(shell: &Shell, flow: usize, one: &Move, count: usize) -> Option<Input> {
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

/// One step of a walk: the flow before it, what it came to, and the effects that it had.
pub(crate) struct Stepped<'a> {
    pub(crate) index: usize,
    pub(crate) before: Flow,
    pub(crate) one: &'a Move,
    pub(crate) came: Came,
    pub(crate) effects: Vec<Effect>,
}

/// Walks, six seconds apart so that no request counts as a repeated one, and looks at each step.
pub(crate) fn walk(moves: &[(usize, Move)], mut look: impl FnMut(&Shell, &Stepped<'_>)) {
    let mut shell = Shell::new(limits_of_one_flow());
    (0..FLOWS).for_each(|index| shell.begin(index));
    for (count, (index, one)) in moves.iter().enumerate() {
        if let Move::Wait(seconds) = one {
            shell.wait(*seconds);
            continue;
        }
        let Some(input) = input(&shell, *index, one, count) else {
            continue;
        };
        shell.wait(6);
        let before = shell.flow(*index).clone();
        shell.effects.clear();
        let came = shell.take(*index, input);
        let effects = shell.effects.clone();
        let index = *index;
        look(
            &shell,
            &Stepped {
                index,
                before,
                one,
                came,
                effects,
            },
        );
    }
}
