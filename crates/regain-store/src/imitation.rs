//! What takes the time of reading somebody where there is nobody.

use regain_engine::{Enrollments, StoredPassword, UserFacts, UserStatus};
use regain_types::{Timestamp, UserId};

use crate::UserRecord;

/// Does for nobody what reading a row does for somebody; whoever calls it throws the result away
/// behind `black_box`. Reading a row takes some microseconds, and
/// over many requests microseconds tell who is there (E-04, E-05).
#[must_use]
pub fn imitate_reading_a_user() -> Option<UserRecord> {
    let text = |text: &str| std::hint::black_box(text).to_owned();
    let password = StoredPassword {
        phc: text(concat!(
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA",
            "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        )),
        nfc: true,
        set_at: Timestamp::from_millis(0),
    };
    Some(UserRecord {
        facts: UserFacts {
            id: UserId::parse(text("00uNobodyNobodyNobod")).ok()?,
            login: text("nobody@example.com"),
            email: Some(text("nobody@example.com")),
            first_name: text("Nobody"),
            last_name: text("Nobody"),
            locale: text("en_US"),
            time_zone: text("America/Los_Angeles"),
            status: UserStatus::parse(&text("ACTIVE"))?,
            password: Some(password),
            history: serde_json::from_str(&text("[]")).ok()?,
            enrollments: Enrollments {
                version: 0,
                list: serde_json::from_str(&text("[]")).ok()?,
            },
        },
        updated_at: Timestamp::from_millis(0),
    })
}
