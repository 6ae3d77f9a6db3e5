//! What a backup holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regain_engine::{Enrollment, Enrollments, StoredPassword, UserFacts, UserStatus};
use regain_oauth::Client;
use regain_store::{AuditRow, RequestMeta, SealedKey, UserRow};
use regain_types::{FlowId, Timestamp, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One thing of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// A row of the audit log.
    Audit(Audit),
    /// An app.
    Client(Client),
    /// A named setting.
    Setting {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A signing key, sealed under the master key.
    SigningKey(Key),
    /// A user, with earlier passwords.
    User(User),
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    id: UserId,
    login: String,
    email: Option<String>,
    first_name: String,
    last_name: String,
    locale: String,
    time_zone: String,
    status: UserStatus,
    password: Option<StoredPassword>,
    history: Vec<StoredPassword>,
    /// Backups from before there were any have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    enrollments: Vec<Enrollment>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let facts = row.facts;
        Self {
            id: facts.id,
            login: facts.login,
            email: facts.email,
            first_name: facts.first_name,
            last_name: facts.last_name,
            locale: facts.locale,
            time_zone: facts.time_zone,
            status: facts.status,
            password: facts.password,
            history: facts.history,
            enrollments: facts.enrollments.list,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        Self {
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
                history: user.history,
                enrollments: Enrollments {
                    version: 0,
                    list: user.enrollments,
                },
            },
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    kid: String,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    sealed: Vec<u8>,
    created_at: Timestamp,
}

fn to_base64<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

impl From<SealedKey> for Key {
    fn from(key: SealedKey) -> Self {
        Self {
            kid: key.kid,
            sealed: key.sealed,
            created_at: key.created_at,
        }
    }
}

impl From<Key> for SealedKey {
    fn from(key: Key) -> Self {
        Self {
            kid: key.kid,
            sealed: key.sealed,
            created_at: key.created_at,
        }
    }
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    id: String,
    at: Timestamp,
    name: String,
    subject: String,
    flow: Option<FlowId>,
    outcome: String,
    reason: Option<String>,
    request: RequestMeta,
}

impl From<AuditRow> for Audit {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            name: row.name,
            subject: row.subject,
            flow: row.flow,
            outcome: row.outcome,
            reason: row.reason,
            request: row.request,
        }
    }
}

impl From<Audit> for AuditRow {
    fn from(row: Audit) -> Self {
        Self {
            id: row.id,
            at: row.at,
            name: row.name,
            subject: row.subject,
            flow: row.flow,
            outcome: row.outcome,
            reason: row.reason,
            request: row.request,
        }
    }
}
