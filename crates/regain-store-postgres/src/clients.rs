//! OAuth clients. A registration is read and written as a whole, so it is one JSON column.

use regain_oauth::Client;
use regain_types::{ClientId, OrgId};
use tokio_postgres::Row;

use crate::clock::moment;
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::{Cells, to_json};

pub(crate) async fn find(core: &Core, org: &OrgId, id: &ClientId) -> Result<Option<Client>, Fault> {
    let sql = "SELECT id, registration FROM clients WHERE org_id = $1 AND id = $2";
    let call = Call::new(sql, values![org.as_str(), id.as_str()]);
    let rows = core.database.query(call).await?;
    rows.first().map(read).transpose()
}

pub(crate) async fn list(core: &Core, org: &OrgId) -> Result<Vec<Client>, Fault> {
    let sql = "SELECT id, registration FROM clients WHERE org_id = $1 ORDER BY id";
    let rows = core
        .database
        .query(Call::new(sql, values![org.as_str()]))
        .await?;
    rows.iter().map(read).collect()
}

pub(crate) async fn save(core: &Core, org: &OrgId, client: &Client) -> Result<(), Fault> {
    let sql = concat!(
        moment!(),
        " INSERT INTO clients (org_id, id, created_at, registration)
          SELECT $1, $4, now, $5 FROM moment
          ON CONFLICT (org_id, id) DO UPDATE SET registration = excluded.registration"
    );
    let rest = values![client.id.as_str(), to_json(client)?];
    core.database
        .query(core.timed(sql, org.as_str(), rest))
        .await
        .map(drop)
}

fn read(row: &Row) -> Result<Client, Fault> {
    let id: String = Cells::new(row, "clients", "", 0).plain("id")?;
    let mut cells = Cells::new(row, "clients", id.as_str(), 1);
    let client: Client = cells.json("registration")?;
    if client.id.as_str() == id {
        Ok(client)
    } else {
        Err(cells.corrupt("registration"))
    }
}
