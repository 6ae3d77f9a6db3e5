//! How much one address, one app and one handle may ask for (H-10, G-06).
//!
//! [`share`] is the limiter, a pure function; [`Limits`] keeps what this node holds and takes from
//! the store what all nodes share; [`admission`] applies it to a request of a flow, [`edge`] to any
//! request. Every answer carries what is left in `x-rate-limit-*` (`idx-wire` §1.4).

mod admission;
mod edge;
mod handle;
mod share;
mod table;
mod time;
mod violations;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use regain_engine::LedgerKey;
use regain_store::StoreError;
use regain_types::{ClientId, Timestamp, TokenHash};

use crate::state::AppState;
use handle::HandleUse;
use share::{Ask, Ceiling, Share, Verdict};
use table::Table;
use time::StoreTime;
use violations::Violations;

pub(crate) use admission::{Admission, Denied};
pub(crate) use edge::{ClientAddress, edge};

/// Entries of which the newest half stays for sure; some hundred bytes each.
const SHARES_HALF: usize = 32_768;
const HANDLES_HALF: usize = 16_384;
/// Keys share these when they take from the store.
const TURNS: usize = 64;

/// What a node remembers of who asked for how much. Forgetting any of it lets nothing more through
/// that the store counts.
#[derive(Debug)]
pub(crate) struct Limits {
    time: StoreTime,
    shares: Mutex<Table<LedgerKey, Share>>,
    handles: Mutex<Table<TokenHash, HandleUse>>,
    owners: Mutex<Table<TokenHash, Option<Owner>>>,
    running: Arc<Mutex<HashMap<LedgerKey, u32>>>,
    turns: [tokio::sync::Mutex<()>; TURNS],
    violations: Violations,
}

/// Whose budget a flow's requests are charged to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    client: ClientId,
    who: Who,
    /// Known devices have a budget of their own.
    device: Option<LedgerKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Whoever sends the request: the browser of a public client.
    Peer,
    /// The person that a confidential client named with its secret.
    Told(std::net::IpAddr),
    /// The app itself: it named nobody.
    App,
}

/// Whether what is counted is counted over all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    AllNodes,
    ThisNode,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: StoreTime::default(),
            shares: Mutex::new(Table::new(SHARES_HALF)),
            handles: Mutex::new(Table::new(HANDLES_HALF)),
            owners: Mutex::new(Table::new(HANDLES_HALF)),
            running: Arc::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            violations: Violations::default(),
        }
    }
}

impl Limits {
    /// Takes over the store's time that came along with something else.
    pub(crate) fn observe(&self, now: Timestamp) {
        self.time.observe(now);
    }

    /// The store's clock was moved, as it is in development.
    pub(crate) fn clock_moved(&self) {
        self.time.forget();
    }

    /// The store's time, as far as it is known without asking.
    pub(crate) fn now(&self) -> Timestamp {
        self.time.guess()
    }

    /// Counts a mail of the org; when it is one too many, until when (M-03).
    pub(crate) async fn charge_mail(
        &self,
        state: &AppState,
        per_hour: u32,
    ) -> Result<Option<Timestamp>, StoreError> {
        let key = key_of(state, b"mails", &[]);
        let budget = (mails(per_hour), Over::AllNodes);
        Ok(match self.charge(state, key, budget).await? {
            Verdict::Admitted(_) => None,
            Verdict::Refused(quota, _) => Some(quota.resets_at),
        })
    }

    /// How many mails of this hour all nodes have taken.
    pub(crate) async fn mails_of_this_hour(
        &self,
        state: &AppState,
        per_hour: u32,
    ) -> Result<u32, StoreError> {
        let key = key_of(state, b"mails", &[]);
        let ends_at = mails(per_hour).window_end(self.now());
        let (org, store) = (state.org(), state.store());
        let taken = store.take_allowance(org, &key, ends_at, 0, per_hour);
        Ok(taken.await?.used)
    }

    /// Uses one of `ceiling` for `key`.
    async fn charge(
        &self,
        state: &AppState,
        key: LedgerKey,
        (ceiling, over): (Ceiling, Over),
    ) -> Result<Verdict, StoreError> {
        let first = self.time.about(state.store()).await?;
        let verdict = self.charge_at(state, key, (ceiling, over), first).await?;
        if matches!(verdict, Verdict::Admitted(_)) {
            return Ok(verdict);
        }
        // An estimate is not good enough to refuse by.
        let now = self.time.surely(state.store()).await?;
        if ceiling.window_end(now) == ceiling.window_end(first) {
            return Ok(verdict);
        }
        self.charge_at(state, key, (ceiling, over), now).await
    }

    async fn charge_at(
        &self,
        state: &AppState,
        key: LedgerKey,
        (ceiling, over): (Ceiling, Over),
        now: Timestamp,
    ) -> Result<Verdict, StoreError> {
        if let Some(verdict) = self.ask(key, (ceiling, over), now) {
            return Ok(verdict);
        }
        // One at a time, or requests of the same moment take blocks from each other.
        let place = usize::from(key.as_bytes().first().copied().unwrap_or_default());
        let turn = self.turns.get(place % TURNS).map(tokio::sync::Mutex::lock);
        let _turn = match turn {
            Some(turn) => Some(turn.await),
            None => None,
        };
        let asked = lock(&self.shares).entry(key).ask(ceiling, now);
        let (want, ends_at) = match asked {
            Ask::Done(verdict) => return Ok(verdict),
            Ask::Take(want, ends_at) => (want, ends_at),
        };
        let allowance = state
            .store()
            .take_allowance(state.org(), &key, ends_at, want, ceiling.at_most)
            .await?;
        let mut shares = lock(&self.shares);
        Ok(shares.entry(key).credit(ceiling, ends_at, allowance))
    }

    /// The verdict, if the store need not be asked.
    fn ask(
        &self,
        key: LedgerKey,
        (ceiling, over): (Ceiling, Over),
        now: Timestamp,
    ) -> Option<Verdict> {
        let mut shares = lock(&self.shares);
        let share = shares.entry(key);
        match (share.ask(ceiling, now), over) {
            (Ask::Done(verdict), _) => Some(verdict),
            (Ask::Take(..), Over::AllNodes) => None,
            (Ask::Take(_, ends_at), Over::ThisNode) => {
                let all = share.all(ceiling);
                Some(share.credit(ceiling, ends_at, all))
            }
        }
    }

    /// Counts one more request that runs, until the guard is dropped; `None` when there are too
    /// many already. Each node counts its own: how many run is a matter of a node's time.
    fn begin(&self, key: LedgerKey, at_most: u32) -> Option<Slot> {
        let mut running = lock(&self.running);
        let count = running.entry(key).or_default();
        if *count >= at_most {
            return None;
        }
        *count += 1;
        Some(Slot {
            key,
            running: Arc::clone(&self.running),
        })
    }
}

/// A request that runs.
#[derive(Debug)]
struct Slot {
    key: LedgerKey,
    running: Arc<Mutex<HashMap<LedgerKey, u32>>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        if let Some(count) = running.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.key);
            }
        }
    }
}

const fn mails(per_hour: u32) -> Ceiling {
    Ceiling {
        at_most: per_hour,
        window_seconds: 60 * 60,
    }
}

/// The key of a budget: a keyed hash, so that the store learns no address (E-08).
fn key_of(state: &AppState, kind: &[u8], parts: &[&[u8]]) -> LedgerKey {
    let mut all = vec![b"limit".as_slice(), kind, state.org().as_str().as_bytes()];
    all.extend_from_slice(parts);
    LedgerKey::from_bytes(state.keys().throttle.mac(&all))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
