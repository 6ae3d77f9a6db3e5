//! What happens when connections break, answers are lost and the server is away.

use std::time::Duration;

use regain_store::{FlowKey, RequestMeta, SealedKey, Store as _, StoreError};
use regain_store_postgres::testing::Cluster;
use regain_types::{Clock as _, SystemClock, SystemEntropy, random_array};

use crate::proxy::Proxy;
use crate::work::{Place, START, audit, new_flow, user};

/// T-R3: whatever was done and not heard of is found out, and not done again.
#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_never_reported_as_failed_nor_done_twice() {
    let cluster = Cluster::shared().expect("a cluster");
    let database = cluster.fresh().await.expect("a database");
    let proxy = Proxy::before(cluster.directory());
    let url = database.url_at(proxy.directory());
    let place = Place::at(&format!("{url}&pool_size=1&sslmode=disable")).await;
    let (store, org) = (&place.store, &place.org);
    let client = database.connect().await.unwrap();
    let count = async |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        client.query_one(&sql, &[]).await.unwrap().get(0)
    };
    let lost = |what: &str| assert!(proxy.has_lost(), "nothing was lost: {what}");

    // Statements are prepared first: the answers that are lost are those that matter.
    let warm = place.flow().await.flow;
    place.commit(&warm, place.everything()).await.unwrap();
    let code = place.code().await;
    let grant = place.redeem(&code).await.unwrap();
    let idle = START.plus_seconds(60);
    let rotate = |sequence| store.rotate_refresh_token(org, &grant.id, sequence, START, idle);
    rotate(0).await.unwrap();
    let new = new_flow();
    let before = count("audit").await;
    proxy.lose_answers();
    let request = RequestMeta::default();
    store.insert_flow(org, new.clone(), request).await.unwrap();
    lost("a new flow");
    assert_eq!(count("audit").await, before + 1);

    proxy.lose_answers();
    let commit = place.commit(&new.flow, vec![audit(&place.user)]);
    // The first thing on a new connection prepares; what was lost may have been that.
    commit.await.unwrap();
    lost("a commit");
    assert_eq!(count("audit").await, before + 2);
    let key_of_flow = FlowKey::Id(new.flow.id.clone());
    let loaded = store.load_flow(org, &key_of_flow, None).await.unwrap();
    let next = loaded.unwrap().flow;
    assert_eq!(next.version, 1);
    // Once more on a connection that knows the statements.
    let other = place.flow().await.flow;
    place
        .commit(&other, vec![audit(&place.user)])
        .await
        .unwrap();
    let before = count("audit").await;
    proxy.lose_answers();
    place.commit(&next, vec![audit(&place.user)]).await.unwrap();
    lost("a commit on a warm connection");
    assert_eq!(count("audit").await, before + 1);
    // Somebody else's commit is not taken for one's own.
    let stale = place.commit(&next, vec![audit(&place.user)]).await;
    assert!(matches!(stale, Err(StoreError::Conflict)));

    let code = place.code().await;
    let warm = place.code().await;
    place.redeem(&warm).await.unwrap();
    let before = count("grants").await;
    proxy.lose_answers();
    place.redeem(&code).await.unwrap();
    lost("a redemption");
    assert_eq!(count("grants").await, before + 1);

    rotate(1).await.unwrap();
    proxy.lose_answers();
    rotate(2).await.unwrap();
    lost("a rotation");
    let found = store.find_grant(org, &grant.id, None).await.unwrap();
    assert_eq!(found.unwrap().grant.refresh_sequence, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_or_a_key_is_added_once_though_the_answer_was_lost() {
    let cluster = Cluster::shared().expect("a cluster");
    let database = cluster.fresh().await.expect("a database");
    let proxy = Proxy::before(cluster.directory());
    let url = database.url_at(proxy.directory());
    let place = Place::at(&format!("{url}&pool_size=1&sslmode=disable")).await;
    let (store, org) = (&place.store, &place.org);
    let client = database.connect().await.unwrap();
    let count = async |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        client.query_one(&sql, &[]).await.unwrap().get(0)
    };
    let lost = |what: &str| assert!(proxy.has_lost(), "nothing was lost: {what}");
    let key = |name: &str| SealedKey {
        kid: name.to_owned(),
        sealed: random_array::<32>(&mut SystemEntropy).to_vec(),
        created_at: START,
    };

    store.create_user(org, user()).await.unwrap();
    let before = count("users").await;
    proxy.lose_answers();
    store.create_user(org, user()).await.unwrap();
    lost("a new user");
    assert_eq!(count("users").await, before + 1);

    store.add_signing_key(org, key("one"), 0).await.unwrap();
    proxy.lose_answers();
    store.add_signing_key(org, key("two"), 1).await.unwrap();
    lost("a key");
    assert_eq!(count("signing_keys").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_ended_are_replaced_unnoticed() {
    let cluster = Cluster::shared().expect("a cluster");
    let database = cluster.fresh().await.expect("a database");
    let place = Place::at(database.url()).await;
    let client = database.connect().await.unwrap();
    for _round in 0..5 {
        let flow = place.flow().await.flow;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        client.query(end, &[]).await.unwrap();
        place.commit(&flow, vec![audit(&place.user)]).await.unwrap();
    }
}

/// T-R7: who swallows everything is given up within the time of a request, and back is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_costs_a_second_and_no_restart() {
    let cluster = Cluster::shared().expect("a cluster");
    let database = cluster.fresh().await.expect("a database");
    let proxy = Proxy::before(cluster.directory());
    let url = database.url_at(proxy.directory());
    let url = url.replace("timeout_ms=60000", "timeout_ms=950");
    let place = Place::at(&url).await;
    proxy.be_silent(true);
    for _attempt in 0..3 {
        let begun = SystemClock::new();
        let refused = place.store.now().await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        // A second, and what a busy machine adds.
        assert!(
            begun.monotonic() < Duration::from_secs(3),
            "{:?}",
            begun.monotonic()
        );
    }
    proxy.be_silent(false);
    let begun = SystemClock::new();
    while place.store.check().await.is_err() {
        assert!(
            begun.monotonic() < Duration::from_secs(5),
            "it does not come back"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_is_told_apart() {
    let cluster = Cluster::shared().expect("a cluster");
    let database = cluster.fresh().await.expect("a database");
    let place = Place::at(database.url()).await;
    let client = database.connect().await.unwrap();
    let name: String = client
        .query_one("SELECT current_database()::text", &[])
        .await
        .unwrap()
        .get(0);
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    client.batch_execute(&set).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.query(end, &[]).await.unwrap();
    let refused = place.store.check().await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let set = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    client
        .batch_execute("SET default_transaction_read_only = off")
        .await
        .unwrap();
    client.batch_execute(&set).await.unwrap();
    place.store.check().await.unwrap();
}
