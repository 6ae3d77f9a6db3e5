//! The operator's colour and logo.

use std::fmt;
use std::path::Path;

/// What text on a ground must have at least (WCAG 2.2, 1.4.3).
const CONTRAST_MIN: f64 = 4.5;
/// Grounds that the accent stands on, as in the style sheet: page and card, light and dark.
const LIGHT_GROUNDS: [Colour; 2] = [Colour([0xf5, 0xf3, 0xee]), Colour([0xff, 0xff, 0xff])];
const DARK_GROUNDS: [Colour; 2] = [Colour([0x10, 0x15, 0x13]), Colour([0x18, 0x20, 0x1d])];
const WHITE: Colour = Colour([0xff, 0xff, 0xff]);
const BLACK: Colour = Colour([0x00, 0x00, 0x00]);
/// Biggest logo, in bytes: it is on every page.
const LOGO_BYTES_MAX: u64 = 128 * 1024;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// How the app looks; without anything, as it comes.
#[derive(Clone, Debug, Default)]
pub struct Brand {
    /// The colour of buttons and links.
    pub accent: Option<Colour>,
    /// A picture before the app's name.
    pub logo: Option<Logo>,
}

/// A colour that text can have on every ground of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// Why a colour or a logo cannot be used: the rest of a sentence that begins with its key.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct BrandError(String);

impl Colour {
    /// Reads `#0a5a46`. It must be readable on the light pages; for dark ones a lighter shade is
    /// taken.
    ///
    /// # Errors
    /// [`BrandError`] when it is no colour, or too light.
    pub fn parse(text: &str) -> Result<Self, BrandError> {
        let colour = Self::read(text)
            .ok_or_else(|| BrandError(format!("must be a colour such as #0a5a46, not {text:?}")))?;
        let worst = LIGHT_GROUNDS
            .iter()
            .map(|ground| colour.contrast(*ground))
            .fold(f64::INFINITY, f64::min);
        if worst < CONTRAST_MIN {
            return Err(BrandError(format!(
                "{text} has a contrast of {worst:.1} against the page, and text needs {CONTRAST_MIN}: take a darker shade, such as {}",
                colour.towards(BLACK, &LIGHT_GROUNDS)
            )));
        }
        Ok(colour)
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        let [red, green, blue] = linear;
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// A share of another colour in it, in per cent.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let mut out = self.0;
        for (part, other) in out.iter_mut().zip(other.0) {
            let sum = u16::from(*part) * (100 - percent) + u16::from(other) * percent;
            *part = u8::try_from(sum / 100).unwrap_or(u8::MAX);
        }
        Self(out)
    }

    /// The nearest shade towards another colour that is readable on all of these.
    fn towards(self, other: Self, grounds: &[Self]) -> Self {
        (0..=100)
            .step_by(2)
            .map(|percent| self.mixed(other, percent))
            .find(|shade| {
                grounds
                    .iter()
                    .all(|ground| shade.contrast(*ground) >= CONTRAST_MIN)
            })
            .unwrap_or(other)
    }

