//! Users. Everything about a person is in one row, so that a look-up reads one row.

use regain_engine::{Enrollment, Enrollments, StoredPassword, UserFacts, UserStatus};
use regain_store::{Added, NewUser, UserRecord, UserRow, imitate_reading_a_user};
use regain_types::{OrgId, Timestamp, UserId};
use tokio_postgres::Row;

use crate::attempts::{Patience, Repeat, Work};
use crate::clock::moment;
use crate::codes;
use crate::core::Core;
use crate::error::Fault;
use crate::flows::number;
use crate::param::{Call, values};
use crate::row::{Cells, exactly_one, limit, to_json};

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
pub(crate) fn read(row: &Row, first: usize) -> Result<Option<UserRecord>, Fault> {
    let found: Option<String> = Cells::new(row, "users", "", first).plain("id")?;
    let Some(id) = found else {
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
    let status: &str = cells.plain("status")?;
    let status = UserStatus::parse(status).ok_or_else(|| cells.corrupt("status"))?;
    let phc: Option<String> = cells.plain("password_phc")?;
    let nfc = cells.plain("password_nfc")?;
    let set_at = cells.time("password_set_at")?;
    let history = cells.json("password_history")?;
    let list = cells.json("enrollments")?;
    let version = cells.count("enrollments_version")?;
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

pub(crate) async fn find_by_login(
    core: &Core,
    org: &OrgId,
    login: &str,
) -> Result<Option<UserRecord>, Fault> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.org_id = $1 AND u.login = $2"
    );
    find(core, Call::new(sql, values![org.as_str(), login])).await
}

pub(crate) async fn find_by_id(
    core: &Core,
    org: &OrgId,
    id: &UserId,
) -> Result<Option<UserRecord>, Fault> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.org_id = $1 AND u.id = $2"
    );
    find(core, Call::new(sql, values![org.as_str(), id.as_str()])).await
}

async fn find(core: &Core, call: Call) -> Result<Option<UserRecord>, Fault> {
    let rows = core.database.query(call).await?;
    rows.first().map_or(Ok(None), |row| read(row, 0))
}

pub(crate) async fn count(core: &Core, org: &OrgId) -> Result<u64, Fault> {
    let sql = "SELECT count(*) FROM users WHERE org_id = $1";
    let rows = core
        .database
        .query(Call::new(sql, values![org.as_str()]))
        .await?;
    rows.first()
        .map_or(Ok(0), |row| Cells::new(row, "users", "", 0).count("count"))
}

pub(crate) async fn create(core: &Core, org: &OrgId, user: &NewUser) -> Result<(), Fault> {
    let sql = concat!(
        moment!(),
        " INSERT INTO users (org_id, id, login, email, first_name, last_name, locale, time_zone,
                             status, password_phc, password_nfc, password_set_at, created_at,
                             updated_at)
          SELECT $1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now, now FROM moment"
    );
    let password = user.password.as_ref();
    let rest = values![
        user.id.as_str(),
        user.login.as_str(),
        user.email.as_deref(),
        user.first_name.as_str(),
        user.last_name.as_str(),
        user.locale.as_str(),
        user.time_zone.as_str(),
        user.status.as_str(),
        password.map(|password| password.phc.as_str()),
        password.is_some_and(|password| password.nfc),
        password.map_or(0, |password| password.set_at.as_millis()),
    ];
    match core
        .database
        .query(core.timed(sql, org.as_str(), rest))
        .await
    {
        Err(fault) if fault.may_be_our_own() => {
            let found = find_by_id(core, org, &user.id).await?;
            match found {
                Some(record) if record.facts.login == user.login => Ok(()),
                _ => Err(fault),
            }
        }
        other => other.map(drop),
    }
}

/// Takes the row of a user, alone or with others, before anything of the user is looked at.
pub(crate) fn hold(org: &OrgId, user: &str, alone: bool) -> Call {
    let sql = if alone {
        "SELECT 1 FROM users WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE"
    } else {
        "SELECT 1 FROM users WHERE org_id = $1 AND id = $2 FOR SHARE"
    };
    Call::new(sql, values![org.as_str(), user])
}

