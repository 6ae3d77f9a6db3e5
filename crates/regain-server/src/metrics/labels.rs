//! The labels. A label is an enum, a number, or a text that is compiled in; the one text that is
//! made at run time is a route's template, and only the router makes those.

use axum::extract::MatchedPath;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use crate::shedding::Class;

/// An enum whose variants are the values of a label.
macro_rules! label {
    (
        $(#[$about:meta])* $sight:vis enum $name:ident {
            $($(#[$note:meta])* $variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $sight enum $name { $($(#[$note])* $variant,)+ }

        impl $name {
            /// The value.
            $sight const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                self.as_str().encode(encoder)
            }
        }
    };
}

/// What was asked, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Request {
    pub(crate) method: Method,
    #[prometheus(flatten)]
    pub(crate) route: Route,
    pub(crate) status: u16,
}

/// The template of a route, such as `/oauth2/{server}/v1/token`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Route {
    route: Template,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Template {
    Matched(std::sync::Arc<str>),
    /// No route matched: whatever was asked for is nobody's business here.
    None,
}

impl Route {
    /// The route that the router chose.
    pub(crate) fn of(matched: Option<&MatchedPath>) -> Self {
        Self {
            route: matched.map_or(Template::None, |path| {
                Template::Matched(path.as_str().into())
            }),
        }
    }

    /// The template.
    pub(crate) fn as_str(&self) -> &str {
        match &self.route {
            Template::Matched(path) => path,
            Template::None => "none",
        }
    }
}

impl EncodeLabelValue for Template {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            Self::Matched(path) => (&**path).encode(encoder),
            Self::None => "none".encode(encoder),
        }
    }
}

label! {
    /// The method of a request.
    pub(crate) enum Method {
        Delete = "DELETE",
        Get = "GET",
        Head = "HEAD",
        Options = "OPTIONS",
        Other = "other",
        Post = "POST",
    }
}

impl From<&http::Method> for Method {
    fn from(method: &http::Method) -> Self {
        match *method {
            http::Method::DELETE => Self::Delete,
            http::Method::GET => Self::Get,
            http::Method::HEAD => Self::Head,
            http::Method::OPTIONS => Self::Options,
            http::Method::POST => Self::Post,
            _ => Self::Other,
        }
    }
}

label! {
    /// What refused a request.
    pub(crate) enum Limit {
        /// The engine: tries, mails or starts of a flow, a name or the org.
        Flow = "flow",
        /// Anything else that answers with 429: an address, an app, a handle.
        Address = "address",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LimitLabels {
    pub(super) limit: Limit,
}

label! {
    /// What a request was that found no room.
    enum Shed {
        Continuing = "continuing",
        Essential = "essential",
        Opening = "opening",
        Starting = "starting",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ShedLabels {
    class: Shed,
}

impl ShedLabels {
    pub(super) const fn of(class: Class) -> Self {
        Self {
            class: match class {
                Class::Continuing => Shed::Continuing,
                Class::Essential => Shed::Essential,
                Class::Opening => Shed::Opening,
                Class::Starting => Shed::Starting,
            },
        }
    }
}

label! {
    /// A step that a flow reached.
    pub(super) enum FlowStep {
        Begun = "begun",
        CodeSent = "code_sent",
        RecoveryCompleted = "recovery_completed",
        RecoveryStarted = "recovery_started",
        SignedIn = "signed_in",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FlowLabels {
    pub(super) step: FlowStep,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AuditLabels {
    pub(super) event: &'static str,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct MailLabels {
    pub(super) mail: &'static str,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StoreLabels {
    pub(super) operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StoreErrorLabels {
    pub(super) operation: &'static str,
    pub(super) error: &'static str,
}
