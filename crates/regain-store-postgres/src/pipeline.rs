//! Sending statements: one alone, or several as one transaction, in one round trip either way.
//!
//! A transaction is sent whole, `BEGIN` to `COMMIT`, before the first answer is awaited. What it
//! rests on is asserted by the database: a statement whose condition does not hold casts `false`
//! to the domain `must_hold` and so fails; the database then refuses all that follows, and ends
//! the transaction at `COMMIT` by undoing it. So nobody waits for an answer to decide about the
//! end, and no lock is held over a round trip.

use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, join_all, maybe_done};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

use crate::connecting::Link;
use crate::error::{Refusal, told};
use crate::param::Call;

/// Why statements did not do what they should.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A condition did not hold, or a row is there already. Nothing was written.
    Refused(Refusal),
    /// Nothing was written, and the same may succeed at once; over another connection if this one
    /// is `spent`.
    Undone { reason: String, spent: bool },
    /// The connection is gone, and nobody knows whether it happened.
    Lost(String),
    /// Nothing was written, and the same would fail again.
    Failed(String),
    /// Nothing was written: the server has no space for it.
    Full(String),
}

/// Where an error came up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a statement that is its own transaction.
    Alone,
    /// In a statement of a transaction that ends with it.
    Within,
    /// In the commit.
    Commit,
    /// Before anything could have happened.
    Before,
}

type Answer<'a> = MaybeDone<Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'a>>>;

/// Runs one statement, which is a transaction by itself.
pub(crate) async fn alone(
    link: &mut Link,
    call: &Call,
    prepared: bool,
) -> Result<Vec<Row>, Trouble> {
    let statements = prepare(link, std::slice::from_ref(call), prepared).await?;
    let statement = statements.first().and_then(Option::as_ref);
    send(&link.client, call, statement)
        .await
        .map_err(|error| judge(&error, Place::Alone))
}

/// Runs statements as one transaction: all of them, or none.
pub(crate) async fn together(
    link: &mut Link,
    calls: &[Call],
    prepared: bool,
) -> Result<Vec<Vec<Row>>, Trouble> {
    let statements = prepare(link, calls, prepared).await?;
    let client = &link.client;
    let mut answers: Vec<Answer<'_>> = Vec::with_capacity(calls.len() + 1);
    for step in std::iter::once(None).chain(calls.iter().zip(&statements).map(Some)) {
        let mut answer = match step {
            None => command(client, "BEGIN"),
            Some((call, statement)) => {
                maybe_done(Box::pin(send(client, call, statement.as_ref())) as Pin<Box<_>>)
            }
        };
        // The first poll sends. Whoever cannot be sent fails at once; then the end is not sent
        // either, and the database undoes what came before.
        if let Some(error) = start(&mut answer).await {
            drop(start(&mut command(client, "ROLLBACK")).await);
            return Err(judge(&error, Place::Before));
        }
        answers.push(answer);
    }
    let mut end = command(client, "COMMIT");
    let refused = start(&mut end).await;
    let mut out = Vec::with_capacity(calls.len());
    for (index, answer) in answers.into_iter().enumerate() {
        let rows = finish(answer)
            .await
            .map_err(|error| judge(&error, Place::Within))?;
        if index > 0 {
            out.push(rows);
        }
    }
    match refused {
        Some(error) => Err(judge(&error, Place::Before)),
        None => finish(end)
            .await
            .map(|_| out)
            .map_err(|error| judge(&error, Place::Commit)),
    }
}

fn command<'a>(client: &'a Client, text: &'static str) -> Answer<'a> {
    maybe_done(Box::pin(async move {
        client.batch_execute(text).await?;
        Ok(Vec::new())
    }) as Pin<Box<_>>)
}

/// Polls once, which sends; answers why it could not be sent. What the database says about it may
/// be there already as well: that is an answer like any other, and waits for its turn.
async fn start(answer: &mut Answer<'_>) -> Option<Error> {
    std::future::poll_fn(|context| {
        // Ready or not: what it is then, is seen below.
        Poll::Ready(Pin::new(&mut *answer).poll(context).is_ready())
    })
    .await;
    match answer {
        MaybeDone::Done(Err(error)) if error.as_db_error().is_none() => {
            Pin::new(answer).take_output()?.err()
        }
        MaybeDone::Done(_) | MaybeDone::Future(_) | MaybeDone::Gone => None,
    }
}