/// Replaces the hash of a password that stays the same.
pub(crate) async fn upgrade_password(
    core: &Core,
    org: &OrgId,
    id: &UserId,
    (from, to): (&StoredPassword, &StoredPassword),
) -> Result<(), Fault> {
    // It matches when it was done already as well: salts are random, so the new hash is this one.
    let sql = "UPDATE users SET password_phc = $4, password_nfc = $5
               WHERE org_id = $1 AND id = $2 AND password_phc = $3
               RETURNING 1";
    let params = |from: &str| values![org.as_str(), id.as_str(), from, to.phc.as_str(), to.nfc];
    let rows = core
        .database
        .query(Call::new(sql, params(&from.phc)))
        .await?;
    if rows.is_empty() {
        // Nobody else writes this hash: whoever did was an attempt whose answer was lost.
        let rows = core.database.query(Call::new(sql, params(&to.phc))).await?;
        return exactly_one(&rows);
    }
    Ok(())
}

/// Adds those users of whom neither id nor login nor address is taken.
pub(crate) async fn add(core: &Core, org: &OrgId, users: &[UserRow]) -> Result<Vec<Added>, Fault> {
    let calls = users
        .iter()
        .map(|user| insert_unless_taken(org, user))
        .collect::<Result<Vec<_>, _>>()?;
    let work = Work::Together(calls);
    let answers = core
        .database
        .run_for(&work, Repeat::Never, Patience::Long)
        .await?;
    answers
        .iter()
        .map(|rows| {
            let row = rows
                .first()
                .ok_or_else(|| Fault::unavailable("no answer about a user"))?;
            let taken: Option<&str> = Cells::new(row, "users", "", 0).plain("taken")?;
            Ok(match taken {
                None => Added::Created,
                Some("id") => Added::Taken("the user id"),
                Some("login") => Added::Taken("the login"),
                Some(_) => Added::Taken("the address"),
            })
        })
        .collect()
}

/// Adds a user, or says what of it somebody has.
fn insert_unless_taken(org: &OrgId, user: &UserRow) -> Result<Call, Fault> {
    let facts = &user.facts;
    let password = facts.password.as_ref();
    // Whoever adds the same at the same moment, unseen by the first part, is met by the last one.
    let sql = "WITH added AS (
                   INSERT INTO users (org_id, id, login, email, first_name, last_name, locale,
                                      time_zone, status, password_phc, password_nfc,
                                      password_set_at, password_history, enrollments,
                                      enrollments_version, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                           $17)
                   ON CONFLICT DO NOTHING
                   RETURNING 1)
               SELECT CASE
                   WHEN EXISTS (SELECT 1 FROM added) THEN NULL
                   WHEN EXISTS (SELECT 1 FROM users WHERE org_id = $1 AND id = $2) THEN 'id'
                   WHEN EXISTS (SELECT 1 FROM users WHERE org_id = $1 AND email = $4
                                AND login <> $3) THEN 'address'
                   ELSE 'login' END";
    Ok(Call::new(
        sql,
        values![
            org.as_str(),
            facts.id.as_str(),
            facts.login.as_str(),
            facts.email.as_deref(),
            facts.first_name.as_str(),
            facts.last_name.as_str(),
            facts.locale.as_str(),
            facts.time_zone.as_str(),
            facts.status.as_str(),
            password.map(|password| password.phc.as_str()),
            password.is_some_and(|password| password.nfc),
            password.map_or(0, |password| password.set_at.as_millis()),
            to_json(&facts.history)?,
            to_json(&facts.enrollments.list)?,
            number(facts.enrollments.version)?,
            user.created_at,
            user.updated_at,
        ],
    ))
}

