//! Holds what clients were told against what is.

use serde_json::json;

use super::client::{CLIENT, Caller, SignedIn};
use super::ledger::{Password, Person};
use super::storm::Point;

impl Caller {
    /// A change whose answer never came: one of the two passwords works, and not the other.
    pub(super) async fn settle(&self, person: &mut Person) {
        let Password::Either { old, new } = person.password.clone() else {
            return;
        };
        let works = self.try_password(&person.login, &new).await;
        let worked = self.try_password(&person.login, &old).await;
        match (works, worked) {
            (SignedIn::Yes(_), SignedIn::No) => person.learn_reset(old, new),
            (SignedIn::No, SignedIn::Yes(_)) => person.password = Password::Known(old),
            (SignedIn::Yes(_), SignedIn::Yes(_)) => {
                self.storm
                    .fault(&format!("{}: both passwords work", person.login));
            }
            (SignedIn::No, SignedIn::No) => {
                self.storm
                    .fault(&format!("{}: neither password works", person.login));
            }
        }
    }

    async fn is_active(&self, token: &str) -> bool {
        let fields = [("token", token), ("client_id", CLIENT)];
        let answer = self.oauth(Point::Look, "introspect", &fields).await;
        answer.page.json["active"] == true
    }

    /// Codes that have done their work do none again.
    pub(super) async fn try_spent(&self, person: &Person) {
        let now = self.storm.clock();
        for spent in person
            .spent
            .iter()
            .rev()
            .filter(|spent| spent.from <= now)
            .take(2)
        {
            let credentials = json!({"passcode": spent.passcode});
            let body = json!({"stateHandle": spent.state_handle, "credentials": credentials});
            let answer = self.idx(Point::Look, "challenge/answer", body).await.page;
            if answer.status < 400 || answer.name() == Some("reset-authenticator") {
                let told = format!("a spent code gave {} {}", answer.status, answer.json);
                self.storm.fault(&format!("{}: {told}", person.login));
            }
        }
    }

    /// Holds everything that was acknowledged about a person against what is.
    pub(super) async fn verify(&self, person: &mut Person, tokens: usize) {
        self.settle(person).await;
        if person.tried != Some(person.resets)
            && let Password::Known(password) = person.password.clone()
        {
            if let SignedIn::No = self.try_password(&person.login, &password).await {
                self.storm
                    .fault(&format!("{}: the password is lost", person.login));
            }
            if let Some(former) = &person.former
                && let SignedIn::Yes(_) = self.try_password(&person.login, former).await
            {
                self.storm
                    .fault(&format!("{}: the old password works", person.login));
            }
            person.tried = Some(person.resets);
        }
        for session in person.sessions.iter().rev().take(tokens) {
            if !self.is_active(&session.refresh).await {
                self.storm
                    .fault(&format!("{}: a session is lost", person.login));
            }
        }
        for (token, why) in person.dead.iter().rev().take(tokens) {
            if self.is_active(token).await {
                let told = format!("{}: a refresh token lives, and {why}", person.login);
                self.storm.fault(&told);
            }
        }
        self.try_spent(person).await;
    }
}