async fn finish(mut answer: Answer<'_>) -> Result<Vec<Row>, Error> {
    (&mut answer).await;
    Pin::new(&mut answer)
        .take_output()
        .unwrap_or(Ok(Vec::new()))
}

/// The statements of `calls` as this connection knows them, those that it does not know yet
/// prepared together; none of them behind a pooler that keeps no statements.
async fn prepare(
    link: &mut Link,
    calls: &[Call],
    prepared: bool,
) -> Result<Vec<Option<Statement>>, Trouble> {
    if !prepared {
        return Ok(vec![None; calls.len()]);
    }
    let new: Vec<&Call> = calls
        .iter()
        .filter(|call| !link.statements.contains_key(call.sql))
        .collect();
    if !new.is_empty() {
        let client = &link.client;
        let made = join_all(new.iter().map(|call| async move {
            let kinds: Vec<Type> = call.params.iter().map(crate::param::Param::kind).collect();
            client.prepare_typed(call.sql, &kinds).await
        }))
        .await;
        for (call, statement) in new.into_iter().zip(made) {
            let statement = statement.map_err(|error| judge(&error, Place::Before))?;
            link.statements.insert(call.sql, statement);
        }
    }
    Ok(calls
        .iter()
        .map(|call| link.statements.get(call.sql).cloned())
        .collect())
}

async fn send(
    client: &Client,
    call: &Call,
    statement: Option<&Statement>,
) -> Result<Vec<Row>, Error> {
    let params = call.params.iter();
    if let Some(statement) = statement {
        let params: Vec<&(dyn ToSql + Sync)> =
            params.map(|param| param as &(dyn ToSql + Sync)).collect();
        client.query(statement, &params).await
    } else {
        let params: Vec<(&(dyn ToSql + Sync), Type)> = params
            .map(|param| (param as &(dyn ToSql + Sync), param.kind()))
            .collect();
        client.query_typed(call.sql, &params).await
    }
}

fn judge(error: &Error, place: Place) -> Trouble {
    let reason = told(error);
    let Some(said) = error.as_db_error() else {
        return match place {
            Place::Before => Trouble::Undone {
                reason,
                spent: true,
            },
            // A value that does not fit its type never gets here: it fails before it is sent.
            Place::Alone | Place::Within | Place::Commit => Trouble::Lost(reason),
        };
    };
    let code = said.code();
    if *code == SqlState::CHECK_VIOLATION && said.datatype() == Some("must_hold") {
        return Trouble::Refused(Refusal::Conflict);
    }
    if *code == SqlState::UNIQUE_VIOLATION {
        return Trouble::Refused(match said.constraint().and_then(taken) {
            Some(what) => Refusal::Exists(what),
            None => Refusal::Conflict,
        });
    }
    if [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
    ]
    .contains(code)
    {
        return Trouble::Undone {
            reason,
            spent: false,
        };
    }
    if place == Place::Commit {
        return Trouble::Lost(reason);
    }
    if *code == SqlState::DISK_FULL {
        return Trouble::Full(reason);
    }
    // A server that goes away, one that may not write any more (it was a primary), and one that
    // does not know our statements: another connection may do better.
    let spent = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::DUPLICATE_PSTATEMENT,
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    let ends = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];
    if place == Place::Alone && ends.contains(code) {
        return Trouble::Lost(reason);
    }
    if spent.contains(code) {
        return Trouble::Undone {
            reason,
            spent: true,
        };
    }
    Trouble::Failed(reason)
}

/// What there is already when the index of this name refuses a row.
fn taken(index: &str) -> Option<&'static str> {
    match index {
        "users_id" => Some("the user id"),
        "users_login" => Some("the login"),
        "users_email" => Some("the address"),
        "grants_id" => Some("the grant"),
        "interaction_codes_hash" => Some("the interaction code"),
        "signing_keys_kid" => Some("the key"),
        _ => None,
    }
}
