//! Hard bounces (M-09): a relay that knows an address to be dead is not asked again for a day. Only
//! the worker knows of it; in the browser everything stays as it is.

use regain_engine::{Effect, LedgerKey, LedgerKeys, LedgerWrite, Outgoing};
use regain_store::{Commit, FlowKey, OutboxRow, StoreError, Typed};

use crate::state::AppState;

const PAUSE_SECONDS: i64 = 24 * 60 * 60;
/// A step of the flow's own may come in between.
const TRIES_MAX: usize = 5;

/// The ledger that is there while mails to a name are paused, by the name's throttle key: so
/// aliases of an inbox share it (N-04).
pub(super) fn ledger(state: &AppState, canonical: &str) -> LedgerKeys {
    let name = LedgerKeys::derive(state.keys(), state.org(), canonical, None);
    let parts: [&[u8]; 3] = [
        b"bounce",
        state.org().as_str().as_bytes(),
        name.identifier.as_bytes(),
    ];
    LedgerKeys {
        identifier: LedgerKey::from_bytes(state.keys().throttle.mac(&parts)),
        device: None,
    }
}

/// Pauses mails to the name that a row is for.
pub(super) async fn pause(state: &AppState, row: &OutboxRow) {
    for _ in 0..TRIES_MAX {
        match try_to_pause(state, row).await {
            Ok(()) => return,
            Err(StoreError::Conflict) => {}
            Err(error) => {
                tracing::warn!(%error, mail = %row.id, "a bounce was not noted");
                return;
            }
        }
    }
}

async fn try_to_pause(state: &AppState, row: &OutboxRow) -> Result<(), StoreError> {
    let Outgoing::Code {
        canonical, ticket, ..
    } = &row.outgoing
    else {
        // A notice follows a code that arrived.
        return Ok(());
    };
    let ledgers = ledger(state, canonical);
    let key = FlowKey::Id(ticket.flow.clone());
    let typed = Some(Typed { canonical, ledgers });
    let store = state.store();
    let Some(loaded) = store.load_flow(state.org(), &key, typed).await? else {
        return Ok(());
    };
    let version = loaded.ledgers.identifier.map_or(0, |row| row.version);
    let write = LedgerWrite {
        key: ledgers.identifier,
        version,
        state: "{}".to_owned(),
        expires_at: loaded.now.plus_seconds(PAUSE_SECONDS),
        owner: None,
    };
    let commit = Commit {
        flow: loaded.flow,
        new_state_handle: None,
        effects: vec![Effect::SaveLedger(write)],
        request: row.request.clone(),
        now: loaded.now,
    };
    store.commit(state.org(), commit).await
}
