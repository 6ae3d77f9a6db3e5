//! Grants: found, rotated, revoked.

use regain_oauth::Grant;
use regain_types::{GrantId, SystemEntropy, Timestamp};

use super::{Failure, Fixture, Verdict, sample};
use crate::StoreError;

const ALICE: &str = "alice@example.com";

pub(super) async fn a_grant_is_found_with_its_user(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let grant = fixture.grant(&alice).await?;
    let record = fixture.load_grant(&grant).await?;
    ensure_eq!(record.grant, grant);
    ensure_eq!(record.now, fixture.now().await?);
    ensure!(!record.access_token_revoked);
    let user = fixture.load_user(&alice).await?;
    ensure_eq!(record.user.map(|record| record.facts), Some(user.facts));
    let absent = GrantId::random(&mut SystemEntropy);
    let found = fixture
        .store
        .find_grant(&fixture.org, &absent, None)
        .await?;
    ensure!(found.is_none());
    Ok(())
}

pub(super) async fn a_refresh_token_rotates_once(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let mut grant = fixture.grant(&alice).await?;
    for sequence in 0..3 {
        fixture.advance_millis(1_500);
        let now = fixture.now().await?;
        let idle = now.plus_seconds(3_600);
        rotate(&fixture, &grant, sequence, (now, idle)).await?;
        grant.refresh_sequence = sequence + 1;
        grant.rotated_at = now;
        grant.idle_expires_at = idle;
        ensure_eq!(fixture.load_grant(&grant).await?.grant, grant);
    }
    let before = fixture.fingerprint().await?;
    let now = fixture.now().await?;
    for sequence in [0, 2, 4] {
        let rotated = rotate(&fixture, &grant, sequence, (now, now.plus_seconds(1))).await;
        ensure_refused!(rotated, StoreError::Conflict);
    }
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

pub(super) async fn a_refresh_token_of_a_dead_family_does_not_rotate(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let revoked = fixture.grant(&alice).await?;
    fixture
        .store
        .revoke_grant(&fixture.org, &revoked.id, "logout", sample::request())
        .await?;
    let idle = fixture.grant(&alice).await?;
    // Used so often that its idle time reaches beyond its absolute end.
    let used = fixture.grant(&alice).await?;
    let now = fixture.now().await?;
    let beyond = used.expires_at.plus_seconds(10);
    rotate(&fixture, &used, 0, (now, beyond)).await?;
    let absent = sample::grant(&alice, now);
    let before = fixture.fingerprint().await?;
    for (grant, sequence, then) in [
        (&revoked, 0, now),
        (&idle, 0, idle.idle_expires_at),
        (&used, 1, used.expires_at),
        (&absent, 0, now),
    ] {
        let rotated = rotate(&fixture, grant, sequence, (then, beyond)).await;
        ensure_refused!(rotated, StoreError::Conflict);
    }
    ensure_eq!(fixture.fingerprint().await?, before);
    // A millisecond earlier they live.
    for (grant, sequence, end) in [
        (&idle, 0, idle.idle_expires_at),
        (&used, 1, used.expires_at),
    ] {
        let then = Timestamp::from_millis(end.as_millis() - 1);
        rotate(&fixture, grant, sequence, (then, beyond)).await?;
    }
    Ok(())
}

async fn rotate(
    fixture: &Fixture,
    grant: &Grant,
    sequence: u32,
    (now, idle): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    fixture
        .store
        .rotate_refresh_token(&fixture.org, &grant.id, sequence, now, idle)
        .await
}

pub(super) async fn a_grant_is_revoked_once(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let grant = fixture.grant(&alice).await?;
    let other = fixture.grant(&alice).await?;
    fixture.advance_millis(10);
    let now = fixture.now().await?;
    let revoke = || {
        fixture
            .store
            .revoke_grant(&fixture.org, &grant.id, "code_reused", sample::request())
    };
    revoke().await?;
    ensure_eq!(
        fixture.load_grant(&grant).await?.grant.revoked_at,
        Some(now)
    );
    ensure_eq!(fixture.load_grant(&other).await?.grant.revoked_at, None);
    let rows = fixture.store.list_audit(&fixture.org, 1).await?;
    let Some(row) = rows.first() else {
        return Err(Failure::new("a revocation is logged"));
    };
    ensure_eq!(row.name, "app.oauth2.token.revoke");
    ensure_eq!(row.subject, alice.as_str());
    ensure_eq!(row.reason.as_deref(), Some("code_reused"));

    let before = fixture.fingerprint().await?;
    fixture.advance_millis(10);
    revoke().await?;
    let absent = GrantId::random(&mut SystemEntropy);
    fixture
        .store
        .revoke_grant(&fixture.org, &absent, "logout", sample::request())
        .await?;
    ensure_eq!(fixture.fingerprint().await?, before);
    Ok(())
}

pub(super) async fn an_access_token_is_revoked_by_itself(fixture: Fixture) -> Verdict {
    let alice = fixture.user(ALICE).await?;
    let grant = fixture.grant(&alice).await?;
    let end = fixture.now().await?.plus_seconds(3_600);
    for _again in 0..2 {
        fixture
            .store
            .revoke_access_token(&fixture.org, "AT.one", end)
            .await?;
    }
    for (jti, revoked) in [
        (Some("AT.one"), true),
        (Some("AT.two"), false),
        (None, false),
    ] {
        let found = fixture
            .store
            .find_grant(&fixture.org, &grant.id, jti)
            .await?;
        let record = found.ok_or_else(|| Failure::new("the grant is there"))?;
        ensure_eq!(record.access_token_revoked, revoked);
        ensure_eq!(record.grant.revoked_at, None);
    }
    Ok(())
}
