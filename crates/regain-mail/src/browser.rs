//! What a `User-Agent` says, in a few words.

use crate::plain::one_line;

/// Names in the order in which they must be looked for: later ones hide in earlier ones' strings.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];
const PROGRAM_CHARS_MAX: usize = 40;

/// `Firefox, Linux` for a browser, the bare name for another program, nothing when there is none.
///
/// The header is hostile text (T6): a mail never repeats it, or somebody could put an address
/// into it that mail programs turn into a link.
pub(crate) fn describe(user_agent: &str) -> Option<String> {
    let find = |names: &[(&str, &'static str)]| {
        names
            .iter()
            .find(|(mark, _)| user_agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
        (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
        (None, None) => program(user_agent),
    }
}

/// The product name in front of the first slash, if it is a plain word.
fn program(user_agent: &str) -> Option<String> {
    let name = one_line(user_agent.split(['/', ' ']).next()?);
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    (plain && !name.is_empty() && name.len() <= PROGRAM_CHARS_MAX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named() {
        for (agent, words) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0",
                "Firefox, Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/20.0 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            ("curl/8.14.1", "curl"),
            ("okta-auth-js/8.0.0 nodejs/24", "okta-auth-js"),
        ] {
            assert_eq!(describe(agent).as_deref(), Some(words), "{agent}");
        }
    }

    #[test]
    fn hostile_agents_are_not_repeated() {
        for agent in [
            "http://evil.example/x",
            "evil.example",
            "<b>x",
            "",
            "\r\nBcc:x",
            &"a".repeat(99),
        ] {
            assert_eq!(describe(agent), None, "{agent:?}");
        }
    }
}
