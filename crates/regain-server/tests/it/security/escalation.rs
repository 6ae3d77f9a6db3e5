//! T-E6: the whole way of a guesser, to the end of all tries and to long codes, looks the same for
//! everybody and for nobody (E-09).

use super::guessing::counting;
use super::indistinguishable::canonical;
use crate::app::{Guest, Person, TestApp, Walk};

const PEOPLE: [Person; 6] = [
    Person::Active,
    Person::Unknown,
    Person::Locked,
    Person::NoMail,
    Person::Suspended,
    Person::OtherMail,
];

/// The newest document of each is the same.
#[track_caller]
fn assert_alike(walks: &[Walk<'_>], step: &str) -> u16 {
    let mut seen = PEOPLE
        .iter()
        .zip(walks)
        .map(|(person, walk)| canonical(&walk.page, walk, person.login()));
    let first = seen.next().unwrap();
    for (person, other) in PEOPLE[1..].iter().zip(seen) {
        assert_eq!(first, other, "{step}: {person:?}");
    }
    walks[0].page.status
}

async fn begin(app: &TestApp) -> Vec<Walk<'_>> {
    let mut walks = Vec::new();
    // Each is asked about from an address of its own, so that what is left to it is the same.
    for number in 0..PEOPLE.len() {
        let guest = Guest::from_network(u16::try_from(number).unwrap());
        walks.push(app.begin_as(guest).await);
    }
    walks
}

#[tokio::test]
async fn t_e6_the_way_to_exhausted_tries_and_long_codes_is_the_same_for_nobody() {
    let app = counting().await;
    let mut statuses = Vec::new();
    let mut lengths = Vec::new();
    for flow in 0..4 {
        let mut walks = begin(&app).await;
        for (walk, person) in walks.iter_mut().zip(PEOPLE) {
            walk.recover(person.login()).await;
        }
        assert_eq!(assert_alike(&walks, "name"), 200);
        for walk in &mut walks {
            walk.choose_email().await;
        }
        assert_eq!(assert_alike(&walks, "mail"), 200);
        let mut digits = Vec::new();
        for walk in &walks {
            digits.push(walk.derived_code().await.len());
        }
        digits.dedup();
        assert_eq!(digits.len(), 1, "flow {flow}: {digits:?}");
        lengths.push(digits[0]);
        let mut said = Vec::new();
        for guess in 0..7 {
            if guess == 6 {
                app.advance(31);
                for walk in &mut walks {
                    walk.act("resend").await;
                }
                said.push(assert_alike(&walks, "resend"));
            }
            for walk in &mut walks {
                walk.answer("000000000000").await;
            }
            said.push(assert_alike(&walks, &format!("flow {flow}, guess {guess}")));
        }
        statuses.push(said);
        app.mail_is_done().await;
        app.advance(15 * 60);
    }
    // Five tries, a resend, a sixth; of the second flow's only four are compared as short ones.
    let first = [401, 401, 401, 401, 401, 429, 200, 401];
    assert_eq!(statuses[0], first);
    assert_eq!(lengths, [6, 6, 12, 12]);
    assert_eq!(statuses[3], first, "long codes are compared again");
    assert_eq!(statuses[1][..4], [401; 4]);
    assert_eq!(statuses[1][4], 429, "ten in all");
    app.close().await;
}
