//! One user of every kind there is. Their names have one length, so that documents about them
//! can be compared byte by byte.

use std::sync::LazyLock;

use regain_engine::{StoredPassword, TotpSecret, UserStatus, enroll_totp};
use regain_server::{HashSettings, hash_now};
use regain_store::{NewUser, Store as _};
use regain_types::{Secret, SystemEntropy, Timestamp, UserId};

use super::TestApp;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "Copper-Lantern-42";

static PHC: LazyLock<String> =
    LazyLock::new(|| hash_now(&Secret::new(PASSWORD.to_owned()), HashSettings::FLOOR).unwrap());

/// A kind of user, or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Person {
    Active,
    Deprovisioned,
    /// Active, with a hash that another program made; there when a test imports it.
    Imported,
    Locked,
    NoMail,
    NoPassword,
    /// Active, with a hash of an older cost; there when a test imports it.
    Older,
    /// Active, and gets mail at an address that is not the login.
    OtherMail,
    Staged,
    Suspended,
    Unknown,
    /// Active, and has an authenticator app.
    WithApp,
}

impl Person {
    /// Those that are always there, and nobody.
    pub(crate) const ALL: [Self; 10] = [
        Self::Active,
        Self::Deprovisioned,
        Self::Locked,
        Self::NoMail,
        Self::NoPassword,
        Self::OtherMail,
        Self::Staged,
        Self::Suspended,
        Self::WithApp,
        Self::Unknown,
    ];

    pub(crate) const fn login(self) -> &'static str {
        match self {
            Self::Active => "alice@example.com",
            Self::Deprovisioned => "derek@example.com",
            Self::Imported => "irene@example.com",
            Self::Locked => "carol@example.com",
            Self::NoMail => "nadia@example.com",
            Self::NoPassword => "piper@example.com",
            Self::Older => "olive@example.com",
            Self::OtherMail => "bobby@example.com",
            Self::Staged => "steve@example.com",
            Self::Suspended => "susan@example.com",
            Self::Unknown => "zelda@example.com",
            Self::WithApp => "david@example.com",
        }
    }

    /// Where mails go to.
    pub(crate) const fn mail(self) -> Option<&'static str> {
        match self {
            Self::NoMail | Self::Unknown => None,
            Self::OtherMail => Some("q9.zyxwv+jqkw@wqxz-kvjy.example"),
            Self::Active
            | Self::Deprovisioned
            | Self::Imported
            | Self::Locked
            | Self::NoPassword
            | Self::Older
            | Self::Staged
            | Self::Suspended
            | Self::WithApp => Some(self.login()),
        }
    }

    /// Whether a recovery gets anywhere.
    pub(crate) const fn may_recover(self) -> bool {
        matches!(
            self,
            Self::Active
                | Self::Imported
                | Self::Locked
                | Self::NoPassword
                | Self::Older
                | Self::OtherMail
                | Self::WithApp
        )
    }

    const fn status(self) -> UserStatus {
        match self {
            Self::Active
            | Self::Imported
            | Self::NoMail
            | Self::NoPassword
            | Self::Older
            | Self::OtherMail
            | Self::Unknown
            | Self::WithApp => UserStatus::Active,
            Self::Deprovisioned => UserStatus::Deprovisioned,
            Self::Locked => UserStatus::LockedOut,
            Self::Staged => UserStatus::Staged,
            Self::Suspended => UserStatus::Suspended,
        }
    }
}

/// Creates all of them, with a password from long ago.
pub(super) async fn create(app: &TestApp) {
    for person in Person::ALL {
        if person == Person::Unknown {
            continue;
        }
        let password = StoredPassword {
            phc: PHC.clone(),
            nfc: true,
            set_at: Timestamp::from_millis(1_700_000_000_000),
        };
        let user = NewUser {
            id: UserId::random(&mut SystemEntropy),
            login: person.login().to_owned(),
            email: person.mail().map(str::to_owned),
            first_name: "Given".to_owned(),
            last_name: "Family".to_owned(),
            locale: "en_US".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            status: person.status(),
            password: (person != Person::NoPassword).then_some(password),
        };
        app.store.create_user(app.org(), user).await.unwrap();
        if person == Person::WithApp {
            app.enroll_app(person).await;
        }
    }
}

impl TestApp {
    /// Gives somebody a new authenticator app, and says what it shares with the engine.
    pub(crate) async fn enroll_app(&self, person: Person) -> TotpSecret {
        let found = self.store.find_user(self.org(), person.login()).await;
        let user = found.unwrap().unwrap().facts;
        let now = Timestamp::from_millis(1_700_000_000_000);
        let keys = (self.state.keys(), self.org());
        let (made, secret) = enroll_totp(keys, now, &mut SystemEntropy);
        let known = user.enrollments.version;
        let saved = self
            .store
            .save_enrollments(self.org(), &user.id, known, vec![made]);
        saved.await.unwrap();
        secret
    }
}

/// Creates an active user with everybody's password, whose mail goes elsewhere.
pub(crate) async fn add(app: &TestApp, login: &str, mail: &str) {
    let user = NewUser {
        email: Some(mail.to_owned()),
        ..active(login, PHC.clone())
    };
    app.store.create_user(app.org(), user).await.unwrap();
}

/// Creates an active user with this hash, as an import does: of the password as it was received.
pub(crate) async fn import(app: &TestApp, login: &str, phc: &str) {
    let user = active(login, phc.to_owned());
    app.store.create_user(app.org(), user).await.unwrap();
}

fn active(login: &str, phc: String) -> NewUser {
    NewUser {
        id: UserId::random(&mut SystemEntropy),
        login: login.to_owned(),
        email: Some(login.to_owned()),
        first_name: "Given".to_owned(),
        last_name: "Family".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        status: UserStatus::Active,
        password: Some(StoredPassword {
            phc,
            nfc: false,
            set_at: Timestamp::from_millis(1_700_000_000_000),
        }),
    }
}
