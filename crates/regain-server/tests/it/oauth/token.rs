//! `POST …/v1/token` with `grant_type=interaction_code`.

use futures_util::future::join_all;
use regain_engine::UserStatus;
use regain_store::Store as _;
use serde_json::{Value, json};

use super::{
    CUSTOM, Fields, SCOPE, Tokens, claims, encoded, expect_error, interact_fields, is_active, post,
    post_form, renew, signed_in, token_fields, with,
};
use crate::app::{BASE, CONFIDENTIAL, PUBLIC, Person, SECRET, TestApp};

const PATH: &str = "/oauth2/default/v1/token";
const LIVE_GRANTS: &str = "SELECT count(*) FROM grants WHERE revoked_at IS NULL";

async fn code(app: &TestApp) -> String {
    signed_in(app, CUSTOM, &interact_fields()).await
}

#[tokio::test]
async fn tokens_say_who_signed_in_how_and_for_whom() {
    let app = TestApp::start().await;
    let page = post_form(&app, PATH, &token_fields(&code(&app).await)).await;
    let tokens = Tokens::of(&page);
    assert_eq!(page.json["token_type"], "Bearer");
    assert_eq!(page.json["expires_in"], 3600);
    assert_eq!(page.json["scope"], SCOPE);
    assert_eq!(page.header("cache-control"), Some("no-cache, no-store"));
    let mut members: Vec<_> = page
        .json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    let expected = [
        "access_token",
        "expires_in",
        "id_token",
        "refresh_token",
        "scope",
        "token_type",
    ];
    assert_eq!(members, expected);
    let (id, access) = (claims(&tokens.id), claims(&tokens.access));
    for (name, value) in [
        ("iss", json!(format!("{BASE}/oauth2/default"))),
        ("aud", json!(PUBLIC)),
        ("nonce", json!("n-1")),
        ("amr", json!(["pwd"])),
        ("idp", json!(app.org().as_str())),
        ("preferred_username", json!(Person::Active.login())),
        ("email", json!(Person::Active.login())),
        ("ver", json!(1)),
    ] {
        assert_eq!(id[name], value, "{name}");
    }
    for (name, value) in [
        ("iss", json!(format!("{BASE}/oauth2/default"))),
        ("aud", json!("api://default")),
        ("cid", json!(PUBLIC)),
        ("sub", json!(Person::Active.login())),
        ("uid", id["sub"].clone()),
        (
            "scp",
            json!(["openid", "profile", "email", "offline_access"]),
        ),
        ("auth_time", id["auth_time"].clone()),
    ] {
        assert_eq!(access[name], value, "{name}");
    }
    app.close().await;
}

#[tokio::test]
async fn the_org_server_gives_its_own_tokens_and_no_others() {
    let app = TestApp::start().await;
    let code = signed_in(&app, "/oauth2", &interact_fields()).await;
    expect_error(
        &post_form(&app, PATH, &token_fields(&code)).await,
        400,
        "invalid_grant",
    );
    let page = post_form(&app, "/oauth2/v1/token", &token_fields(&code)).await;
    let tokens = Tokens::of(&page);
    assert_eq!(claims(&tokens.id)["iss"], BASE);
    assert_eq!(claims(&tokens.access)["aud"], BASE);
    assert!(
        !is_active(&app, &tokens.access).await,
        "the custom server does not know it"
    );
    expect_error(&renew(&app, &tokens.refresh).await, 400, "invalid_grant");
    app.close().await;
}

#[tokio::test]
async fn less_scope_gives_less() {
    let app = TestApp::start().await;
    let begin = with(
        &with(&interact_fields(), "scope", Some("profile")),
        "nonce",
        None,
    );
    let code = signed_in(&app, CUSTOM, &begin).await;
    let page = post_form(&app, PATH, &token_fields(&code)).await;
    page.expect_status(200);
    assert_eq!(page.json.get("id_token"), None);
    assert_eq!(page.json.get("refresh_token"), None);
    let begin = with(
        &with(&interact_fields(), "scope", Some("openid")),
        "nonce",
        None,
    );
    let code = signed_in(&app, CUSTOM, &begin).await;
    let page = post_form(&app, PATH, &token_fields(&code)).await;
    let id = claims(page.json["id_token"].as_str().unwrap());
    assert_eq!(
        (id.get("nonce"), id.get("name"), id.get("email")),
        (None, None, None)
    );
    app.close().await;
}

