//! Clients as they were read at most a second ago: every call at `/oauth2/*` names one, and a step
//! may ask the store twice (`docs/performance.md`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regain_oauth::Client;
use regain_store::StoreError;
use regain_types::{ClientId, Clock as _, SystemClock};

use crate::state::AppState;

/// How long a change by another node or by `regain clients` may go unseen.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Clients that are kept; others are read each time.
const CLIENTS_MAX: usize = 1_000;

/// The clients that were asked for lately. Who is not there is asked for each time, so that a new
/// client works at once.
#[derive(Debug, Default)]
pub(crate) struct KnownClients {
    clock: SystemClock,
    clients: Mutex<BTreeMap<ClientId, Known>>,
}

#[derive(Debug)]
struct Known {
    client: Client,
    asked_at: Duration,
}

impl KnownClients {
    /// Finds a client.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn find(
        &self,
        state: &AppState,
        id: &ClientId,
    ) -> Result<Option<Client>, StoreError> {
        let asked_at = self.clock.monotonic();
        if let Some(client) = self.fresh(id, asked_at) {
            return Ok(Some(client));
        }
        let found = state.store().find_client(state.org(), id).await?;
        if let Some(client) = &found {
            self.keep(client.clone(), asked_at);
        }
        Ok(found)
    }

    fn fresh(&self, id: &ClientId, now: Duration) -> Option<Client> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.get(id)?;
        is_fresh(known, now).then(|| known.client.clone())
    }

    /// `asked_at` is from before the store was asked: what it answered is at least as new.
    fn keep(&self, client: Client, asked_at: Duration) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS_MAX {
            clients.retain(|_, known| is_fresh(known, asked_at));
        }
        if clients.len() < CLIENTS_MAX {
            clients.insert(client.id.clone(), Known { client, asked_at });
        }
    }
}

fn is_fresh(known: &Known, now: Duration) -> bool {
    now.saturating_sub(known.asked_at) < AGE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str) -> Client {
        Client {
            id: ClientId::parse(id).unwrap(),
            label: id.to_owned(),
            secret_hash: None,
            redirect_uris: Vec::new(),
            email_verification_uri: None,
            post_logout_redirect_uris: Vec::new(),
        }
    }

    #[test]
    fn a_client_is_read_anew_after_a_second() {
        let known = KnownClients::default();
        let (app, read_at) = (client("app"), Duration::from_secs(5));
        assert_eq!(known.fresh(&app.id, read_at), None);
        known.keep(app.clone(), read_at);
        let just_before = read_at + AGE_MAX.saturating_sub(Duration::from_nanos(1));
        assert_eq!(known.fresh(&app.id, just_before), Some(app.clone()));
        assert_eq!(known.fresh(&app.id, read_at + AGE_MAX), None);
        assert_eq!(known.fresh(&client("other").id, read_at), None);
    }

    #[test]
    fn only_so_many_are_kept_and_old_ones_make_room() {
        let known = KnownClients::default();
        for number in 0..=CLIENTS_MAX {
            known.keep(client(&format!("app-{number}")), Duration::ZERO);
        }
        let count = || known.clients.lock().unwrap().len();
        assert_eq!(count(), CLIENTS_MAX);
        known.keep(client("late"), AGE_MAX);
        assert_eq!(count(), 1);
    }
}
