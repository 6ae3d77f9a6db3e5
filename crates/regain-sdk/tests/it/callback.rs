//! Queries of the redirect URI.

use regain_sdk::Callback;
use regain_sdk::testkit::documents;

use crate::support::{BASE, at};

const STATE: &str = "AbCdEfGhIjKlMnOpQrStUv";

fn kind(query: &str) -> &'static str {
    match Callback::parse(query) {
        Callback::Code { code, .. } if code.expose() == "c o" => "code",
        Callback::EmailLink { otp, .. } if otp.expose() == "123456" => "link",
        Callback::InteractionRequired { .. } => "interaction",
        Callback::Denied { error, description } if error == "access_denied" => {
            if description.is_empty() {
                "denied"
            } else {
                "denied with reason"
            }
        }
        Callback::NotOurs => "not ours",
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_query_is_one_thing() {
    let cases = [
        ("state={s}&interaction_code=c+o", "code"),
        ("?interaction_code=c%20o&state={s}", "code"),
        ("state={s}&otp=123456", "link"),
        (
            "error=interaction_required&state={s}&error_description=x",
            "interaction",
        ),
        ("error=access_denied", "denied"),
        (
            "error=access_denied&error_description=no&state={s}",
            "denied with reason",
        ),
        ("", "not ours"),
        ("utm=1", "not ours"),
        ("otp=123456", "not ours"),
        ("notp=123456&xstate={s}", "not ours"),
        ("state=short&otp=123456", "not ours"),
        ("state={s}&state={s}&otp=123456", "not ours"),
        ("state={s}&otp=123456&otp=654321", "not ours"),
        ("state={s}&otp=123456&interaction_code=c+o", "not ours"),
    ];
    for (query, expected) in cases {
        assert_eq!(kind(&query.replace("{s}", STATE)), expected, "{query}");
    }
}

#[tokio::test]
async fn a_callback_belongs_to_the_transaction_of_its_state() {
    let (_, _, outcome) = at(documents::code_page(BASE)).await;
    let (_, _, other) = at(documents::code_page(BASE)).await;
    let query = format!("state={}&otp=123456", outcome.transaction.id());
    let callback = Callback::parse(&query);
    assert!(callback.belongs_to(&outcome.transaction));
    assert!(!callback.belongs_to(&other.transaction));
}
