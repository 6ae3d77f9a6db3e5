//! Tests of the hashing threads.

use super::*;
use regain_engine::StoredPassword;
use regain_types::{SystemEntropy, Timestamp};

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

fn start_with(pepper: &Pepper) -> Hasher {
    let settings = HashSettings::FLOOR.patient();
    Hasher::start(settings, pepper.clone(), HashMetrics::default()).unwrap()
}

/// Versions 1 and 2, and each alone.
fn peppers() -> (Pepper, Pepper, Pepper) {
    let one = Pepper::random(&mut SystemEntropy);
    let second = PepperVersion::new(2).unwrap();
    let both = one.with_new(second, &mut SystemEntropy).unwrap();
    let two = both.newest().unwrap().clone().into();
    (both, one, two)
}

fn hashed_with(pepper: &Pepper) -> StoredPassword {
    let newest = pepper.newest();
    stored(hash_with(&secret("Copper-Lantern-42"), HashSettings::FLOOR, newest).unwrap())
}

/// T-P7, P-02: each version checks its own hashes and those without any.
#[tokio::test]
async fn t_p7_a_hash_matches_with_its_own_pepper_alone() {
    let (both, one, two) = peppers();
    let hasher = start_with(&both);
    for pepper in [&Pepper::default(), &one, &two] {
        let hash = hashed_with(pepper);
        assert!(verify(&hasher, Some(hash.clone()), "Copper-Lantern-42").await);
        assert!(!verify(&hasher, Some(hash), "Copper-Lantern-43").await);
    }
    // The same version, another key.
    let (_, stranger, _) = peppers();
    let other = hashed_with(&stranger);
    assert!(!verify(&hasher, Some(other), "Copper-Lantern-42").await);
    let is_outdated = |pepper: &Pepper| hasher.is_outdated(&hashed_with(pepper).phc);
    assert!(is_outdated(&Pepper::default()) && is_outdated(&one) && !is_outdated(&two));
}

/// T-P7, E-05: what a lost version is to one person, a missing one is to all.
#[tokio::test]
async fn t_p7_a_missing_pepper_is_no_wrong_password_and_a_lost_one_is() {
    let (both, one, two) = peppers();
    let first = one.newest().unwrap().version();
    let hasher = start_with(&two);
    let needs = || {
        [Some(hashed_with(&one)), Some(hashed_with(&both)), None].map(|stored| {
            Need::VerifyPassword {
                stored,
                candidate: secret("Copper-Lantern-42"),
            }
        })
    };
    for need in needs() {
        let refused = hasher.compute(need).await.unwrap_err();
        assert_eq!(refused, NotHashed::Pepper(first));
    }
    let new = Need::HashPassword {
        candidate: secret("new password"),
        previous: vec![hashed_with(&one)],
    };
    let refused = start_with(&two).compute(new).await.unwrap_err();
    assert_eq!(
        refused,
        NotHashed::Pepper(first),
        "nor is it no old password"
    );
    // The list says nothing of it: that does not make it known.
    let current = two.newest().map(PepperKey::version);
    let agreed = |lost| PeppersInUse { current, lost };
    hasher.use_pepper(agreed(Vec::new()));
    assert_eq!(hasher.lacking_pepper(), Some(first));
    hasher.use_pepper(agreed(vec![first]));
    let mut answers = Vec::new();
    for need in needs() {
        match hasher.compute(need).await.unwrap() {
            Computed::Matches(matches) => answers.push(matches),
            Computed::New(_) => panic!("a check is no new password"),
        }
    }
    assert_eq!(answers, [false, true, false]);
}

/// E-05: nobody's hash is computed with the pepper of new ones; only argon2 takes one.
#[test]
fn nobody_has_the_pepper_that_everybody_gets() {
    let (both, ..) = peppers();
    let kinds = Kinds::new(current(HashSettings::FLOOR).unwrap());
    let worker = Worker::new(kinds.clone(), Peppers::new(both.clone()));
    let argon2 = worker.nobody(HashKind::Argon2(kinds.current()));
    assert_eq!(argon2.pepper(), both.newest().map(PepperKey::version));
    assert_eq!(worker.nobody(HashKind::Bcrypt(4)).pepper(), None);
}

#[test]
fn the_pepper_s_version_has_one_spelling() {
    let (both, ..) = peppers();
    let text = hashed_with(&both).phc;
    assert!(text.contains(",keyid=AAAAAg$"), "{text}");
    let parse = |id: &str| StoredHash::parse(&text.replace("AAAAAg", id));
    assert_eq!(parse("AAAAAg").unwrap().to_text(), text);
    // Another length, no base64, a bit that means nothing, padding, version 0: keys of other programs.
    for id in ["AAAA", "AAAAAAA", "1", "", "AAAAAh", "AAAAAg==", "AAAAAA"] {
        assert_eq!(parse(id), Err(HashRefused::Algorithm), "{id}");
    }
    assert_eq!(parse("AAAAAg,keyid=AAAAAg"), Err(HashRefused::Damaged));
    assert_eq!(parse("AAAAAg,data=AAAA"), Err(HashRefused::Algorithm));
}
