//! Tests of the hashing threads.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;
use regain_engine::StoredPassword;
use regain_types::Timestamp;

fn start(settings: HashSettings) -> Result<Hasher, HasherError> {
    Hasher::start(settings, HashMetrics::default())
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
                    matches!(polled, Poll::Ready(Err(HasherBusy))),
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
    let mut hashed = Vec::new();
    run(&hasher.queue, |need| {
        let Need::VerifyPassword { candidate, .. } = need else {
            panic!("nobody sets a password")
        };
        hashed.push(candidate.expose().clone());
        Computed::Matches(false)
    });
    assert_eq!(hashed, ["here"]);
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
    assert_eq!(hasher.compute(check_of("x")).await.unwrap_err(), HasherBusy);

    // What is left of the time is not enough for a hash: it is told so at once, without one.
    let hasher = still(HashSettings {
        deadline: Duration::from_secs(60),
        ..settings
    });
    hasher.queue.took(Duration::from_secs(59));
    let mut job = Box::pin(hasher.compute(check_of("x")));
    assert!(poll(job.as_mut()).is_pending());
    let waited = Duration::from_secs(31);
    hasher.queue.lock().jobs[0].queued_at -= waited;
    hasher.queue.lock().closed = true;
    run(&hasher.queue, |_| panic!("it comes too late"));
    assert!(matches!(poll(job.as_mut()), Poll::Ready(Err(HasherBusy))));
}

async fn futures(
    hasher: &Hasher,
    need: impl Fn() -> Need,
    count: usize,
) -> Vec<Result<Computed, HasherBusy>> {
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
