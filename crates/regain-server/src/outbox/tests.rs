use regain_engine::Outgoing;
use regain_store::{MailVerdict, OutboxRow, RequestMeta};
use regain_types::{OutboxId, Timestamp, UserId};

use super::deliver::{NOTICE_TTL_SECONDS, later};

fn row(attempts: u32) -> OutboxRow {
    OutboxRow {
        id: OutboxId::parse("out1").unwrap(),
        outgoing: Outgoing::PasswordChanged {
            user: UserId::parse("00u1").unwrap(),
            at: Timestamp::from_millis(0),
            app_label: "App".to_owned(),
        },
        created_at: Timestamp::from_millis(0),
        request: RequestMeta::default(),
        attempts,
    }
}

#[test]
fn waits_grow_up_to_a_minute_and_end_with_the_message() {
    for (attempts, seconds) in [(0, 1), (1, 2), (4, 16), (6, 60), (40, 60)] {
        let MailVerdict::Retry(at) = later(&row(attempts), Timestamp::from_millis(0)) else {
            panic!("a notice is tried for three days");
        };
        let millis = at.as_millis();
        assert!(
            (seconds * 800..=seconds * 1_200).contains(&millis),
            "{attempts}: {millis} ms"
        );
    }
    let after_three_days = Timestamp::from_millis(0).plus_seconds(NOTICE_TTL_SECONDS);
    assert_eq!(
        later(&row(3), after_three_days),
        MailVerdict::Dropped("EXPIRED")
    );
}
