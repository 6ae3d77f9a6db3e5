//! Which form was sent: tells a second press of a button from a page in another tab.

use crate::system::random_name;

/// The name of one rendered form: the version of the transaction that it shows, and a name of its
/// own. `version.name` in a hidden field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub version: i64,
    pub name: String,
}

impl Turn {
    /// The turn of a page that is rendered now.
    pub(crate) fn new(version: i64) -> Self {
        Self {
            version,
            name: random_name().chars().take(16).collect(),
        }
    }

    /// Reads the hidden field.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (version, name) = text.split_once('.')?;
        let is_name = name.len() == 16 && name.is_ascii();
        Some(Self {
            version: version.parse().ok()?,
            name: name.to_owned(),
        })
        .filter(|_| is_name)
    }
}

impl std::fmt::Display for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.version, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_survives_its_form_and_nothing_else_is_one() {
        let turn = Turn::new(3);
        assert_eq!(Turn::parse(&turn.to_string()), Some(turn));
        for text in ["", "3", "3.", "x.0123456789abcdef", "3.short"] {
            assert_eq!(Turn::parse(text), None, "{text}");
        }
    }
}
