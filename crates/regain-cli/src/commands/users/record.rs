//! One user as files of an import and an export have it.

use jiff::Timestamp as Instant;
use regain_engine::{StoredPassword, UserFacts, UserStatus};
use regain_server::{HashKind, StoredHash};
use regain_store::UserRow;
use regain_types::{Pepper, PepperKey, SystemEntropy, Timestamp, UserId};
use serde::{Deserialize, Deserializer, Serialize};

use super::{canonical, canonical_address, name};

/// What a file that holds passwords as text is told.
pub(super) const NO_PLAIN_TEXT: &str = "passwords as plain text are not taken, because a file with them can be lost: \
     leave them out (people set a new one with \"Forgot password?\"), or give their hashes as password_hash";
/// Names of columns and members that would hold passwords as text.
pub(super) const PLAIN_TEXT: [&str; 3] = ["password", "passwd", "plain_password"];
/// Every column, in the order of an export.
pub(super) const COLUMNS: [&str; 14] = [
    "id",
    "login",
    "email",
    "first_name",
    "last_name",
    "locale",
    "time_zone",
    "status",
    "created_at",
    "updated_at",
    "password_hash",
    "password_nfc",
    "password_set_at",
    "password_pepper",
];
/// The columns of an export with hashes alone begin here.
pub(super) const PASSWORD_COLUMNS_FROM: usize = 10;
const LOCALE_BYTES_MAX: usize = 35;
const TIME_ZONE_BYTES_MAX: usize = 64;

/// A user as it is written. All is text, as CSV has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::option_option,
    reason = "`null` says something else than nothing"
)]
pub(super) struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) login: Option<String>,
    /// Not there: the login, if that is an address. There and empty: none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub(super) email: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_nfc: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_set_at: Option<String>,
    /// Which pepper the hash was made with: `1:` and the check value of its key. The version alone
    /// says nothing in another deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_pepper: Option<String>,
}

/// Tells `null` from nothing.
#[expect(clippy::option_option, reason = "the form of the field")]
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

impl Record {
    /// The user as an export writes it; with the hash when the pepper is given that hashes may have.
    pub(super) fn of(row: &UserRow, hashes: Option<&Pepper>) -> Self {
        let facts = &row.facts;
        let password = facts.password.as_ref().filter(|_| hashes.is_some());
        let hash = password.and_then(|password| StoredHash::parse(&password.phc).ok());
        let key = hash.and_then(|hash| hashes?.find(hash.pepper()?));
        Self {
            id: Some(facts.id.to_string()),
            login: Some(facts.login.clone()),
            email: Some(facts.email.clone()),
            first_name: Some(facts.first_name.clone()),
            last_name: Some(facts.last_name.clone()),
            locale: Some(facts.locale.clone()),
            time_zone: Some(facts.time_zone.clone()),
            status: Some(facts.status.as_str().to_owned()),
            created_at: Some(row.created_at.to_string()),
            updated_at: Some(row.updated_at.to_string()),
            password_hash: password.map(|password| password.phc.clone()),
            password_nfc: password.map(|password| password.nfc),
            password_set_at: password.map(|password| password.set_at.to_string()),
            password_pepper: key.map(pepper_mark),
        }
    }

    /// Sets a column; an empty cell says nothing, except of the address: that there is none.
    ///
    /// # Errors
    /// A sentence about the value.
    pub(super) fn set(&mut self, column: &str, cell: &str) -> Result<(), String> {
        let text = (!cell.is_empty()).then(|| cell.to_owned());
        let place = match column {
            "id" => &mut self.id,
            "login" => &mut self.login,
            "email" => {
                self.email = Some(text);
                return Ok(());
            }
            "first_name" => &mut self.first_name,
            "last_name" => &mut self.last_name,
            "locale" => &mut self.locale,
            "time_zone" => &mut self.time_zone,
            "status" => &mut self.status,
            "created_at" => &mut self.created_at,
            "updated_at" => &mut self.updated_at,
            "password_hash" => &mut self.password_hash,
            "password_set_at" => &mut self.password_set_at,
            "password_pepper" => &mut self.password_pepper,
            "password_nfc" => {
                self.password_nfc = match cell {
                    "" => None,
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => return Err(format!("password_nfc must be true or false, not {cell:?}")),
                };
                return Ok(());
            }
            other => return Err(format!("there is no column {other:?}")),
        };
        *place = text;
        Ok(())
    }

    /// A column's cell.
    pub(super) fn cell(&self, column: &str) -> &str {
        let cell = match column {
            "id" => &self.id,
            "login" => &self.login,
            "email" => return self.email.as_ref().and_then(Option::as_deref).unwrap_or(""),
            "first_name" => &self.first_name,
            "last_name" => &self.last_name,
            "locale" => &self.locale,
            "time_zone" => &self.time_zone,
            "status" => &self.status,
            "created_at" => &self.created_at,
            "updated_at" => &self.updated_at,
            "password_hash" => &self.password_hash,
            "password_set_at" => &self.password_set_at,
            "password_pepper" => &self.password_pepper,
            "password_nfc" => {
                return self
                    .password_nfc
                    .map_or("", |nfc| if nfc { "true" } else { "false" });
            }
            _ => return "",
        };
        cell.as_deref().unwrap_or("")
    }

