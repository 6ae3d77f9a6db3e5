//! Text from outside, made fit for a sentence.

/// Longer values are cut: a name that fills the screen hides what the mail says.
const SHOWN_CHARS_MAX: usize = 120;

/// One line without characters that hide, reorder or break the text around them.
///
/// Markup is not its business: the HTML template escapes whole sentences.
pub(crate) fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|c| {
        if c.is_control() || c.is_whitespace() {
            ' '
        } else {
            c
        }
    });
    let seen: String = spaced.filter(|c| !is_hidden(*c)).collect();
    let mut line = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > SHOWN_CHARS_MAX {
        line = line.chars().take(SHOWN_CHARS_MAX - 1).collect();
        line.push('…');
    }
    line
}

/// Zero-width characters, direction marks, variation tags: nothing that a reader would miss.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_line() {
        assert_eq!(
            one_line("a\r\n\r\n999999\u{2028}b\u{85}c\td "),
            "a 999999 b c d"
        );
    }

    #[test]
    fn nothing_stays_hidden() {
        assert_eq!(one_line("a\u{202e}b\u{200b}c\u{feff}"), "abc");
        assert_eq!(one_line("a\u{0}b\u{1b}[31mc"), "a b [31mc");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(one_line(&"ä".repeat(500)).chars().count(), SHOWN_CHARS_MAX);
        assert_eq!(
            one_line(&"ä".repeat(SHOWN_CHARS_MAX)).chars().last(),
            Some('ä')
        );
    }
}
