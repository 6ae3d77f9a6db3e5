//! Tests of the hashing threads.

use super::*;
use regain_engine::StoredPassword;
use regain_types::Timestamp;

fn start(settings: HashSettings) -> Result<Hasher, HasherError> {
    Hasher::start(settings, Pepper::default(), HashMetrics::default())
}

fn stored(phc: String) -> StoredPassword {
    StoredPassword {
        phc,
        nfc: true,
        set_at: Timestamp::from_millis(0),
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn verify(hasher: &Hasher, stored: Option<StoredPassword>, typed: &str) -> bool {
    let need = Need::VerifyPassword {
        stored,
        candidate: secret(typed),
    };
    match hasher.compute(need).await.unwrap() {
        Computed::Matches(matches) => matches,
        Computed::New(_) => panic!("a check is no new password"),
    }
}

#[tokio::test]
async fn a_password_matches_its_own_hash_and_nothing_else() {
    let hasher = start(HashSettings::FLOOR.patient()).unwrap();
    let phc = hash_now(&secret("Copper-Lantern-42"), HashSettings::FLOOR).unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert!(verify(&hasher, Some(stored(phc.clone())), "Copper-Lantern-42").await);
    assert!(!verify(&hasher, Some(stored(phc)), "Copper-Lantern-43").await);
    assert!(!verify(&hasher, None, "Copper-Lantern-42").await);
    assert!(!verify(&hasher, Some(stored("garbage".to_owned())), "x").await);
}

#[tokio::test]
async fn an_old_password_is_found_out() {
    let hasher = start(HashSettings::FLOOR.patient()).unwrap();
    let old = stored(hash_now(&secret("old password"), HashSettings::FLOOR).unwrap());
    let need = |candidate| Need::HashPassword {
        candidate: secret(candidate),
        previous: vec![old.clone()],
    };
    let reused = hasher.compute(need("old password")).await.unwrap();
    assert!(matches!(reused, Computed::New(NewPassword::Reused)));
    let new = hasher.compute(need("new password")).await.unwrap();
    assert!(matches!(new, Computed::New(NewPassword::Hashed(_))));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let settings = HashSettings {
        workers: 1,
        queue_per_worker: 1,
        ..HashSettings::FLOOR
    };
    let hasher = start(settings).unwrap();
    let need = || Need::VerifyPassword {
        stored: None,
        candidate: secret("x"),
    };
    // One is being hashed, one waits, and of the rest at least one finds the queue full.
    let answers = futures(&hasher, need, 8).await;
    assert!(answers.iter().any(Result::is_err), "{answers:?}");
    assert!(answers.iter().any(Result::is_ok), "{answers:?}");
}

async fn futures(
    hasher: &Hasher,
    need: impl Fn() -> Need,
    count: usize,
) -> Vec<Result<Computed, NotHashed>> {
    let mut answers = Vec::new();
    let mut pending: Vec<_> = (0..count)
        .map(|_| Box::pin(hasher.compute(need())))
        .collect();
    // Polled together, in order, so that all of them are queued before the first is done.
    std::future::poll_fn(|context| {
        pending.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    answers
}

#[test]
fn weak_settings_are_refused() {
    // T-P1: below the floor nothing starts.
    let weak = HashSettings {
        memory_kib: 19_455,
        ..HashSettings::FLOOR
    };
    assert_eq!(start(weak).unwrap_err(), HasherError::TooWeak);
    let one_pass = HashSettings {
        passes: 1,
        ..HashSettings::FLOOR
    };
    assert_eq!(start(one_pass).unwrap_err(), HasherError::TooWeak);
}
