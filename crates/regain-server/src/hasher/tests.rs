//! Tests of the hashing threads.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

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

/// A queue without threads: nothing leaves it but by itself.
fn still(settings: HashSettings) -> Hasher {
    Hasher {
        peppers: Peppers::default(),
        kinds: Kinds::new(current(settings).unwrap()),
        queue: Arc::new(Queue::new(settings, HashMetrics::default())),
        metrics: HashMetrics::default(),
    }
}

fn check_of(name: &str) -> Need {
    Need::VerifyPassword {
        stored: None,
        candidate: secret(name),
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn t_p6_the_queue_holds_exactly_what_its_bound_says() {
    for (workers, queue_per_worker) in [(1, 1), (2, 64), (3, 5)] {
        let hasher = still(HashSettings {
            workers,
            queue_per_worker,
            deadline: Duration::from_hours(1),
            ..HashSettings::FLOOR
        });
        let room = workers * queue_per_worker;
        let mut jobs: Vec<_> = (0..room * 3)
            .map(|_| Box::pin(hasher.compute(check_of("x"))))
            .collect();
        for (number, job) in jobs.iter_mut().enumerate() {
            let polled = poll(job.as_mut());
            if number < room {
                assert!(polled.is_pending(), "{number} of {room}");
            } else {
                assert!(
                    matches!(polled, Poll::Ready(Err(NotHashed::Busy))),
                    "{number} of {room}"
                );
            }
        }
        jobs.truncate(room);
        // Whoever goes makes room for one, and for one only.
        for _ in 0..3 {
            drop(jobs.remove(0));
            let mut next = Box::pin(hasher.compute(check_of("x")));
            assert!(poll(next.as_mut()).is_pending());
            let mut one_more = Box::pin(hasher.compute(check_of("x")));
            assert!(poll(one_more.as_mut()).is_ready());
            jobs.push(next);
        }
    }
}

#[tokio::test]
async fn t_p6_whoever_is_gone_is_not_hashed() {
    let hasher = still(HashSettings::FLOOR.patient());
    let names = ["gone 1", "here", "gone 2", "gone 3"];
    let mut jobs: Vec<_> = names
        .iter()
        .map(|name| Box::pin(hasher.compute(check_of(name))))
        .collect();
    for job in &mut jobs {
        assert!(poll(job.as_mut()).is_pending());
    }
    // As when a connection breaks: nobody asks for the answer any more.
    let mut here = jobs.remove(1);
    drop(jobs);
    hasher.queue.lock().closed = true;
    let mut computed = Vec::new();
    run(&hasher.queue, |need| {
        let Need::VerifyPassword { candidate, .. } = need else {
            panic!("nobody sets a password")
        };
        computed.push(candidate.expose().clone());
        Computed::Matches(false)
    });
    assert_eq!(computed, ["here"]);
    assert!(matches!(
        poll(here.as_mut()),
        Poll::Ready(Ok(Computed::Matches(false)))
    ));
}

#[tokio::test]
async fn t_p6_the_time_in_the_queue_counts() {
    let settings = HashSettings {
        deadline: Duration::from_millis(40),
        ..HashSettings::FLOOR
    };
    let hasher = still(settings);
    // Nothing is ever taken out of the queue, so what is over is the time in it.
    assert_eq!(
        hasher.compute(check_of("x")).await.unwrap_err(),
        NotHashed::Busy
    );

    // What is left of the time is not enough for a hash: it is told so at once, without one.
    let hasher = still(HashSettings {
        deadline: Duration::from_mins(1),
        ..settings
    });
    hasher.queue.took(Duration::from_secs(59));
    let mut job = Box::pin(hasher.compute(check_of("x")));
    assert!(poll(job.as_mut()).is_pending());
    let waited = Duration::from_secs(31);
    hasher.queue.lock().jobs[0].queued_at -= waited;
    hasher.queue.lock().closed = true;
    run(&hasher.queue, |_| panic!("it comes too late"));
    assert!(matches!(
        poll(job.as_mut()),
        Poll::Ready(Err(NotHashed::Busy))
    ));
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
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            Poll::Pending => true,
        });
        if pending.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
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
