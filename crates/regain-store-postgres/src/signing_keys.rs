//! Signing keys, sealed before they get here.

use regain_store::SealedKey;
use regain_types::OrgId;

use crate::attempts::{Repeat, Work};
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::{Cells, limit};

pub(crate) async fn list(core: &Core, org: &OrgId) -> Result<Vec<SealedKey>, Fault> {
    let sql = "SELECT kid, sealed, created_at FROM signing_keys WHERE org_id = $1
               ORDER BY created_at DESC, kid";
    let rows = core
        .database
        .query(Call::new(sql, values![org.as_str()]))
        .await?;
    rows.iter()
        .map(|row| {
            let kid: String = Cells::new(row, "signing_keys", "", 0).plain("kid")?;
            let mut cells = Cells::new(row, "signing_keys", kid.as_str(), 1);
            Ok(SealedKey {
                sealed: cells.plain("sealed")?,
                created_at: cells.time("created_at")?,
                kid,
            })
        })
        .collect()
}

pub(crate) async fn add(
    core: &Core,
    org: &OrgId,
    key: &SealedKey,
    expected: usize,
) -> Result<(), Fault> {
    // Rows that are not there yet cannot be held: whoever adds a key to this org takes turns.
    let turn = Call::new(
        "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended($1 || ' signing keys', 0))",
        values![org.as_str()],
    );
    let insert = Call::new(
        "WITH added AS (
             INSERT INTO signing_keys (org_id, kid, created_at, sealed)
             SELECT $1, $2, $3, $4
             WHERE (SELECT count(*) FROM signing_keys WHERE org_id = $1) = $5
             RETURNING 1)
         SELECT (count(*) = 1)::must_hold FROM added",
        values![
            org.as_str(),
            key.kid.as_str(),
            key.created_at,
            key.sealed.clone(),
            limit(expected),
        ],
    );
    let work = Work::Together(vec![turn, insert]);
    match core.database.run(&work, Repeat::Safe).await {
        Err(fault) if fault.may_be_our_own() => {
            // The ciphertext has a random nonce: whoever has stored it was our own attempt.
            let keys = list(core, org).await?;
            if keys.contains(key) {
                Ok(())
            } else {
                Err(fault)
            }
        }
        other => other.map(drop),
    }
}
