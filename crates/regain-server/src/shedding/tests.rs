//! Tests of the rule and of the count.

use std::sync::Barrier;

use proptest::prelude::*;

use super::*;

const CLASSES: [Class; 4] = [
    Class::Starting,
    Class::Opening,
    Class::Continuing,
    Class::Essential,
];

#[test]
fn t_r11_the_path_alone_says_what_a_request_is() {
    for (route, class) in [
        ("/oauth2/v1/interact", Class::Starting),
        ("/oauth2/{server}/v1/interact", Class::Starting),
        ("/oauth2/{server}/v1/authorize", Class::Starting),
        ("/idp/idx/identify", Class::Continuing),
        ("/idp/idx/introspect", Class::Continuing),
        ("/idp/idx/challenge/answer", Class::Continuing),
        ("/oauth2/{server}/v1/token", Class::Essential),
        ("/oauth2/{server}/v1/introspect", Class::Essential),
        ("/oauth2/{server}/v1/revoke", Class::Essential),
        ("/oauth2/{server}/v1/userinfo", Class::Essential),
        ("/oauth2/v1/keys", Class::Essential),
        ("/.well-known/openid-configuration", Class::Essential),
    ] {
        assert_eq!(Class::of(route), class, "{route}");
    }
}

proptest! {
    #[test]
    fn t_r11_whoever_is_more_important_is_never_refused_where_others_are_let_in(
        cores in 0_usize..512,
        under_way in 0_usize..300_000,
    ) {
        let room = Room::of(cores);
        let admitted = CLASSES.map(|class| room.admits(class, under_way));
        // From the least important on: refused for a while, then let in.
        prop_assert!(admitted.is_sorted(), "{admitted:?}");
        for class in CLASSES {
            // The bound is kept, and there is room for everybody where nothing is under way.
            prop_assert_eq!(room.admits(class, under_way), under_way < room.up_to(class));
            prop_assert!(room.up_to(class) >= STARTING_PER_CORE);
        }
        // Each class leaves as much room as it has to those above it.
        for (lesser, greater) in CLASSES.iter().zip(&CLASSES[1..]) {
            prop_assert!(room.up_to(*greater) >= 2 * room.up_to(*lesser));
        }
    }

    #[test]
    fn t_r11_what_is_counted_is_what_is_under_way(steps in prop::collection::vec(0_u8..8, 1..600)) {
        let shedding = Shedding::of(2);
        let mut places = Vec::new();
        for step in steps {
            match (step, CLASSES.get(usize::from(step))) {
                (_, Some(class)) => {
                    let fits = shedding.room.admits(*class, places.len());
                    let place = shedding.enter(*class);
                    prop_assert_eq!(place.is_some(), fits);
                    places.extend(place);
                }
                (4, None) if !places.is_empty() => {
                    let aside = shedding.step_aside();
                    let counted = shedding.under_way.load(Ordering::Relaxed);
                    prop_assert_eq!(counted, places.len() - 1);
                    drop(aside);
                }
                _ => drop(places.pop()),
            }
            prop_assert_eq!(shedding.under_way.load(Ordering::Relaxed), places.len());
        }
    }
}

#[test]
fn t_r11_of_many_at_the_same_moment_exactly_as_many_as_there_is_room_for_are_let_in() {
    const THREADS: usize = 8;
    let shedding = Shedding::of(2);
    let room = shedding.room.up_to(Class::Starting);
    for _ in 0..20 {
        let barrier = Barrier::new(THREADS);
        let let_in: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let places = (0..room).map(|_| shedding.enter(Class::Starting));
                        let places: Vec<_> = places.flatten().collect();
                        // Until everybody has tried.
                        barrier.wait();
                        places.len()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(let_in, room);
        assert_eq!(shedding.under_way.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn the_log_tells_of_many_at_once() {
    let told = Told::default();
    let at = Duration::from_millis;
    assert_eq!(told.counts(at(0)), Some(1), "the first is told at once");
    assert_eq!(told.counts(at(10)), None);
    assert_eq!(told.counts(at(9_999)), None);
    assert_eq!(told.counts(at(10_000)), Some(3));
    assert_eq!(told.counts(at(10_001)), None);
    assert_eq!(told.counts(at(90_000)), Some(2));
    // And its own clock moves.
    let told = Told::default();
    let before = told.clock.monotonic();
    while told.clock.monotonic() == before {}
}
