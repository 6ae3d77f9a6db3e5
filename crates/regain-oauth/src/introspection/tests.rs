use std::sync::LazyLock;

use regain_types::{MasterKey, SystemEntropy, UserId};

use super::*;
use crate::signing_key::tests::key_set;
use crate::{ACCESS_TOKEN_TTL_SECONDS, Approval, Issue, Profile};

const BASE: &str = "https://id.example.com";
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

static KEYS: LazyLock<KeySet> = LazyLock::new(key_set);

struct Issued {
    ring: KeyRing,
    org: OrgId,
    grant: Grant,
    access: String,
    id: String,
    refresh: String,
}

fn issued() -> Issued {
    let org = OrgId::parse("00o1").unwrap();
    let ring = KeyRing::derive(&MasterKey::random(&mut SystemEntropy));
    let approval = Approval {
        user: UserId::parse("00u1").unwrap(),
        client_id: ClientId::parse("0oa1").unwrap(),
        server: AuthServer::Org,
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        nonce: None,
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
    };
    let grant = Grant::begin(GrantId::random(&mut SystemEntropy), approval, NOW);
    let refresh = RefreshToken {
        grant: grant.id.clone(),
        sequence: 0,
    }
    .encode(&ring, &org);
    let issue = Issue {
        org: org.clone(),
        base: BASE.to_owned(),
        grant: grant.clone(),
        profile: Profile {
            id: grant.user.clone(),
            login: "mary".to_owned(),
            email: None,
            first_name: String::new(),
            last_name: String::new(),
            locale: String::new(),
            time_zone: String::new(),
            updated_at: NOW,
        },
        scopes: grant.scopes.clone(),
        nonce: None,
        refresh_token: Some(refresh.expose().clone()),
        now: NOW,
    };
    let response = issue.sign(&KEYS, &mut SystemEntropy).unwrap();
    Issued {
        ring,
        org,
        grant,
        access: response.access_token,
        id: response.id_token.unwrap(),
        refresh: response.refresh_token.unwrap(),
    }
}

impl Issued {
    fn read(&self, text: &str, issuer: &str) -> Option<PresentedToken> {
        PresentedToken::read(text, &KEYS, &self.ring, &self.org, issuer)
    }

    fn state(&self) -> GrantState<'_> {
        GrantState {
            grant: &self.grant,
            login: Some("mary"),
            is_token_revoked: false,
            store_now: NOW,
            token_now: NOW,
        }
    }

    fn all(&self) -> [PresentedToken; 3] {
        [&self.access, &self.id, &self.refresh].map(|text| self.read(text, BASE).unwrap())
    }
}

#[test]
fn every_kind_is_recognised_and_leads_to_its_grant() {
    let issued = issued();
    let [access, id, refresh] = issued.all();
    assert!(matches!(access, PresentedToken::Access(_)));
    assert!(matches!(id, PresentedToken::Id(_)));
    assert!(matches!(refresh, PresentedToken::Refresh(_)));
    for token in [&access, &id, &refresh] {
        assert_eq!(token.grant(), Some(issued.grant.id.clone()));
    }
    assert!(access.access_token_id().is_some());
    assert_eq!(id.access_token_id(), None);
}

#[test]
fn another_issuer_and_other_texts_are_not_ours() {
    let issued = issued();
    for text in [&issued.access, &issued.id] {
        assert_eq!(
            issued.read(text, "https://id.example.com/oauth2/default"),
            None
        );
    }
    for text in [
        "",
        "nonsense",
        "a.b.c",
        "..",
        &format!("{}x", issued.refresh),
    ] {
        assert_eq!(issued.read(text, BASE), None, "{text}");
    }
    assert_eq!(read_access_token(&issued.id, &KEYS, BASE), None);
    assert_eq!(read_id_token(&issued.access, &KEYS, BASE), None);
}

#[test]
fn the_owner_learns_about_a_good_token() {
    let issued = issued();
    let client = ClientId::parse("0oa1").unwrap();
    let about = |token| introspection(token, &issued.state(), &AuthServer::Org, &client);
    let [access, id, refresh] = &issued.all();
    let answer = about(access);
    assert!(answer.active);
    assert_eq!(answer.token_type.as_deref(), Some("Bearer"));
    assert_eq!(answer.scope.as_deref(), Some("openid offline_access"));
    assert_eq!(answer.client_id.as_deref(), Some("0oa1"));
    assert_eq!(answer.username.as_deref(), Some("mary"));
    assert_eq!(answer.uid.as_deref(), Some("00u1"));
    assert_eq!(answer.exp, Some(1_700_003_600));
    assert_eq!(about(id).aud.as_deref(), Some("0oa1"));
    assert_eq!(about(refresh).sub.as_deref(), Some("00u1"));
}

#[test]
fn everything_else_gets_the_same_bytes() {
    let issued = issued();
    let (owner, other) = (
        ClientId::parse("0oa1").unwrap(),
        ClientId::parse("0oa2").unwrap(),
    );
    let revoked = Grant {
        revoked_at: Some(NOW),
        ..issued.grant.clone()
    };
    let good = issued.state();
    let custom = AuthServer::Custom("default".to_owned());
    for token in &issued.all() {
        for (name, answer) in [
            (
                "foreign",
                introspection(token, &good, &AuthServer::Org, &other),
            ),
            ("other server", introspection(token, &good, &custom, &owner)),
            (
                "revoked",
                introspection(
                    token,
                    &GrantState {
                        grant: &revoked,
                        ..good
                    },
                    &AuthServer::Org,
                    &owner,
                ),
            ),
            (
                "no user",
                introspection(
                    token,
                    &GrantState {
                        login: None,
                        ..good
                    },
                    &AuthServer::Org,
                    &owner,
                ),
            ),
        ] {
            let bytes = serde_json::to_string(&answer).unwrap();
            assert_eq!(bytes, r#"{"active":false}"#, "{name} {token:?}");
        }
    }
}

#[test]
fn tokens_end_in_time_and_one_by_one() {
    let issued = issued();
    let [access, id, refresh] = &issued.all();
    let good = issued.state();
    let allows = |state: GrantState<'_>, token| state.allows(token, &AuthServer::Org);
    let last = GrantState {
        token_now: NOW.plus_seconds(ACCESS_TOKEN_TTL_SECONDS - 1),
        ..good
    };
    let over = GrantState {
        token_now: NOW.plus_seconds(ACCESS_TOKEN_TTL_SECONDS),
        ..good
    };
    for token in [access, id] {
        assert!(allows(last, token));
        assert!(!allows(over, token));
    }
    assert!(
        allows(over, refresh),
        "a refresh token lives by the store's time"
    );
    let one_revoked = GrantState {
        is_token_revoked: true,
        ..good
    };
    assert!(!allows(one_revoked, access));
    assert!(allows(one_revoked, refresh));
    let rotated = Grant {
        refresh_sequence: 1,
        ..issued.grant.clone()
    };
    assert!(
        !allows(
            GrantState {
                grant: &rotated,
                ..good
            },
            refresh
        ),
        "it was used"
    );
}