/// Users in the order of their ids.
pub(crate) async fn page(
    core: &Core,
    org: &OrgId,
    after: Option<&UserId>,
    rows: usize,
) -> Result<Vec<UserRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        ", u.created_at FROM users u WHERE u.org_id = $1 AND u.id > $2 ORDER BY u.id LIMIT $3"
    );
    let after = after.map_or("", UserId::as_str);
    let work = Work::Alone(Call::new(sql, values![org.as_str(), after, limit(rows)]));
    let answer = core
        .database
        .run_for(&work, Repeat::Safe, Patience::Long)
        .await?;
    let mut out = Vec::new();
    for row in answer.iter().flatten() {
        let created_at = Cells::new(row, "users", "", USER_COLUMNS).time("created_at")?;
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
pub(crate) async fn set_status(
    core: &Core,
    org: &OrgId,
    id: &UserId,
    status: UserStatus,
) -> Result<(), Fault> {
    let change = core.timed(
        concat!(
            moment!(),
            ", changed AS (
                 UPDATE users SET status = $5, updated_at = now FROM moment
                 WHERE org_id = $1 AND id = $4
                 RETURNING 1)
             SELECT (count(*) = 1)::must_hold FROM changed"
        ),
        org.as_str(),
        values![id.as_str(), status.as_str()],
    );
    if status.may_sign_in() {
        return core.database.query(change).await.map(drop);
    }
    let revoke = core.timed(
        concat!(
            moment!(),
            " UPDATE grants SET revoked_at = now, revoke_reason = 'user_status' FROM moment
              WHERE org_id = $1 AND user_id = $4 AND revoked_at IS NULL"
        ),
        org.as_str(),
        values![id.as_str()],
    );
    let calls = vec![change, codes::discard_unused(org, id, &[]), revoke];
    let work = Work::Together(calls);
    core.database.run(&work, Repeat::Safe).await.map(drop)
}

/// Refuses unless this is the user's password.
pub(crate) fn require_password(org: &OrgId, id: &UserId, password: &StoredPassword) -> Call {
    Call::new(
        "SELECT EXISTS (SELECT 1 FROM users
                        WHERE org_id = $1 AND id = $2 AND password_phc = $3)::must_hold",
        values![org.as_str(), id.as_str(), password.phc.as_str()],
    )
}

/// Sets a password and moves the present one into the history.
pub(crate) fn set_password(
    org: &OrgId,
    id: &UserId,
    (phc, keep_history, at): (&str, u32, Timestamp),
) -> Call {
    Call::new(
        "WITH changed AS (
             UPDATE users SET password_phc = $3, password_nfc = true, password_set_at = $4,
                 password_history = (
                     SELECT coalesce(jsonb_agg(earlier.value ORDER BY earlier.place), '[]')::text
                     FROM jsonb_array_elements(
                         CASE WHEN password_phc IS NULL THEN '[]'::jsonb
                         ELSE jsonb_build_array(jsonb_build_object(
                             'phc', password_phc, 'nfc', password_nfc, 'set_at', password_set_at))
                         END || password_history::jsonb)
                         WITH ORDINALITY AS earlier(value, place)
                     WHERE earlier.place <= $5)
             WHERE org_id = $1 AND id = $2
             RETURNING 1)
         SELECT (count(*) = 1)::must_hold FROM changed",
        values![org.as_str(), id.as_str(), phc, at, keep_history],
    )
}

/// Writes what a user can prove with, unless somebody else has meanwhile.
pub(crate) fn save_enrollments(
    org: &OrgId,
    id: &UserId,
    (version, list): (u64, &[Enrollment]),
) -> Result<Call, Fault> {
    Ok(Call::new(
        "WITH changed AS (
             UPDATE users SET enrollments = $4, enrollments_version = $3 + 1
             WHERE org_id = $1 AND id = $2 AND enrollments_version = $3
             RETURNING 1)
         SELECT (count(*) = 1)::must_hold FROM changed",
        values![org.as_str(), id.as_str(), number(version)?, to_json(&list)?],
    ))
}

/// Lifts a lock, if there is one.
pub(crate) fn unlock(org: &OrgId, id: &UserId, now: Timestamp) -> Call {
    Call::new(
        "UPDATE users SET status = $3, updated_at = $4
         WHERE org_id = $1 AND id = $2 AND status = $5",
        values![
            org.as_str(),
            id.as_str(),
            UserStatus::Active.as_str(),
            now,
            UserStatus::LockedOut.as_str(),
        ],
    )
}
