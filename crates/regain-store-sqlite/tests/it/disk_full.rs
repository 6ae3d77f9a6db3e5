//! T-R10: the disk is full at any page that a write asks for. Nothing is half done, what ends a
//! session is still written, and when there is space everything is again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regain_engine::{Effect, Flow, FlowApp};
use regain_store::{Commit, FlowKey, NewFlow, Store as _, StoreError};
use regain_store_sqlite::SqliteStore;
use regain_types::{FlowId, GrantId, SystemClock, SystemEntropy, UserId};
use rusqlite::Connection;

use crate::power_loss::work::{audit, create, fold_log, grant, hash, issued, org, request};
use crate::volume::{PAGE_BYTES, Volume};

/// Space for the database, its reserve and what must be free beside.
const VOLUME_MIB: u64 = 40;
/// More pages than the writes of a round take.
const PAGES: u64 = 40;
/// More rounds of writes than fit into them.
const ROUNDS_MAX: usize = 50;

struct Disk {
    volume: Volume,
    store: SqliteStore,
    user: UserId,
    /// What was acknowledged: flows, and the version that each has.
    flows: Vec<(FlowId, u64)>,
}

impl Disk {
    async fn mount() -> Option<Self> {
        let volume = Volume::mount(VOLUME_MIB)?;
        let store = open(volume.path());
        let user = UserId::random(&mut SystemEntropy);
        create(&store, &user).await;
        Some(Self {
            volume,
            store,
            user,
            flows: Vec::new(),
        })
    }

    fn reserve(&self) -> PathBuf {
        self.volume.path().join("regain.db-reserve")
    }

    fn holds_reserve(&self) -> bool {
        std::fs::metadata(self.reserve()).is_ok_and(|found| found.len() == 16 * 1024 * 1024)
    }

    /// A flow, and a commit of it with a mail and a line of the audit log. Whatever of it was
    /// acknowledged is kept in mind.
    async fn flow(&mut self, effects: Vec<Effect>) -> Result<(), StoreError> {
        let now = self.store.now().await.unwrap();
        let flow = Flow::begin(FlowApp::sample(), now, &mut SystemEntropy);
        let new = NewFlow {
            flow: flow.clone(),
            interaction_handle: hash(),
            state_handle: hash(),
        };
        self.store.insert_flow(&org(), new, request()).await?;
        self.flows.push((flow.id.clone(), 0));
        let commit = Commit {
            flow,
            new_state_handle: None,
            effects,
            request: request(),
            now,
        };
        self.store.commit(&org(), commit).await?;
        self.flows.last_mut().unwrap().1 = 1;
        Ok(())
    }

    /// Somebody who is signed in.
    async fn session(&mut self, number: usize) -> GrantId {
        let now = self.store.now().await.unwrap();
        let issued = issued(&self.user, number, now);
        let (code, grant) = (issued.hash, grant(&self.user, number, now));
        let effects = vec![Effect::IssueInteractionCode(issued)];
        self.flow(effects).await.unwrap();
        let id = grant.id.clone();
        let redeemed = self
            .store
            .redeem_interaction_code(&org(), &code, grant, now, request())
            .await;
        redeemed.unwrap();
        id
    }

    /// Writes until there is no space for more.
    async fn write_until_full(&mut self) {
        for round in 0..ROUNDS_MAX {
            let told = audit(&self.user, "wrong", regain_engine::Outcome::Failure);
            match self.flow(vec![told; 20]).await {
                Ok(()) => {}
                Err(StoreError::Full) => return,
                Err(other) => panic!("round {round}: {other:?}"),
            }
        }
        panic!("the disk is never full");
    }

    async fn revoke(&self, grant: &GrantId) -> Result<(), StoreError> {
        self.store
            .revoke_grant(&org(), grant, "logout", request())
            .await
    }

    async fn is_revoked(&self, grant: &GrantId) -> bool {
        let found = self.store.find_grant(&org(), grant, None).await.unwrap();
        found.unwrap().grant.revoked_at.is_some()
    }

    async fn revocations(&self) -> usize {
        let rows = self.store.list_audit(&org(), 10_000).await.unwrap();
        let name = "app.oauth2.token.revoke";
        rows.iter().filter(|row| row.name == name).count()
    }