#[tokio::test]
async fn the_go_client_sends_everything_in_the_query() {
    let app = TestApp::start().await;
    let fields = with(&token_fields(&code(&app).await), "redirect_uri", None);
    Tokens::of(&post(&app, &format!("{PATH}?{}", encoded(&fields)), None, "").await);
    app.close().await;
}

#[tokio::test]
async fn only_the_exact_request_redeems_a_code() {
    // T-T4 at the token endpoint. A wrong verifier or redirect URI spends the code, so each
    // change gets a code of its own.
    let app = TestApp::start().await;
    for name in [
        "grant_type",
        "interaction_code",
        "client_id",
        "code_verifier",
        "redirect_uri",
    ] {
        let changes: [fn(&str, &str) -> String; 5] = [
            |_, _| String::new(),
            |name, value| format!("{name}={value}&{name}={value}"),
            |name, value| format!("{}={value}", name.to_uppercase()),
            |name, value| format!("{name}={}", swapped_case(value)),
            |name, value| format!("{name}={value}%20"),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            // redirect_uri is optional: left out, or under another name, it is not there.
            if name == "redirect_uri" && (index == 0 || index == 2) {
                continue;
            }
            let right = token_fields(&code(&app).await);
            let value = &right.iter().find(|(known, _)| *known == name).unwrap().1;
            let rest = encoded(&with(&right, name, None));
            let body = format!("{rest}&{}", change(name, value));
            let page = post(&app, PATH, None, &body).await;
            assert!([400, 401].contains(&page.status), "{body}: {}", page.status);
            assert_eq!(page.json.get("access_token"), None, "{body}");
            assert_eq!(app.count(LIVE_GRANTS), 0, "{body}");
        }
    }
    app.close().await;
}

fn swapped_case(value: &str) -> String {
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    value.chars().map(swap).collect()
}

#[tokio::test]
async fn a_wrong_verifier_gets_the_recorded_text_and_spends_the_code() {
    let app = TestApp::start().await;
    let right = token_fields(&code(&app).await);
    let wrong = with(&right, "code_verifier", Some(&"x".repeat(43)));
    let page = post_form(&app, PATH, &wrong).await;
    page.expect_status(400);
    assert_eq!(
        page.json,
        json!({"error": "invalid_grant", "error_description": "PKCE verification failed."})
    );
    expect_error(&post_form(&app, PATH, &right).await, 400, "invalid_grant");
    assert_eq!(app.count(LIVE_GRANTS), 0);
    let audit = app.audit().await;
    let row = audit
        .iter()
        .find(|row| row.name == "app.oauth2.token.grant.access_token")
        .unwrap();
    assert_eq!(row.outcome, "FAILURE");
    assert_eq!(row.reason.as_deref(), Some("interaction_code_spent"));
    app.close().await;
}

#[tokio::test]
async fn another_client_gets_nothing_and_the_owner_still_can() {
    let app = TestApp::start().await;
    let right = token_fields(&code(&app).await);
    let foreign = with(
        &with(&right, "client_id", Some(CONFIDENTIAL)),
        "client_secret",
        Some(SECRET),
    );
    expect_error(&post_form(&app, PATH, &foreign).await, 400, "invalid_grant");
    Tokens::of(&post_form(&app, PATH, &right).await);
    app.close().await;
}

#[tokio::test]
async fn t_s10_a_code_that_comes_twice_ends_what_it_gave() {
    // One after the other; whoever brings it the second time.
    let app = TestApp::start().await;
    for second in [
        |right: &Fields| right.clone(),
        |right: &Fields| with(right, "code_verifier", Some("wrong")),
        |right: &Fields| {
            with(
                &with(right, "client_id", Some(CONFIDENTIAL)),
                "client_secret",
                Some(SECRET),
            )
        },
    ] {
        let right = token_fields(&code(&app).await);
        let tokens = Tokens::of(&post_form(&app, PATH, &right).await);
        assert!(is_active(&app, &tokens.access).await);
        expect_error(
            &post_form(&app, PATH, &second(&right)).await,
            400,
            "invalid_grant",
        );
        for token in [&tokens.access, &tokens.id, &tokens.refresh] {
            assert!(!is_active(&app, token).await);
        }
        expect_error(&renew(&app, &tokens.refresh).await, 400, "invalid_grant");
    }
    app.close().await;
}

