//! The budget: one round trip to load, one to commit, whatever happens in it (design §3).

use regain_store::{FlowKey, RequestMeta, Store as _};
use regain_store_postgres::testing::Cluster;

use crate::proxy::Proxy;
use crate::work::{Place, START, new_flow};

async fn costs(parameters: &str) {
    let cluster = Cluster::shared().expect("a cluster");
    let database = cluster.fresh().await.expect("a database");
    let proxy = Proxy::before(cluster.directory());
    let url = database.url_at(proxy.directory());
    let place = Place::at(&format!("{url}&pool_size=1&sslmode=disable{parameters}")).await;
    for counted in [false, true] {
        // The first time statements are prepared; from then on a connection knows them.
        if counted {
            proxy.count();
        }
        let trips = |what: &str| {
            let trips = proxy.trips();
            assert_eq!(trips, u32::from(counted), "{what}");
        };
        let (store, org) = (&place.store, &place.org);
        let new = new_flow();
        let request = RequestMeta::default();
        store.insert_flow(org, new.clone(), request).await.unwrap();
        trips("to begin a flow");
        let key = FlowKey::StateHandle(new.state_handle);
        let loaded = store.load_flow(org, &key, None).await.unwrap();
        trips("to load a flow");
        let flow = loaded.expect("the flow").flow;
        place.commit(&flow, place.everything()).await.unwrap();
        trips("to commit a step");
        let stale = place.commit(&flow, place.everything()).await;
        assert!(stale.is_err());
        trips("to refuse a step");
        proxy.trips();
        let code = place.code().await;
        proxy.trips();
        store.find_interaction_code(org, &code.hash).await.unwrap();
        trips("to find a code");
        let grant = place.redeem(&code).await.unwrap();
        trips("to redeem a code");
        store.find_grant(org, &grant.id, None).await.unwrap();
        trips("to find a grant");
        let idle = START.plus_seconds(60);
        store
            .rotate_refresh_token(org, &grant.id, 0, START, idle)
            .await
            .unwrap();
        trips("to rotate a refresh token");
        store.lease_outbox(org, 10, 30, false).await.unwrap();
        trips("to lease mails");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_and_committing_are_one_round_trip_each() {
    costs("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_and_committing_are_one_round_trip_each_without_prepared_statements() {
    costs("&prepare=off").await;
}
