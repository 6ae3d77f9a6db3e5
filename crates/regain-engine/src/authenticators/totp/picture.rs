//! The picture that an app reads: a QR code as PNG, inlined in the document (`idx-wire` §4.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color, QrCode};
use regain_wire::idx::QrPicture;

/// Pixels of a module's side.
const SCALE: usize = 4;
/// Modules of white around it, as ISO/IEC 18004 demands.
const MARGIN: usize = 4;
const MEDIA_TYPE: &str = "image/png";

/// `None` for a text that no QR code holds: the secret beside it can still be typed.
pub(super) fn picture(text: &str) -> Option<QrPicture> {
    let png = png_of(&QrCode::new(text).ok()?)?;
    Some(QrPicture {
        method: "embedded".to_owned(),
        href: format!("data:{MEDIA_TYPE};base64,{}", STANDARD.encode(png)),
        kind: MEDIA_TYPE.to_owned(),
    })
}

/// One bit for each pixel, 1 is white.
fn png_of(code: &QrCode) -> Option<Vec<u8>> {
    let side = (code.width() + 2 * MARGIN) * SCALE;
    let mut pixels = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        for first in (0..side).step_by(8) {
            let byte = (first..first + 8).fold(0_u8, |byte, x| {
                byte << 1 | u8::from(x >= side || is_white(code, x, y))
            });
            pixels.push(byte);
        }
    }
    let mut out = Vec::new();
    let length = u32::try_from(side).ok()?;
    let mut encoder = png::Encoder::new(&mut out, length, length);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(out)
}

fn is_white(code: &QrCode, x: usize, y: usize) -> bool {
    let module = |at: usize| {
        (at / SCALE)
            .checked_sub(MARGIN)
            .filter(|at| *at < code.width())
    };
    match (module(x), module(y)) {
        (Some(x), Some(y)) => code[(x, y)] == Color::Light,
        (None, _) | (_, None) => true,
    }
}
