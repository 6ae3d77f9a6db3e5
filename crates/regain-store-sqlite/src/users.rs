//! Users. Everything about a person is in one row, so that a look-up reads one row.

use regain_engine::{Enrollment, Enrollments, StoredPassword, UserFacts, UserStatus};
use regain_store::{Added, NewUser, StoreError, UserRecord, UserRow, imitate_reading_a_user};
use regain_types::{OrgId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::Fault;
use crate::flows::number;
use crate::row::{Cells, exactly_one, to_json};
use crate::writer::Scope;
use crate::{codes, grants};

/// The columns that [`read`] reads, of a table that the statement calls `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.login, u.email, u.first_name, u.last_name, u.locale, u.time_zone, u.status, \
         u.password_phc, u.password_nfc, u.password_set_at, u.password_history, u.enrollments, \
         u.enrollments_version, u.updated_at"
    };
}
pub(crate) use user_columns;
/// How many they are.
pub(crate) const USER_COLUMNS: usize = 15;

/// Reads the user that begins at column `first`; `None` when an outer join found nobody.
pub(crate) fn read(row: &Row<'_>, first: usize) -> Result<Option<UserRecord>, Fault> {
    let Some(id): Option<String> = row.get(first)? else {
        std::hint::black_box(imitate_reading_a_user());
        return Ok(None);
    };
    let mut cells = Cells::new(row, "users", id, first);
    let id = cells.id("id", UserId::parse)?;
    let login = cells.plain("login")?;
    let email = cells.plain("email")?;
    let first_name = cells.plain("first_name")?;
    let last_name = cells.plain("last_name")?;
    let locale = cells.plain("locale")?;
    let time_zone = cells.plain("time_zone")?;
    let status: String = cells.plain("status")?;
    let status = UserStatus::parse(&status).ok_or_else(|| cells.corrupt("status"))?;
    let phc: Option<String> = cells.plain("password_phc")?;
    let nfc = cells.plain("password_nfc")?;
    let set_at = cells.time("password_set_at")?;
    let history = cells.json("password_history")?;
    let list = cells.json("enrollments")?;
    let version: i64 = cells.plain("enrollments_version")?;
    let version = u64::try_from(version).map_err(|_| cells.corrupt("enrollments_version"))?;
    let updated_at = cells.time("updated_at")?;
    Ok(Some(UserRecord {
        facts: UserFacts {
            id,
            login,
            email,
            first_name,
            last_name,
            locale,
            time_zone,
            status,
            password: phc.map(|phc| StoredPassword { phc, nfc, set_at }),
            history,
            enrollments: Enrollments { version, list },
        },
        updated_at,
    }))
}

pub(crate) fn find_by_login(
    connection: &Connection,
    org: &OrgId,
    login: &str,
) -> Result<Option<UserRecord>, Fault> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.org_id = ?1 AND u.login = ?2"
    );
    find(connection, sql, [org.as_str(), login])
}

pub(crate) fn find_by_id(
    connection: &Connection,
    org: &OrgId,
    id: &UserId,
) -> Result<Option<UserRecord>, Fault> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.org_id = ?1 AND u.id = ?2"
    );
    find(connection, sql, [org.as_str(), id.as_str()])
}

fn find(
    connection: &Connection,
    sql: &'static str,
    key: [&str; 2],
) -> Result<Option<UserRecord>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(key)?;
    match rows.next()? {
        Some(row) => read(row, 0),
        None => Ok(None),
    }
}

