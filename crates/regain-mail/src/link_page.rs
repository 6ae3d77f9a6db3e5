//! The page that the link in a mail leads to. It changes nothing (L-01): it shows where to go on.

use askama::Template;
use regain_types::{Secret, Timestamp};

use crate::plain::one_line;
use crate::render::{Frame, utc};
use crate::{Brand, Language, browser};

/// What the page says.
#[derive(Clone, Debug)]
pub enum LinkPage {
    /// The link is good: on in the app, or with the code where the flow began (L-03).
    Live(LiveLink),
    /// Its time is over.
    Expired,
    /// There is a newer mail.
    Replaced,
    /// There is no such link.
    Unknown,
    /// It was used.
    Used,
}

/// What the page of a good link says.
#[derive(Clone, Debug)]
pub struct LiveLink {
    /// The code: digits, contiguous.
    pub code: Secret<String>,
    /// Where the app goes on with it.
    pub href: Secret<String>,
    /// The label of the app that asked.
    pub app_label: String,
    /// When it was asked for.
    pub when: Timestamp,
    /// The IP address of who asked, where it is known. Anything else is left out.
    pub client_address: Option<String>,
    /// The browser of who asked, where it is known; only names that are known are shown.
    pub user_agent: Option<String>,
}

#[derive(Template)]
#[template(path = "link_page.html")]
struct Page<'a> {
    frame: &'a Frame,
    nonce: &'a str,
    heading: &'static str,
    /// What is wrong with the link.
    problem: Option<&'static str>,
    live: Option<Live>,
}

struct Live {
    code: String,
    href: String,
    go_on: String,
    rows: Vec<(&'static str, String)>,
}

/// Writes the page; its style and its script carry the `nonce`, for the answer's policy.
#[must_use]
pub fn link_page(page: &LinkPage, brand: &Brand, language: Language, nonce: &str) -> String {
    let frame = Frame::new(brand, language);
    let say = frame.say;
    let (problem, live) = match page {
        LinkPage::Live(link) => (None, Some(Live::of(link, &frame))),
        LinkPage::Expired => (Some(say.link_expired), None),
        LinkPage::Replaced => (Some(say.link_replaced), None),
        LinkPage::Unknown => (Some(say.link_unknown), None),
        LinkPage::Used => (Some(say.link_used), None),
    };
    let page = Page {
        heading: match page {
            LinkPage::Live(_) => say.link_heading,
            LinkPage::Unknown => say.link_incomplete_heading,
            LinkPage::Expired | LinkPage::Replaced | LinkPage::Used => say.link_useless_heading,
        },
        frame: &frame,
        nonce,
        problem,
        live,
    };
    let html = page.render();
    debug_assert!(html.is_ok(), "templates of strings render");
    html.unwrap_or_default()
}

impl Live {
    fn of(link: &LiveLink, frame: &Frame) -> Self {
        let say = frame.say;
        let app = one_line(&link.app_label);
        let browser = link.user_agent.as_deref().and_then(browser::describe);
        let address = link
            .client_address
            .as_deref()
            .and_then(|text| text.parse().ok())
            .map(|ip: std::net::IpAddr| ip.to_canonical().to_string());
        let rows = [
            (say.when_label, Some((say.when)(utc(link.when)))),
            (say.app_label, Some(app.clone())),
            (say.browser_label, browser),
            (say.address_label, address),
        ];
        Self {
            code: link.code.expose().clone(),
            href: link.href.expose().clone(),
            go_on: (say.link_continue)(&app),
            rows: rows
                .into_iter()
                .filter_map(|(label, value)| Some((label, value?)))
                .collect(),
        }
    }
}
