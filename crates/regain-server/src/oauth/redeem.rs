//! Grant type `interaction_code`: once, in time, by its client (I-09, O-04).

use regain_engine::IssuedCode;
use regain_oauth::{
    Approval, CodeBinding, CodeClaim, CodeVerdict, Grant, Issue, OAuthError, Profile, RefreshToken,
    judge_code,
};
use regain_store::{CodeRecord, RequestMeta, StoreError};
use regain_types::{AuthServer, ClientId, GrantId, Secret, SystemEntropy, Timestamp, TokenHash};

use super::profile::profile_of;
use super::refusal::Refusal;
use crate::state::AppState;

/// Whoever loses the race for a code looks again once, and finds it used.
const ROUNDS_MAX: usize = 2;

/// A request to redeem a code.
#[derive(Debug)]
pub(super) struct Redemption<'a> {
    pub(super) client: &'a ClientId,
    pub(super) server: &'a AuthServer,
    pub(super) code: &'a Secret<String>,
    pub(super) verifier: &'a Secret<String>,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) meta: &'a RequestMeta,
}

/// Uses the code up, and says what to sign.
pub(super) async fn redeem(
    state: &AppState,
    redemption: &Redemption<'_>,
) -> Result<Issue, Refusal> {
    let hash = TokenHash::of(redemption.code.expose());
    for _ in 0..ROUNDS_MAX {
        let found = state
            .store()
            .find_interaction_code(state.org(), &hash)
            .await?;
        let record = found.ok_or(OAuthError::InteractionCodeInvalid)?;
        let now = record.now;
        let verdict = judged(&record, redemption);
        let CodeRecord {
            issued,
            redeemed,
            user,
            ..
        } = record;
        match (verdict, profile_of(user)) {
            (CodeVerdict::Reused, _) => {
                return Err(end_first_use(state, redeemed, redemption.meta).await?);
            }
            (CodeVerdict::Refuse(error), _) => return Err(error.into()),
            (CodeVerdict::Redeem, None) => return Err(OAuthError::InteractionCodeInvalid.into()),
            (CodeVerdict::Redeem, Some(profile)) => {
                let grant = grant(state, issued, now);
                if use_up(state, &hash, grant.clone(), now, redemption.meta).await? {
                    return Ok(issue(state, grant, profile));
                }
            }
            (CodeVerdict::Spend(error), _) => {
                let spent = Grant {
                    revoked_at: Some(now),
                    ..grant(state, issued, now)
                };
                if use_up(state, &hash, spent, now, redemption.meta).await? {
                    return Err(error.into());
                }
            }
        }
    }
    Err(OAuthError::InteractionCodeInvalid.into())
}

fn judged(record: &CodeRecord, redemption: &Redemption<'_>) -> CodeVerdict {
    let bound = CodeBinding {
        client_id: &record.issued.client_id,
        redirect_uri: &record.issued.redirect_uri,
        code_challenge: &record.issued.code_challenge,
        server: &record.issued.server,
        expires_at: record.issued.expires_at,
        is_redeemed: record.redeemed.is_some(),
    };
    let claim = CodeClaim {
        client_id: redemption.client,
        redirect_uri: redemption.redirect_uri,
        code_verifier: redemption.verifier.expose(),
        server: redemption.server,
    };
    judge_code(&bound, &claim, record.now)
}

/// Whether this call was the one that used the code up.
async fn use_up(
    state: &AppState,
    hash: &TokenHash,
    grant: Grant,
    now: Timestamp,
    meta: &RequestMeta,
) -> Result<bool, Refusal> {
    let used = state
        .store()
        .redeem_interaction_code(state.org(), hash, grant, now, meta.clone())
        .await;
    match used {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Somebody has a copy of the code: what its first use gave is over.
async fn end_first_use(
    state: &AppState,
    first: Option<GrantId>,
    meta: &RequestMeta,
) -> Result<Refusal, Refusal> {
    if let Some(grant) = first {
        tracing::info!(%grant, "a used interaction code came again: its grant is revoked");
        state
            .store()
            .revoke_grant(state.org(), &grant, "interaction_code_reuse", meta.clone())
            .await?;
    }
    Ok(OAuthError::InteractionCodeInvalid.into())
}

fn grant(state: &AppState, issued: IssuedCode, now: Timestamp) -> Grant {
    let approval = Approval {
        user: issued.user,
        client_id: issued.client_id,
        server: issued.server,
        scopes: issued.scopes,
        nonce: issued.nonce,
        // The store's time may be ahead of the stamps' time; nobody signs in after the token.
        auth_time: issued.auth_time.min(state.signer().now()),
        amr: issued.amr,
    };
    Grant::begin(GrantId::random(&mut SystemEntropy), approval, now)
}

fn issue(state: &AppState, grant: Grant, profile: Profile) -> Issue {
    let first = RefreshToken {
        grant: grant.id.clone(),
        sequence: grant.refresh_sequence,
    };
    Issue {
        org: state.org().clone(),
        base: state.settings().public_url.clone(),
        profile,
        scopes: grant.scopes.clone(),
        nonce: grant.nonce.clone(),
        refresh_token: grant
            .has_refresh_token()
            .then(|| first.encode(state.keys(), state.org()).expose().clone()),
        now: state.signer().now(),
        grant,
    }
}
