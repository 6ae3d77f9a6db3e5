//! The page of the mailbox: three files without inline scripts.

/// What the page may do, for its `Content-Security-Policy` header.
///
/// Styles in attributes are allowed because the HTML part of a mail is full of them, and a frame
/// with `srcdoc` inherits the policy of its page. Scripts in a mail run neither by this policy nor
/// by the frame's `sandbox`.
pub const MAILBOX_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' \
     'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// The page, for `GET /dev/mailbox` as `text/html; charset=utf-8`, with [`MAILBOX_CSP`].
///
/// It loads `/dev/mailbox/mailbox.css` and `/dev/mailbox/mailbox.js`, and talks to
/// `/dev/mailbox/api/messages` and `/dev/mailbox/api/notes`, which take the same parameters.
#[must_use]
pub const fn mailbox_page() -> &'static str {
    include_str!("../../assets/mailbox.html")
}

/// The page's script, for `GET /dev/mailbox/mailbox.js` as `text/javascript; charset=utf-8`.
#[must_use]
pub const fn mailbox_js() -> &'static str {
    include_str!("../../assets/mailbox.js")
}

/// The page's styles, for `GET /dev/mailbox/mailbox.css` as `text/css; charset=utf-8`.
#[must_use]
pub const fn mailbox_css() -> &'static str {
    include_str!("../../assets/mailbox.css")
}