pub(crate) fn count(connection: &Connection, org: &OrgId) -> Result<u64, Fault> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM users WHERE org_id = ?1")?
        .query_row([org.as_str()], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

pub(crate) fn create(scope: &Scope<'_>, org: &OrgId, user: &NewUser) -> Result<(), Fault> {
    let email = user.email.as_deref();
    if let Some(what) = taken(scope.connection, org, (&user.id, &user.login, email))? {
        return Err(StoreError::Exists(what).into());
    }
    let now = scope.moment.now;
    let user = user.clone();
    let row = UserRow {
        facts: UserFacts {
            id: user.id,
            login: user.login,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            locale: user.locale,
            time_zone: user.time_zone,
            status: user.status,
            password: user.password,
            history: Vec::new(),
            enrollments: Enrollments::default(),
        },
        created_at: now,
        updated_at: now,
    };
    insert(scope.connection, org, &row)
}

/// What of a new user somebody has already.
fn taken(
    connection: &Connection,
    org: &OrgId,
    (id, login, email): (&UserId, &str, Option<&str>),
) -> Result<Option<&'static str>, Fault> {
    for (what, sql, value) in [
        (
            "the user id",
            "SELECT 1 FROM users WHERE org_id = ?1 AND id = ?2",
            Some(id.as_str()),
        ),
        (
            "the login",
            "SELECT 1 FROM users WHERE org_id = ?1 AND login = ?2",
            Some(login),
        ),
        (
            "the address",
            "SELECT 1 FROM users WHERE org_id = ?1 AND email = ?2",
            email,
        ),
    ] {
        let Some(value) = value else { continue };
        let taken: Option<i64> = connection
            .prepare_cached(sql)?
            .query_row([org.as_str(), value], |row| row.get(0))
            .optional()?;
        if taken.is_some() {
            return Ok(Some(what));
        }
    }
    Ok(None)
}

fn insert(connection: &Connection, org: &OrgId, user: &UserRow) -> Result<(), Fault> {
    let facts = &user.facts;
    let password = facts.password.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO users (org_id, id, login, email, first_name, last_name, locale, time_zone,
                                status, password_phc, password_nfc, password_set_at,
                                password_history, enrollments, enrollments_version, created_at,
                                updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            org.as_str(),
            facts.id.as_str(),
            facts.login,
            facts.email,
            facts.first_name,
            facts.last_name,
            facts.locale,
            facts.time_zone,
            facts.status.as_str(),
            password.map(|password| password.phc.as_str()),
            password.is_some_and(|password| password.nfc),
            password.map_or(0, |password| password.set_at.as_millis()),
            to_json(&facts.history)?,
            to_json(&facts.enrollments.list)?,
            number(facts.enrollments.version)?,
            user.created_at.as_millis(),
            user.updated_at.as_millis(),
        ])?;
    Ok(())
}

/// Replaces the hash of a password that stays the same.
pub(crate) fn upgrade_password(
    connection: &Connection,
    org: &OrgId,
    id: &UserId,
    (from, to): (&StoredPassword, &StoredPassword),
) -> Result<(), Fault> {
    let changed = connection
        .prepare_cached(
            "UPDATE users SET password_phc = ?4, password_nfc = ?5
             WHERE org_id = ?1 AND id = ?2 AND password_phc = ?3",
        )?
        .execute(params![org.as_str(), id.as_str(), from.phc, to.phc, to.nfc])?;
    exactly_one(changed)
}

/// Adds those users of whom neither id nor login nor address is taken.
pub(crate) fn add(scope: &Scope<'_>, org: &OrgId, users: &[UserRow]) -> Result<Vec<Added>, Fault> {
    let mut out = Vec::with_capacity(users.len());
    for user in users {
        let facts = &user.facts;
        let email = facts.email.as_deref();
        let taken = taken(scope.connection, org, (&facts.id, &facts.login, email))?;
        out.push(taken.map_or(Added::Created, Added::Taken));
        if taken.is_none() {
            insert(scope.connection, org, user)?;
        }
    }
    Ok(out)
}