    /// The user, checked. What is not given is as `users create` has it; times are `now`. A hash may
    /// have no other pepper than those whose marks are among `peppers`.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right. It never quotes a password.
    pub(super) fn check(
        self,
        (now, peppers): (Timestamp, &[String]),
    ) -> Result<(UserRow, Option<HashKind>), String> {
        let email = self
            .email
            .as_ref()
            .map(|address| {
                address
                    .as_deref()
                    .map(|typed| canonical_address("email", typed))
                    .transpose()
            })
            .transpose()?;
        let login = match (&self.login, &email) {
            (Some(typed), _) => canonical("login", typed)?,
            (None, Some(Some(address))) => address.clone(),
            (None, _) => return Err("login is missing: give a login or an email".to_owned()),
        };
        let email = email.unwrap_or_else(|| login.contains('@').then(|| login.clone()));
        let (password, kind) = self.password(now, peppers)?;
        let created_at = time("created_at", self.created_at.as_deref())?.unwrap_or(now);
        let facts = UserFacts {
            id: id(self.id.as_deref())?,
            login,
            email,
            first_name: name("first_name", self.first_name.as_deref().unwrap_or_default())?,
            last_name: name("last_name", self.last_name.as_deref().unwrap_or_default())?,
            locale: locale(self.locale.as_deref())?,
            time_zone: time_zone(self.time_zone.as_deref())?,
            status: status(self.status.as_deref())?,
            password,
            history: Vec::new(),
            enrollments: regain_engine::Enrollments::default(),
        };
        let updated_at = time("updated_at", self.updated_at.as_deref())?.unwrap_or(created_at);
        let row = UserRow {
            facts,
            created_at,
            updated_at,
        };
        Ok((row, kind))
    }

    fn password(
        &self,
        now: Timestamp,
        peppers: &[String],
    ) -> Result<(Option<StoredPassword>, Option<HashKind>), String> {
        let Some(text) = &self.password_hash else {
            return Ok((None, None));
        };
        let hash = StoredHash::parse(text).map_err(|refused| format!("password_hash {refused}"))?;
        if let Some(version) = hash.pepper() {
            let mark = self.password_pepper.as_ref();
            let is_ours = mark.is_some_and(|mark| {
                mark.starts_with(&format!("{version}:")) && peppers.contains(mark)
            });
            if !is_ours {
                return Err(
                    "password_hash was made with a key (keyid) that is not in use here: leave it out, people can recover their passwords by mail".to_owned(),
                );
            }
        }
        let set_at = time("password_set_at", self.password_set_at.as_deref())?.unwrap_or(now);
        let password = StoredPassword {
            phc: hash.to_text(),
            nfc: self.password_nfc.unwrap_or(false),
            set_at,
        };
        Ok((Some(password), Some(hash.kind())))
    }
}

/// Names a pepper and tells its key from all others.
pub(super) fn pepper_mark(key: &PepperKey) -> String {
    format!("{}:{}", key.version(), key.check())
}

fn id(given: Option<&str>) -> Result<UserId, String> {
    match given {
        None => Ok(UserId::random(&mut SystemEntropy)),
        Some(text) => UserId::parse(text).map_err(|error| format!("id {text:?} is {error}")),
    }
}

fn status(given: Option<&str>) -> Result<UserStatus, String> {
    let Some(word) = given else {
        return Ok(UserStatus::Active);
    };
    UserStatus::parse(&word.to_ascii_uppercase()).ok_or_else(|| {
        format!("status {word:?} must be ACTIVE, DEPROVISIONED, LOCKED_OUT, STAGED or SUSPENDED")
    })
}

/// `en_US`; a hyphen is taken for the underscore.
fn locale(given: Option<&str>) -> Result<String, String> {
    let text = given.unwrap_or("en_US").replace('-', "_");
    let mut parts = text.split('_');
    let language = parts.next().unwrap_or_default();
    let good = text.len() <= LOCALE_BYTES_MAX
        && (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if good {
        Ok(text)
    } else {
        Err(format!("locale {text:?} must be like en_US"))
    }
}

fn time_zone(given: Option<&str>) -> Result<String, String> {
    let text = given.unwrap_or("UTC");
    let good = (1..=TIME_ZONE_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("time_zone {text:?} must be like Europe/Berlin"))
    }
}

/// `2026-01-02T03:04:05.678Z`.
fn time(what: &str, given: Option<&str>) -> Result<Option<Timestamp>, String> {
    given
        .map(|text| {
            text.parse::<Instant>()
                .map(|instant| Timestamp::from_millis(instant.as_millisecond()))
                .map_err(|_| format!("{what} {text:?} must be like 2026-01-02T03:04:05Z"))
        })
        .transpose()
}
