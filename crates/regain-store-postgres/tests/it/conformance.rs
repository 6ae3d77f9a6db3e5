//! Every case of the suite, each on a fresh database.

use regain_store::conformance::{Backend, cases, run_all};

use crate::backend::PostgresBackend;

async fn conforms(parameters: &'static str) {
    assert!(cases().len() >= 50, "the suite has its cases");
    let failed =
        run_all(
            || async move { Box::new(PostgresBackend::with(parameters).await) as Box<dyn Backend> },
        )
        .await;
    let told: Vec<String> = failed
        .iter()
        .map(|(name, failure)| format!("{name}: {failure}"))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    conforms("").await;
}

/// What a pooler that keeps no statements leaves: everything works without them.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms_without_prepared_statements() {
    conforms("&prepare=off").await;
}

/// T-C6: whoever runs a database that isolates transactions fully loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms_when_transactions_are_serializable() {
    conforms("&options=-c%20default_transaction_isolation%3Dserializable").await;
}
