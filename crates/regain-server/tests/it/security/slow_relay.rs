//! T-E8: a relay that is away, slow or refuses shows in no answer, whoever asks (E-07, R-06).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use regain_engine::SignInMode;
use regain_mail::{Accepted, Message, SendError, Transport};
use tokio::sync::Semaphore;

use super::indistinguishable::{everything, without_authenticator_ids};
use crate::app::{Person, TestApp};

/// How a relay may fail.
#[derive(Clone, Copy, Debug)]
pub(super) enum Relay {
    Away,
    Refusing,
    /// Refuses after a while.
    Slow,
}

#[async_trait]
impl Transport for Relay {
    async fn send(&self, _: &Message) -> Result<Accepted, SendError> {
        match self {
            Self::Away => Err(SendError::Temporary("nobody answers".to_owned())),
            Self::Refusing => Err(SendError::Permanent("550 never".to_owned())),
            Self::Slow => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(SendError::Temporary("451 later".to_owned()))
            }
        }
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

#[tokio::test]
async fn t_e8_no_answer_shows_how_the_relay_is() {
    let mut reference = None;
    for relay in [
        None,
        Some(Relay::Away),
        Some(Relay::Refusing),
        Some(Relay::Slow),
    ] {
        for person in [Person::Active, Person::Unknown] {
            let app = TestApp::with(|setup| {
                setup.transport = relay.map(|relay| Arc::new(relay) as Arc<dyn Transport>);
            })
            .await;
            let seen = everything(&app, person, SignInMode::OnePage).await;
            app.leave_mail().await;
            let seen: Vec<_> = seen.into_iter().map(without_authenticator_ids).collect();
            match &reference {
                None => reference = Some(seen),
                Some(reference) => assert_eq!(&seen, reference, "{person:?}, {relay:?}"),
            }
        }
    }
}

/// Holds every mail until it is told to let them go.
#[derive(Debug)]
struct Silent(Semaphore);

#[async_trait]
impl Transport for Silent {
    async fn send(&self, _: &Message) -> Result<Accepted, SendError> {
        let _let_go = self.0.acquire().await.unwrap();
        Ok(Accepted {
            detail: "250".to_owned(),
        })
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

#[tokio::test]
async fn t_e8_no_answer_waits_for_a_relay_that_is_silent() {
    for person in [Person::Active, Person::Unknown] {
        let relay = Arc::new(Silent(Semaphore::new(0)));
        let transport: Arc<dyn Transport> = relay.clone();
        let app = TestApp::with(|setup| setup.transport = Some(transport)).await;
        // No mail leaves meanwhile: whoever waited for one would wait for ever.
        let walks = async {
            for _ in 0..3 {
                app.begin().await.as_far_as_challenge(person.login()).await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(20), walks).await;
        assert!(done.is_ok(), "{person:?}: a request waits for the relay");
        relay.0.add_permits(Semaphore::MAX_PERMITS);
        app.close().await;
    }
}
