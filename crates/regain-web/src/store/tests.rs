use super::*;

const ALICE: BrowserHash = [1; 32];
const ALICE_SIGNED_IN: BrowserHash = [2; 32];
const MALLORY: BrowserHash = [9; 32];

async fn insert(store: &Store, id: &str, now: i64) {
    let new = NewTransaction {
        id: id.to_owned(),
        entry: Some(format!("entry-{id}")),
        sealed: vec![7],
        expires_at: now + 60,
    };
    store.insert_transaction(ALICE, new, now).await.unwrap();
}

async fn find(store: &Store, browser: BrowserHash, id: &str, now: i64) -> Option<TransactionRow> {
    store
        .find_transaction(browser, id.to_owned(), now)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_transaction_is_found_by_its_own_browser_until_it_expires_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    insert(&Store::open(dir.path()).unwrap(), "a", 100).await;
    let store = Store::open(dir.path()).unwrap();
    let row = TransactionRow {
        version: 1,
        sealed: vec![7],
    };
    assert_eq!(find(&store, ALICE, "a", 159).await, Some(row));
    assert_eq!(find(&store, MALLORY, "a", 159).await, None);
    assert_eq!(find(&store, ALICE, "a", 160).await, None);
}

#[tokio::test]
async fn of_two_writers_at_one_version_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    insert(&store, "a", 100).await;
    assert!(
        store
            .replace_transaction("a".to_owned(), 1, vec![8], 200)
            .await
            .unwrap()
    );
    assert!(
        !store
            .replace_transaction("a".to_owned(), 1, vec![9], 200)
            .await
            .unwrap()
    );
    assert_eq!(find(&store, ALICE, "a", 150).await.unwrap().sealed, vec![8]);
}

#[tokio::test]
async fn signing_in_ends_the_old_id_and_takes_the_tabs_along() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    insert(&store, "tab", 100).await;
    store
        .start_session(ALICE, ALICE_SIGNED_IN, vec![1], 100)
        .await
        .unwrap();
    assert!(store.find_session(ALICE).await.unwrap().is_none());
    assert_eq!(
        store
            .find_session(ALICE_SIGNED_IN)
            .await
            .unwrap()
            .unwrap()
            .created_at,
        100
    );
    assert!(find(&store, ALICE, "tab", 101).await.is_none());
    assert!(find(&store, ALICE_SIGNED_IN, "tab", 101).await.is_some());
    store.end_session(ALICE_SIGNED_IN).await.unwrap();
    store
        .save_session(ALICE_SIGNED_IN, vec![2], 101)
        .await
        .unwrap();
    assert!(store.find_session(ALICE_SIGNED_IN).await.unwrap().is_none());
    assert!(find(&store, ALICE_SIGNED_IN, "tab", 101).await.is_none());
}

#[tokio::test]
async fn a_browser_keeps_its_newest_transactions_and_expired_rows_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for n in 0..25 {
        insert(&store, &format!("t{n:02}"), 100 + n).await;
    }
    assert!(find(&store, ALICE, "t04", 130).await.is_none());
    assert!(find(&store, ALICE, "t05", 130).await.is_some());
    insert(&store, "late", 10_000).await;
    let left: i64 = store
        .run(|db| db.query_row("SELECT count(*) FROM transactions", [], |row| row.get(0)))
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn sessions_that_nobody_uses_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store
        .start_session(ALICE, ALICE_SIGNED_IN, vec![1], 100)
        .await
        .unwrap();
    store.sweep_sessions(100).await.unwrap();
    assert!(store.find_session(ALICE_SIGNED_IN).await.unwrap().is_some());
    store.sweep_sessions(101).await.unwrap();
    assert!(store.find_session(ALICE_SIGNED_IN).await.unwrap().is_none());
}

#[tokio::test]
async fn a_transaction_is_found_by_its_entry_page_in_its_own_browser() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    insert(&store, "a", 100).await;
    let begun_at = |browser, entry: &str, now| store.find_begun_at(browser, entry.to_owned(), now);
    assert_eq!(
        begun_at(ALICE, "entry-a", 100).await.unwrap().as_deref(),
        Some("a")
    );
    assert_eq!(begun_at(MALLORY, "entry-a", 100).await.unwrap(), None);
    assert_eq!(begun_at(ALICE, "entry-b", 100).await.unwrap(), None);
    assert_eq!(begun_at(ALICE, "entry-a", 160).await.unwrap(), None);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_alone_in_any_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = Store::open(dir.path()).unwrap();
    insert(&store, "a", 100).await;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
    }
}
