//! What a person types to say who they are, in the one form that is compared (N-01 to N-04).

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::MixedScript as _;

/// The longest identifier that is read, in bytes (an address has at most 254).
const IDENTIFIER_BYTES_MAX: usize = 320;

/// An identifier as typed and its canonical form.
///
/// Canonical: ASCII white space trimmed, NFC, ASCII letters of the local part in lower case, the
/// domain as a lower-case A-label. All else is kept byte for byte, so that look-alikes stay
/// different (N-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    typed: String,
    canonical: String,
}

/// Why a text cannot be an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentifierError {
    /// Nothing was typed.
    #[error("Please enter your username.")]
    Empty,
    /// It holds characters that no name has: control, bidi, zero width, line breaks, lists.
    #[error("A username cannot hold these characters. Please check it.")]
    Forbidden,
    /// It is longer than an address can be.
    #[error("A username has at most 320 bytes. Please check it.")]
    TooLong,
}

impl Identifier {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`IdentifierError`] says why it cannot be anybody's name. The text is judged by its shape
    /// alone, never by whether somebody has it.
    pub fn parse(typed: &str) -> Result<Self, IdentifierError> {
        if typed.len() > IDENTIFIER_BYTES_MAX {
            return Err(IdentifierError::TooLong);
        }
        let trimmed = typed.trim_matches(|c: char| c.is_ascii_whitespace());
        if trimmed.is_empty() {
            return Err(IdentifierError::Empty);
        }
        let normal: String = trimmed.nfc().collect();
        if normal.chars().any(is_forbidden) || normal.matches('@').count() > 1 {
            return Err(IdentifierError::Forbidden);
        }
        let canonical = match normal.split_once('@') {
            Some((local, domain)) => format!("{}@{}", local.to_ascii_lowercase(), ascii(domain)?),
            None => normal.to_ascii_lowercase(),
        };
        Ok(Self {
            typed: trimmed.to_owned(),
            canonical,
        })
    }

    /// As typed, without white space around it: what a page may echo.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The form that is compared, stored and looked up.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Whether a part of the name, or a label of the domain, mixes letters of several scripts (UTS
    /// 39): no new user may have such a name, because it can look like another (N-09).
    #[must_use]
    pub fn mixes_scripts(&self) -> bool {
        let (local, domain) = self
            .canonical
            .split_once('@')
            .unwrap_or((&self.canonical, ""));
        let (domain, _) = idna::domain_to_unicode(domain);
        let mut parts = domain.split('.').chain([local]);
        parts.any(|part| !part.is_single_script())
    }
}

fn ascii(domain: &str) -> Result<String, IdentifierError> {
    if domain.is_empty() {
        return Err(IdentifierError::Forbidden);
    }
    idna::domain_to_ascii(domain).map_err(|_| IdentifierError::Forbidden)
}

/// Characters that hide or reorder others, end a header line, or join several addresses.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || c.is_whitespace() && c != ' '
        || matches!(
            c,
            ',' | ';' | '<' | '>' | '"' | '(' | ')' | '\\'
                | '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}'
                | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
                | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFF}'
                | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(typed: &str) -> Result<String, IdentifierError> {
        Identifier::parse(typed).map(|i| i.canonical().to_owned())
    }

    /// T-N7.
    #[test]
    fn names_of_several_scripts_are_found_out() {
        let mixes = |typed| Identifier::parse(typed).unwrap().mixes_scripts();
        for one in [
            "alice.o-neil+7@example.com",
            "иван@пример.рф",
            "иван7@example.com",
            "山田ひろカ@例え.jp",
            "grün@bücher.example",
            "αλίκη",
        ] {
            assert!(!mixes(one), "{one}");
        }
        for several in [
            "аlice@example.com", // Cyrillic a
            "alice@exаmple.com",
            "alice@xn--exmple-4nf.com",
            "pαypal",
            "иvan@пример.рф",
        ] {
            assert!(mixes(several), "{several}");
        }
    }

    #[test]
    fn letter_case_and_white_space_do_not_matter() {
        assert_eq!(
            canonical("\tAlice@Example.COM \n").as_deref(),
            Ok("alice@example.com")
        );
        assert_eq!(canonical("Bob").as_deref(), Ok("bob"));
    }

    #[test]
    fn look_alikes_stay_different() {
        // T-N2: the dotless i, the full-width k and ß never fold onto their ASCII look-alikes.
        // (The Kelvin sign is a K by Unicode's own canonical equivalence: one name, one account.)
        assert_ne!(
            canonical("m\u{131}ke@example.com"),
            canonical("mike@example.com")
        );
        assert_ne!(
            canonical("\u{FF4B}ate@example.com"),
            canonical("kate@example.com")
        );
        assert_ne!(
            canonical("stra\u{df}e@example.com"),
            canonical("strasse@example.com")
        );
    }

    #[test]
    fn domains_become_a_labels() {
        assert_eq!(
            canonical("a@B\u{fc}cher.example").as_deref(),
            Ok("a@xn--bcher-kva.example")
        );
    }

    #[test]
    fn lists_line_breaks_and_hidden_characters_are_refused() {
        for typed in [
            "a@x,b@y",
            "a@x\r\nbcc:b@y",
            "a\u{0}@x",
            "a@b@c",
            "a\u{200b}@x",
            "\u{202e}a@x",
            "@x@",
            "a@",
        ] {
            assert_eq!(
                canonical(typed),
                Err(IdentifierError::Forbidden),
                "{typed:?}"
            );
        }
        assert_eq!(canonical("  "), Err(IdentifierError::Empty));
        assert_eq!(canonical(&"a".repeat(400)), Err(IdentifierError::TooLong));
    }

    #[test]
    fn canonicalisation_is_idempotent() {
        for typed in [
            "Alice@Example.COM",
            "e\u{301}@x.example",
            "B\u{fc}cher@B\u{fc}cher.example",
        ] {
            let once = canonical(typed).unwrap();
            assert_eq!(canonical(&once).unwrap(), once);
        }
    }

    #[test]
    fn a_tag_belongs_to_the_name() {
        // Limits leave it away (N-04): `regain_engine::LedgerKeys` does, and nobody else.
        let alias = Identifier::parse("alice+news@example.com").unwrap();
        assert_eq!(alias.canonical(), "alice+news@example.com");
    }
}
