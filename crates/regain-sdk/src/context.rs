//! Who sits at the other end of a web app.

/// What a web app knows of the person's browser and forwards to the server, which limits,
/// recognises devices and picks languages by it.
///
/// The address and the device token are sent only by clients that have a secret: servers believe
/// nobody else.
///
/// ```
/// let context = regain_sdk::RequestContext {
///     forwarded_for: Some("203.0.113.9".to_owned()),
///     accept_language: Some("de-AT".to_owned()),
///     ..Default::default()
/// };
/// assert!(context.device_token.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// The person's address, sent as `X-Forwarded-For`.
    pub forwarded_for: Option<String>,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
    /// Recognises a browser again, at most 32 characters; sent as `X-Device-Token`.
    pub device_token: Option<String>,
    /// The browser's `Accept-Language`.
    pub accept_language: Option<String>,
    /// Whether proof of work can be done at the other end, for which a server may ask instead of
    /// refusing ([`IdentifyStep::demands_work`](crate::IdentifyStep::demands_work)).
    pub solves_work: bool,
}
