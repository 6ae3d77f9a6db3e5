//! The IDX document and the bodies that clients post (`idx-wire` contract §3 and §4).

mod authenticator;
mod captcha;
mod form;
mod request;
mod response;

pub use authenticator::{
    Age, Authenticator, Complexity, ContextualData, Method, PasswordSettings, Profile, QrPicture,
};
pub use captcha::Captcha;
pub use form::{Field, FieldOption, Form, NestedForm, OptionValue, RelatesTo};
pub use request::{
    AnswerRequest, AuthenticatorChoice, CaptchaAnswer, ChallengeRequest, Credentials,
    HandleRequest, IdentifyRequest, IntrospectRequest,
};
pub use response::{
    App, Collection, I18n, IdxResponse, Message, MessageClass, Object, User, UserProfile,
};

/// The only version of the protocol there is; clients refuse any other.
pub const VERSION: &str = "1.0.0";
/// Content type of 2xx answers.
pub const CONTENT_TYPE_OK: &str = "application/ion+json; okta-version=1.0.0";
/// Content type of 4xx and 5xx answers: auth-js reads an error body only under this name.
pub const CONTENT_TYPE_ERROR: &str = "application/json; okta-version=1.0.0";
