//! The languages that mails are written in.

/// A language with a full catalogue of sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// German.
    De,
    /// English, also for everybody whose language is missing.
    #[default]
    En,
    /// Japanese.
    Ja,
}

/// More ranges than any browser sends; the rest is not read.
const RANGES_MAX: usize = 32;

impl Language {
    /// Every language there is.
    pub const ALL: [Self; 3] = [Self::De, Self::En, Self::Ja];

    /// The tag of the language (`de`).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// The language of a tag exactly (`de`).
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// Picks the language that a reader likes best, from an `Accept-Language` header
    /// (`de-AT, en;q=0.5`) or a locale (`de_AT.UTF-8`). English when nothing fits.
    ///
    /// Source: RFC 9110 §12.5.4.
    #[must_use]
    pub fn choose(accept_language_or_locale: &str) -> Self {
        let mut best = (0, Self::default());
        for range in accept_language_or_locale.split(',').take(RANGES_MAX) {
            let (tag, weight) = range
                .split_once(";q=")
                .map_or((range, 1000), |(tag, weight)| (tag, thousandths(weight)));
            // The first of equal weight stands.
            if let Some(language) = Self::of_tag(tag)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_', '.', ';']).next()?;
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

/// A weight of `0` to `1` with up to three digits, in thousandths; 0 when it is no weight.
fn thousandths(weight: &str) -> u16 {
    let weight = weight.trim();
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let padded = format!("{part:0<3}");
    match (whole, padded.parse::<u16>()) {
        ("0", Ok(value)) if padded.len() == 3 => value,
        ("1", Ok(0)) => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_locales_pick_a_language() {
        for (wish, language) in [
            ("de-AT, en;q=0.5", Language::De),
            ("en;q=0.5,ja;q=0.9", Language::Ja),
            ("fr, de;q=0.1", Language::De),
            ("ja_JP.UTF-8", Language::Ja),
            ("DE", Language::De),
            ("de;q=0, en;q=0.001", Language::En),
            ("fr", Language::En),
            ("*", Language::En),
            ("", Language::En),
            ("dex", Language::En),
            ("de;q=nonsense, ja;q=0.2", Language::Ja),
        ] {
            assert_eq!(Language::choose(wish), language, "{wish}");
        }
    }
}
