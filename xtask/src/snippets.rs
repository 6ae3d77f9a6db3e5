//! Code in the guide, cut from files that the tests run.
//!
//! A page says `<!-- code: path#region -->`, then a fenced block; the file marks the region with
//! comments `region: name` and `endregion: name`. Without `#region` the whole file is meant.

use std::path::Path;

use anyhow::{Context, Result, bail};

const MARK: &str = "<!-- code: ";

/// The page with every block replaced by what its file says now.
///
/// # Errors
/// When a file or a region does not exist, or a mark has no block below it.
pub(crate) fn fill(root: &Path, page: &str) -> Result<String> {
    let mut filled = String::with_capacity(page.len());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        push_line(&mut filled, line);
        let Some(place) = line
            .strip_prefix(MARK)
            .and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        let fence = lines.next().filter(|next| next.starts_with("```"));
        push_line(
            &mut filled,
            fence.with_context(|| format!("{place}: no code block below"))?,
        );
        lines
            .by_ref()
            .find(|next| *next == "```")
            .with_context(|| format!("{place}: no end"))?;
        filled.push_str(&cut(root, place).with_context(|| place.to_owned())?);
        push_line(&mut filled, "```");
    }
    Ok(filled)
}

fn cut(root: &Path, place: &str) -> Result<String> {
    let (file, region) = match place.split_once('#') {
        Some((file, region)) => (file, Some(region)),
        None => (place, None),
    };
    let text = std::fs::read_to_string(root.join(file))?;
    match region {
        Some(name) => region_of(&text, name),
        None => Ok(text),
    }
}

/// The lines between the marks, without the indentation that they share.
fn region_of(text: &str, name: &str) -> Result<String> {
    let opens = format!("region: {name}");
    let closes = format!("endregion: {name}");
    let is = |line: &str, mark: &str| {
        line.trim_start()
            .strip_prefix("//")
            .is_some_and(|rest| rest.trim() == mark)
    };
    let inside: Vec<&str> = text
        .lines()
        .skip_while(|line| !is(line, &opens))
        .skip(1)
        .take_while(|line| !is(line, &closes))
        .collect();
    if inside.is_empty() || !text.lines().any(|line| is(line, &closes)) {
        bail!("no region `{name}`");
    }
    let shared = inside
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let mut cut = String::new();
    for line in inside {
        push_line(&mut cut, line.get(shared..).unwrap_or("").trim_end());
    }
    Ok(cut)
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_loses_its_marks_and_its_shared_indentation() {
        let text = "x\n  // region: a\n  one {\n\n    two\n  }\n  // endregion: a\ny\n";
        assert_eq!(region_of(text, "a").unwrap(), "one {\n\n  two\n}\n");
    }

    #[test]
    fn an_open_region_is_a_fault() {
        assert!(region_of("// region: a\none\n", "a").is_err());
    }

    #[test]
    fn a_page_gets_the_code_of_its_file() {
        let page = "t\n<!-- code: xtask/src/snippets.rs#missing -->\n```rust\nold\n```\n";
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert!(fill(root, page).is_err());
        let page = "t\n<!-- code: rustfmt.toml -->\n```toml\nold\n```\nend\n";
        let filled = fill(root, page).unwrap();
        assert!(
            filled.contains("max_width") && !filled.contains("old") && filled.ends_with("end\n")
        );
    }
}
