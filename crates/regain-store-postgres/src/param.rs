//! What statements are called with: each value knows its type in the database, so that a
//! statement can be sent without asking for its description first.

use std::error::Error;

use regain_engine::LedgerKey;
use regain_types::{Timestamp, TokenHash};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

/// A value that is bound to a statement.
#[derive(Clone, Debug)]
pub(crate) enum Param {
    Bool(bool),
    Bytes(Option<Vec<u8>>),
    BytesList(Vec<Vec<u8>>),
    Int(Option<i64>),
    Ints(Vec<i64>),
    Text(Option<String>),
    TextList(Vec<Option<String>>),
    Flags(Vec<bool>),
}

impl Param {
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::BOOL,
            Self::Bytes(_) => Type::BYTEA,
            Self::BytesList(_) => Type::BYTEA_ARRAY,
            Self::Int(_) => Type::INT8,
            Self::Ints(_) => Type::INT8_ARRAY,
            Self::Text(_) => Type::TEXT,
            Self::TextList(_) => Type::TEXT_ARRAY,
            Self::Flags(_) => Type::BOOL_ARRAY,
        }
    }

    fn inner(&self) -> &dyn ToSql {
        match self {
            Self::Bool(value) => value,
            Self::Bytes(value) => value,
            Self::BytesList(value) => value,
            Self::Int(value) => value,
            Self::Ints(value) => value,
            Self::Text(value) => value,
            Self::TextList(value) => value,
            Self::Flags(value) => value,
        }
    }
}

impl ToSql for Param {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.inner().to_sql_checked(kind, out)
    }

    fn accepts(_kind: &Type) -> bool {
        // Each variant checks for itself when it is written.
        true
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(kind, out)
    }

    fn encode_format(&self, kind: &Type) -> Format {
        self.inner().encode_format(kind)
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $param:expr;)+) => {$(
        impl From<$source> for Param {
            fn from($value: $source) -> Self {
                $param
            }
        }
    )+};
}

from! {
    bool => |value| Self::Bool(value);
    &str => |value| Self::Text(Some(value.to_owned()));
    String => |value| Self::Text(Some(value));
    Option<&str> => |value| Self::Text(value.map(str::to_owned));
    Option<String> => |value| Self::Text(value);
    i64 => |value| Self::Int(Some(value));
    u32 => |value| Self::Int(Some(i64::from(value)));
    Timestamp => |value| Self::Int(Some(value.as_millis()));
    Option<Timestamp> => |value| Self::Int(value.map(Timestamp::as_millis));
    &TokenHash => |value| Self::Bytes(Some(value.as_bytes().to_vec()));
    Option<&TokenHash> => |value| Self::Bytes(value.map(|hash| hash.as_bytes().to_vec()));
    &LedgerKey => |value| Self::Bytes(Some(value.as_bytes().to_vec()));
    Option<&LedgerKey> => |value| Self::Bytes(value.map(|key| key.as_bytes().to_vec()));
    Vec<u8> => |value| Self::Bytes(Some(value));
    Vec<Vec<u8>> => |value| Self::BytesList(value);
    Vec<bool> => |value| Self::Flags(value);
    Vec<i64> => |value| Self::Ints(value);
    Vec<Option<String>> => |value| Self::TextList(value);
    Vec<String> => |value| Self::TextList(value.into_iter().map(Some).collect());
}

/// A statement with its values.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Param>,
}

impl Call {
    pub(crate) const fn new(sql: &'static str, params: Vec<Param>) -> Self {
        Self { sql, params }
    }
}

/// A list of values of different types.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::param::Param::from($value)),*] };
}
pub(crate) use values;