/// Users in the order of their ids.
pub(crate) fn page(
    connection: &Connection,
    org: &OrgId,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Vec<UserRow>, Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        user_columns!(),
        ", u.created_at FROM users u WHERE u.org_id = ?1 AND u.id > ?2 ORDER BY u.id LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let after = after.map_or("", UserId::as_str);
    let mut rows = statement.query(params![org.as_str(), after, limit])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let created_at = Timestamp::from_millis(row.get(USER_COLUMNS)?);
        out.extend(read(row, 0)?.map(|user| UserRow {
            facts: user.facts,
            created_at,
            updated_at: user.updated_at,
        }));
    }
    Ok(out)
}

/// Changes the status. Whoever may not sign in any more loses what was granted, in the same
/// transaction.
pub(crate) fn set_status(
    scope: &Scope<'_>,
    org: &OrgId,
    id: &UserId,
    status: UserStatus,
) -> Result<(), Fault> {
    let now = scope.moment.now;
    let changed = scope
        .connection
        .prepare_cached(
            "UPDATE users SET status = ?3, updated_at = ?4 WHERE org_id = ?1 AND id = ?2",
        )?
        .execute(params![
            org.as_str(),
            id.as_str(),
            status.as_str(),
            now.as_millis()
        ])?;
    exactly_one(changed)?;
    if !status.may_sign_in() {
        grants::revoke_all(scope.connection, org, id, (now, "user_status"))?;
        codes::discard_unused(scope.connection, org, id, &[])?;
    }
    Ok(())
}

/// Refuses unless this is the user's password.
pub(crate) fn require_password(
    connection: &Connection,
    org: &OrgId,
    id: &UserId,
    password: &StoredPassword,
) -> Result<(), Fault> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT 1 FROM users WHERE org_id = ?1 AND id = ?2 AND password_phc = ?3")?
        .query_row([org.as_str(), id.as_str(), password.phc.as_str()], |row| {
            row.get(0)
        })
        .optional()?;
    found.map(drop).ok_or(Fault::CONFLICT)
}

/// Sets a password and moves the present one into the history.
pub(crate) fn set_password(
    connection: &Connection,
    org: &OrgId,
    id: &UserId,
    (phc, keep_history, at): (&str, u32, Timestamp),
) -> Result<(), Fault> {
    let user = find_by_id(connection, org, id)?.ok_or(Fault::CONFLICT)?;
    let history: Vec<StoredPassword> = user
        .facts
        .password
        .into_iter()
        .chain(user.facts.history)
        .take(usize::try_from(keep_history).unwrap_or(usize::MAX))
        .collect();
    let changed = connection
        .prepare_cached(
            "UPDATE users SET password_phc = ?3, password_nfc = 1, password_set_at = ?4,
                              password_history = ?5
             WHERE org_id = ?1 AND id = ?2",
        )?
        .execute(params![
            org.as_str(),
            id.as_str(),
            phc,
            at.as_millis(),
            to_json(&history)?,
        ])?;
    exactly_one(changed)
}

/// Writes what a user can prove with, unless somebody else has meanwhile.
pub(crate) fn save_enrollments(
    connection: &Connection,
    org: &OrgId,
    id: &UserId,
    (version, list): (u64, &[Enrollment]),
) -> Result<(), Fault> {
    let changed = connection
        .prepare_cached(
            "UPDATE users SET enrollments = ?4, enrollments_version = ?3 + 1
             WHERE org_id = ?1 AND id = ?2 AND enrollments_version = ?3",
        )?
        .execute(params![
            org.as_str(),
            id.as_str(),
            number(version)?,
            to_json(&list)?,
        ])?;
    exactly_one(changed)
}

/// Lifts a lock, if there is one.
pub(crate) fn unlock(
    connection: &Connection,
    org: &OrgId,
    id: &UserId,
    now: Timestamp,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE users SET status = ?3, updated_at = ?4
             WHERE org_id = ?1 AND id = ?2 AND status = ?5",
        )?
        .execute(params![
            org.as_str(),
            id.as_str(),
            UserStatus::Active.as_str(),
            now.as_millis(),
            UserStatus::LockedOut.as_str(),
        ])?;
    Ok(())
}
