//! A text as a square that cameras read.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Empty squares around it, as readers want them.
const MARGIN: i32 = 4;

/// The square code of a text as SVG; none, if the text is too long for one.
pub(super) fn square_code(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let (size, whole) = (code.size(), code.size() + 2 * MARGIN);
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            // Cannot fail: it is a string.
            let _infallible = write!(path, "M{},{}h1v1h-1z", x + MARGIN, y + MARGIN);
        }
    }
    Some(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" role="img" aria-label="Square code for your app" shape-rendering="crispEdges"><path fill="#000" d="{path}"/></svg>"##
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners() {
        let svg = square_code("otpauth://totp/acme:ann?secret=JBSWY3DPEHPK3PXP").unwrap();
        let size =
            QrCode::encode_text("otpauth://totp/acme:ann?secret=JBSWY3DPEHPK3PXP", QrCodeEcc::Medium).unwrap().size();
        for (x, y) in [(0, 0), (size - 1, 0), (0, size - 1)] {
            assert!(svg.contains(&format!("M{},{}h1v1h-1z", x + MARGIN, y + MARGIN)), "no corner at {x},{y}");
        }
        assert!(!svg.contains("otpauth"), "the text is in the squares alone");
        assert_eq!(square_code(&"a".repeat(4000)), None);
    }
}