#[tokio::test]
async fn t_s10_of_sixty_four_at_once_at_most_one_succeeds_and_nothing_lives() {
    // A code that came twice at the same moment is a stolen one.
    let app = TestApp::start().await;
    for _ in 0..5 {
        let right = token_fields(&code(&app).await);
        let pages = join_all((0..64).map(|_| post_form(&app, PATH, &right))).await;
        let won: Vec<_> = pages.iter().filter(|page| page.status == 200).collect();
        assert_eq!(won.len(), 1);
        for page in pages.iter().filter(|page| page.status != 200) {
            expect_error(page, 400, "invalid_grant");
        }
        let tokens = Tokens::of(won[0]);
        for token in [&tokens.access, &tokens.id, &tokens.refresh] {
            assert!(!is_active(&app, token).await);
        }
    }
    app.close().await;
}

#[tokio::test]
async fn a_code_lives_for_sixty_seconds() {
    let app = TestApp::start().await;
    let (early, late) = (code(&app).await, code(&app).await);
    app.clock.advance_ms(59_999);
    post_form(&app, PATH, &token_fields(&early))
        .await
        .expect_status(200);
    app.clock.advance_ms(1);
    expect_error(
        &post_form(&app, PATH, &token_fields(&late)).await,
        400,
        "invalid_grant",
    );
    app.close().await;
}

#[tokio::test]
async fn whoever_may_not_sign_in_any_more_gets_no_tokens() {
    // T-T7: between approval and redemption.
    let app = TestApp::start().await;
    for status in [
        UserStatus::LockedOut,
        UserStatus::Suspended,
        UserStatus::Deprovisioned,
        UserStatus::Staged,
    ] {
        let right = token_fields(&code(&app).await);
        let login = Person::Active.login();
        let user = app
            .store
            .find_user(app.org(), login)
            .await
            .unwrap()
            .unwrap()
            .facts
            .id;
        app.store
            .set_user_status(app.org(), &user, status)
            .await
            .unwrap();
        expect_error(&post_form(&app, PATH, &right).await, 400, "invalid_grant");
        app.store
            .set_user_status(app.org(), &user, UserStatus::Active)
            .await
            .unwrap();
    }
    app.close().await;
}

#[tokio::test]
async fn a_new_password_ends_all_tokens_and_codes_but_its_own() {
    // S-01, T-T1 on one node.
    let app = TestApp::start().await;
    let (tokens, unused) = (Tokens::new(&app).await, code(&app).await);
    let mut walk = app.begin().await;
    walk.as_far_as_reset(Person::Active.login(), Person::Active.login())
        .await;
    let own = walk.answer("A-Brand-New-Kettle-7").await.interaction_code();
    for token in [&tokens.access, &tokens.id, &tokens.refresh] {
        assert!(!is_active(&app, token).await);
    }
    expect_error(&renew(&app, &tokens.refresh).await, 400, "invalid_grant");
    expect_error(
        &post_form(&app, PATH, &token_fields(&unused)).await,
        400,
        "invalid_grant",
    );
    let page = post_form(&app, PATH, &token_fields(&own)).await;
    page.expect_status(200);
    let id = claims(page.json["id_token"].as_str().unwrap());
    assert_eq!(id["aud"], PUBLIC);
    assert_ne!(id["amr"], Value::Null);
    app.close().await;
}

#[tokio::test]
async fn other_grant_types_are_refused() {
    let app = TestApp::start().await;
    for (grant_type, error) in [
        ("password", "unsupported_grant_type"),
        ("client_credentials", "unsupported_grant_type"),
        ("authorization_code", "unsupported_grant_type"),
        (
            "urn:ietf:params:oauth:grant-type:device_code",
            "unsupported_grant_type",
        ),
        ("Interaction_Code", "unsupported_grant_type"),
        ("", "invalid_request"),
    ] {
        let fields = [
            ("grant_type", grant_type.to_owned()),
            ("client_id", PUBLIC.to_owned()),
        ];
        expect_error(&post_form(&app, PATH, &fields).await, 400, error);
    }
    app.close().await;
}
