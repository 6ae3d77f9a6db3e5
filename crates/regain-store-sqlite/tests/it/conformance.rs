//! Every case of the suite, each on a fresh database.

use regain_store::conformance::{Backend, cases, run_all};

use crate::backend::SqliteBackend;

#[tokio::test]
async fn sqlite_conforms() {
    assert!(cases().len() >= 50, "the suite has its cases");
    let failed = run_all(|| async { Box::new(SqliteBackend::fresh()) as Box<dyn Backend> }).await;
    let told: Vec<String> = failed
        .iter()
        .map(|(name, failure)| format!("{name}: {failure}"))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}
