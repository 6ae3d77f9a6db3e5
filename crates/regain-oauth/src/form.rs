//! Form bodies, read as leniently as the vendor's clients need (`idx-wire` §2.2).

use std::collections::BTreeMap;
use std::fmt;

use regain_types::Secret;

use crate::OAuthError;

/// The parameters of a request. Each comes at most once; an empty one counts as left out
/// (RFC 6749 §3.2).
///
/// The Java client joins names and values without encoding them, so raw spaces, slashes and
/// colons stand for themselves, and a `%` that starts no valid escape does too.
pub struct Form(BTreeMap<String, Secret<String>>);

impl Form {
    /// Reads a request: its body, or its query string when the body is empty, which is how the
    /// Go client redeems codes.
    ///
    /// # Errors
    /// [`OAuthError::FormMalformed`] when the result is not UTF-8,
    /// [`OAuthError::ParameterRepeated`].
    pub fn read(body: &[u8], query: Option<&str>) -> Result<Self, OAuthError> {
        if body.is_empty() {
            Self::parse(query.unwrap_or_default().as_bytes())
        } else {
            Self::parse(body)
        }
    }

    /// Reads `name=value&name=value`.
    ///
    /// # Errors
    /// As [`Form::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self, OAuthError> {
        let mut values = BTreeMap::new();
        for pair in bytes
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = Secret::new(decode(halves.next().unwrap_or_default())?);
            if values.insert(name, value).is_some() {
                return Err(OAuthError::ParameterRepeated);
            }
        }
        Ok(Self(values))
    }

    /// A parameter, if it is there and not empty.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.expose().as_str())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// [`OAuthError::ParameterMissing`].
    pub fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.optional(name)
            .ok_or(OAuthError::ParameterMissing(name))
    }
}

impl fmt::Debug for Form {
    /// Shows the names, never the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Undoes form encoding: `+` is a space, `%41` is `A`, everything else is itself.
pub(crate) fn decode(encoded: &[u8]) -> Result<String, OAuthError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| OAuthError::FormMalformed)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_without_encoding_is_read_as_the_java_client_means_it() {
        let form = Form::parse(
            b"client_id=0oa1&client_secret=null&scope=openid profile email&redirect_uri=http://host:8080/cb?x=1",
        )
        .unwrap();
        assert_eq!(form.optional("scope"), Some("openid profile email"));
        assert_eq!(
            form.optional("redirect_uri"),
            Some("http://host:8080/cb?x=1")
        );
        assert_eq!(form.optional("client_secret"), Some("null"));
    }

    #[test]
    fn escapes_are_decoded_and_other_percent_signs_stay() {
        let form = Form::parse(b"a=1%202+3&b=100%&c=%zz%4&d=%C3%A4&e%5Ff=x").unwrap();
        assert_eq!(form.optional("a"), Some("1 2 3"));
        assert_eq!(form.optional("b"), Some("100%"));
        assert_eq!(form.optional("c"), Some("%zz%4"));
        assert_eq!(form.optional("d"), Some("\u{e4}"));
        assert_eq!(form.optional("e_f"), Some("x"));
    }

    #[test]
    fn a_repeated_parameter_is_refused_however_it_is_spelt() {
        for body in ["a=1&a=1", "a=1&%61=2", "a=&a=1", "a&a"] {
            assert_eq!(
                Form::parse(body.as_bytes()).err(),
                Some(OAuthError::ParameterRepeated),
                "{body}"
            );
        }
    }

    #[test]
    fn an_empty_parameter_counts_as_left_out() {
        let form = Form::parse(b"&a=&b&&").unwrap();
        assert_eq!(form.optional("a"), None);
        assert_eq!(form.required("b"), Err(OAuthError::ParameterMissing("b")));
    }

    #[test]
    fn the_query_string_counts_only_without_a_body() {
        assert_eq!(
            Form::read(b"", Some("a=1")).unwrap().optional("a"),
            Some("1")
        );
        assert_eq!(Form::read(b"b=2", Some("a=1")).unwrap().optional("a"), None);
        assert_eq!(Form::read(b"", None).unwrap().optional("a"), None);
    }

    #[test]
    fn debug_shows_no_value() {
        let form = Form::parse(b"client_secret=hunter2").unwrap();
        assert_eq!(format!("{form:?}"), r#"{"client_secret"}"#);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Form::parse(&body);
        }

        #[test]
        fn what_is_encoded_comes_back(value in "\\PC{0,60}") {
            let encoded: Vec<_> = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(encoded.concat().as_bytes()).unwrap(), value);
        }
    }
}