    /// Everything that was acknowledged is there, and the file is whole.
    async fn is_whole(&self) {
        for (flow, version) in &self.flows {
            let key = FlowKey::Id(flow.clone());
            let loaded = self.store.load_flow(&org(), &key, None).await.unwrap();
            assert_eq!(loaded.unwrap().flow.version, *version);
        }
        let beside = Connection::open(self.volume.path().join("regain.db")).unwrap();
        let ask = "PRAGMA integrity_check";
        let told: String = beside.query_row(ask, [], |row| row.get(0)).unwrap();
        assert_eq!(told, "ok");
    }
}

fn open(directory: &Path) -> SqliteStore {
    let clock = Arc::new(SystemClock::new());
    SqliteStore::open_to_serve(directory.join("regain.db"), clock).unwrap()
}

#[tokio::test]
async fn t_r10_a_disk_that_is_full_at_any_page_still_ends_sessions_and_loses_nothing() {
    let Some(mut disk) = Disk::mount().await else {
        return;
    };
    let mut ended = 0;
    for pages in 0..PAGES {
        assert!(disk.holds_reserve(), "{pages}");
        let number = usize::try_from(pages).unwrap();
        let (first, session) = (disk.session(number).await, disk.session(number).await);
        // The log begins anew, so that every page of it asks for space.
        fold_log(disk.volume.path());
        disk.volume.leave(pages * PAGE_BYTES);
        // Not even the write that meets the full disk is refused when it ends a session.
        disk.revoke(&first).await.unwrap();
        disk.write_until_full().await;

        let before = disk.store.fingerprint().unwrap();
        let saved = disk.store.save_setting(&org(), "name", "value").await;
        assert!(matches!(saved, Err(StoreError::Full)), "{saved:?}");
        let checked = disk.store.check().await;
        assert!(matches!(checked, Err(StoreError::Full)), "{checked:?}");
        assert_eq!(disk.store.fingerprint().unwrap(), before);
        assert!(!disk.is_revoked(&session).await);
        disk.revoke(&session).await.unwrap();
        let now = disk.store.now().await.unwrap();
        let jti = pages.to_string();
        disk.store
            .revoke_access_token(&org(), &jti, now)
            .await
            .unwrap();
        ended += 2;
        assert!(disk.is_revoked(&session).await);
        assert_eq!(disk.revocations().await, ended, "each is in the audit log");

        disk.volume.free();
        disk.store.check().await.unwrap();
        disk.flow(Vec::new()).await.unwrap();
        disk.is_whole().await;
    }
}

#[tokio::test]
async fn t_r10_a_reserve_that_is_used_up_refuses_everything_until_there_is_space() {
    let Some(mut disk) = Disk::mount().await else {
        return;
    };
    let session = disk.session(1).await;
    fold_log(disk.volume.path());
    disk.volume.leave(0);
    disk.write_until_full().await;
    assert!(!disk.reserve().exists());
    // Somebody else has taken what was given up.
    disk.volume.leave(0);
    let before = disk.store.fingerprint().unwrap();
    for _ in 0..3 {
        let refused = disk.revoke(&session).await;
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    }
    assert_eq!(disk.store.fingerprint().unwrap(), before);
    assert_eq!(
        disk.revocations().await,
        0,
        "nothing is told that did not happen"
    );

    disk.volume.free();
    disk.revoke(&session).await.unwrap();
    disk.store.check().await.unwrap();
    assert!(disk.holds_reserve());
    disk.is_whole().await;
}

#[tokio::test]
async fn t_r10_a_start_takes_over_the_reserve_and_without_space_for_one_only_ends_sessions() {
    let Some(mut disk) = Disk::mount().await else {
        return;
    };
    let (first, second) = (disk.session(1).await, disk.session(2).await);
    let reserve = disk.reserve();
    let Disk { volume, store, .. } = disk;
    drop(store);
    // Too little for another one.
    volume.leave(1024 * 1024);
    let store = open(volume.path());
    store.check().await.unwrap();
    store
        .revoke_grant(&org(), &first, "logout", request())
        .await
        .unwrap();
    drop(store);

    volume.free();
    std::fs::remove_file(&reserve).unwrap();
    volume.leave(10 * 1024 * 1024);
    let store = open(volume.path());
    let saved = store.save_setting(&org(), "name", "value").await;
    assert!(matches!(saved, Err(StoreError::Full)), "{saved:?}");
    store
        .revoke_grant(&org(), &second, "logout", request())
        .await
        .unwrap();
    assert!(!reserve.exists());
    volume.free();
    store.save_setting(&org(), "name", "value").await.unwrap();
    assert!(reserve.exists());
}
