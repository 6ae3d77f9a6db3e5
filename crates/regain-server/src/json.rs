//! JSON from strangers: small, shallow, without duplicate members (H-01, N-03).

use std::cell::Cell;
use std::fmt;

use axum::body::{Body, HttpBody as _};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Largest body of IDX and OAuth requests, in bytes (H-01).
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1_024;
const DEPTH_MAX: usize = 32;
const MEMBERS_MAX: usize = 1_000;

/// Whether a body says beforehand that it is too large: nobody has to wait for it then.
pub(crate) fn is_announced_too_large(body: &Body) -> bool {
    usize::try_from(body.size_hint().lower()).is_ok_and(|bytes| bytes > BODY_BYTES_MAX)
}

/// The body is not the JSON that the endpoint takes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct Malformed(String);

/// Reads a body into the type that the endpoint takes.
///
/// # Errors
/// [`Malformed`] when it is no JSON, too deep, has too many or duplicate members, or members of
/// the wrong type. The message names no value.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Malformed> {
    let members = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Strict {
        depth: 0,
        members: &members,
    }
    .deserialize(&mut deserializer)
    .map_err(|error| {
        Malformed(format!(
            "at line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    deserializer
        .end()
        .map_err(|_| Malformed("there is more after the JSON value".to_owned()))?;
    serde_json::from_value(value)
        .map_err(|_| Malformed("a member is missing or has the wrong type".to_owned()))
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    members: &'a Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom("too deep"));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > MEMBERS_MAX {
            return Err(E::custom("too many members"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(inner)? {
            self.count()?;
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            self.count()?;
            let value = access.next_value_seed(inner)?;
            if map.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_json_is_read() {
        let text = r#"{"a":[1,-2,3.5,"x",true,null],"b":{"c":{}}}"#;
        let strict: Value = decode(text.as_bytes()).unwrap();
        assert_eq!(strict, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn hostile_json_is_refused() {
        let deep = format!("{}1{}", "[".repeat(33), "]".repeat(33));
        let many = format!("[{}1]", "1,".repeat(1_000));
        for text in [
            "",
            "{",
            "{}x",
            r#"{"a":1,"a":2}"#,
            r#"{"b":{"a":1,"a":1}}"#,
            "1e400",
            "NaN",
            r#""\ud800""#,
            &deep,
            &many,
        ] {
            assert!(decode::<Value>(text.as_bytes()).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn the_bounds_themselves_are_allowed() {
        let deep = format!("{}1{}", "[".repeat(32), "]".repeat(32));
        assert!(decode::<Value>(deep.as_bytes()).is_ok());
        let many = format!("[{}1]", "1,".repeat(999));
        assert!(decode::<Value>(many.as_bytes()).is_ok());
    }
}