    /// Black or white, whichever reads better on it.
    fn ink(self) -> Self {
        if self.contrast(WHITE) >= self.contrast(BLACK) {
            WHITE
        } else {
            BLACK
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A picture, as it is handed out.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: &'static str,
    pub(crate) extension: &'static str,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

impl Logo {
    /// Reads an SVG or a PNG of at most 128 KiB.
    ///
    /// # Errors
    /// [`BrandError`] when the file cannot be read or is something else.
    pub fn load(path: &Path) -> Result<Self, BrandError> {
        let shown = path.display();
        let unreadable =
            |error: std::io::Error| BrandError(format!("{shown} cannot be read: {error}"));
        if std::fs::metadata(path).map_err(unreadable)?.len() > LOGO_BYTES_MAX {
            return Err(BrandError(format!(
                "{shown} is bigger than 128 KiB: it is on every page"
            )));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        Self::of(bytes).map_err(|why| BrandError(format!("{shown} {why}")))
    }

    fn of(bytes: Vec<u8>) -> Result<Self, &'static str> {
        if bytes.starts_with(PNG) {
            return Ok(Self {
                bytes,
                media_type: "image/png",
                extension: "png",
            });
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| "is neither SVG nor PNG")?;
        let lower = text.to_ascii_lowercase();
        if !lower.contains("<svg") {
            return Err("is neither SVG nor PNG");
        }
        // Pages show it as a picture, where nothing in it acts; it has an address of its own, too.
        if lower.contains("<script") || lower.contains("<foreignobject") {
            return Err("holds a script or foreign content: save it as a plain SVG");
        }
        Ok(Self {
            bytes,
            media_type: "image/svg+xml",
            extension: "svg",
        })
    }
}

/// The colours of the style sheet, in the operator's shades.
pub(crate) fn style_sheet(accent: Colour) -> String {
    let dark = accent.towards(WHITE, &DARK_GROUNDS);
    let [_, dark_card] = DARK_GROUNDS;
    let light = rule(accent, accent.mixed(BLACK, 30), WHITE.mixed(accent, 10));
    let dark = rule(dark, dark.mixed(WHITE, 30), dark_card.mixed(dark, 12));
    format!("{light}@media (prefers-color-scheme:dark){{{dark}}}")
}

fn rule(colour: Colour, deeper: Colour, tint: Colour) -> String {
    let ink = colour.ink();
    format!(":root{{--accent:{colour};--accent-deep:{deeper};--on-accent:{ink};--tint:{tint}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_must_be_readable() {
        assert_eq!(Colour::parse("#0a5a46").unwrap().to_string(), "#0a5a46");
        for text in ["#FFD400", "#7fd6b8", "#ffffff"] {
            let error = Colour::parse(text).unwrap_err().to_string();
            assert!(error.contains("take a darker shade, such as #"), "{error}");
            let better = error.rsplit(' ').next().unwrap();
            assert!(Colour::parse(better).is_ok(), "{better}");
        }
        for text in ["", "red", "#fff", "#12345g", "0a5a46", "#0a5a46;x", "#äää"] {
            assert!(Colour::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_shade_of_every_colour_is_readable_on_its_ground() {
        for text in [
            "#0a5a46", "#000000", "#0000ff", "#b00020", "#5b2a86", "#00589b",
        ] {
            let accent = Colour::parse(text).unwrap();
            let dark = accent.towards(WHITE, &DARK_GROUNDS);
            for ground in DARK_GROUNDS {
                assert!(dark.contrast(ground) >= CONTRAST_MIN, "{text}");
                assert!(
                    dark.mixed(WHITE, 30).contrast(ground) >= CONTRAST_MIN,
                    "{text}"
                );
            }
            assert!(accent.contrast(accent.ink()) >= CONTRAST_MIN);
            assert!(dark.contrast(dark.ink()) >= CONTRAST_MIN);
            let css = style_sheet(accent);
            assert!(
                css.starts_with(&format!(":root{{--accent:{text};")),
                "{css}"
            );
            assert_eq!(css.matches('{').count(), css.matches('}').count(), "{css}");
        }
    }

    #[test]
    fn a_logo_is_a_picture() {
        assert_eq!(
            Logo::of(b"\x89PNG\r\n\x1a\nrest".to_vec())
                .unwrap()
                .extension,
            "png"
        );
        assert_eq!(
            Logo::of(b"<svg xmlns='x'/>".to_vec()).unwrap().media_type,
            "image/svg+xml"
        );
        for bytes in [
            &b"GIF89a"[..],
            b"\xff\xd8\xff",
            b"",
            b"<svg><script>1</script></svg>",
        ] {
            assert!(Logo::of(bytes.to_vec()).is_err());
        }
        assert!(Logo::load(Path::new("/nowhere.svg")).is_err());
    }
}
