//! OAuth clients. A registration is read and written as a whole, so it is one JSON column.

use regain_oauth::Client;
use regain_types::{ClientId, OrgId};
use rusqlite::{Connection, params};

use crate::error::Fault;
use crate::row::{Cells, to_json};
use crate::writer::Scope;

pub(crate) fn find(
    connection: &Connection,
    org: &OrgId,
    id: &ClientId,
) -> Result<Option<Client>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id, registration FROM clients WHERE org_id = ?1 AND id = ?2")?;
    let mut rows = statement.query([org.as_str(), id.as_str()])?;
    rows.next()?.map(read).transpose()
}

pub(crate) fn list(connection: &Connection, org: &OrgId) -> Result<Vec<Client>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id, registration FROM clients WHERE org_id = ?1 ORDER BY id")?;
    let mut rows = statement.query([org.as_str()])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

pub(crate) fn save(scope: &Scope<'_>, org: &OrgId, client: &Client) -> Result<(), Fault> {
    scope
        .connection
        .prepare_cached(
            "INSERT INTO clients (org_id, id, created_at, registration) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (org_id, id) DO UPDATE SET registration = excluded.registration",
        )?
        .execute(params![
            org.as_str(),
            client.id.as_str(),
            scope.moment.now.as_millis(),
            to_json(client)?,
        ])?;
    Ok(())
}

fn read(row: &rusqlite::Row<'_>) -> Result<Client, Fault> {
    let id: String = row.get(0)?;
    let mut cells = Cells::new(row, "clients", id.as_str(), 1);
    let client: Client = cells.json("registration")?;
    if client.id.as_str() == id {
        Ok(client)
    } else {
        Err(cells.corrupt("registration"))
    }
}
