//! From the store's user to what tokens say.

use regain_engine::UserStatus;
use regain_oauth::Profile;
use regain_store::UserRecord;

/// What tokens say about a user who may sign in; nothing about anybody else (O-11).
pub(super) fn profile_of(user: Option<UserRecord>) -> Option<Profile> {
    let UserRecord { facts, updated_at } = user?;
    (facts.status == UserStatus::Active).then_some(Profile {
        id: facts.id,
        login: facts.login,
        email: facts.email,
        first_name: facts.first_name,
        last_name: facts.last_name,
        locale: facts.locale,
        time_zone: facts.time_zone,
        updated_at,
    })
}
