//! Setting up an authenticator app: it reads a picture, and then shows its first code.

use regain_types::ChallengeId;
use regain_wire::idx;
use serde_json::Value;

use super::picture::picture;
use super::{DESCRIPTOR, Kept, Totp, code_fields, matching, secret_of, steps_at};
use crate::authenticators::{Attempt, AuthenticatorKey, Confirmed, Enroll, EnrollPage, Tools};
use crate::flow::Challenge;
use crate::limits::Pass;
use crate::need::Enrollment;
use crate::notice::Notice;

impl Enroll for Totp {
    fn begin(&self, id: &ChallengeId) -> Value {
        let kept = Kept {
            name: id.as_str().to_owned(),
            last_step: 0,
        };
        serde_json::to_value(&kept).unwrap_or_default()
    }

    fn confirm(&self, attempt: &Attempt<'_>, _: &Pass, tools: &Tools<'_>) -> Confirmed {
        let Some(kept) = kept(attempt.challenge) else {
            return Confirmed::Wrong(Notice::CodeInvalid);
        };
        let secret = secret_of(&kept, tools.keys, tools.org);
        let steps = steps_at([tools.now, tools.wall]);
        let Some(last_step) = matching(attempt.passcode, &secret, &steps) else {
            return Confirmed::Wrong(Notice::CodeInvalid);
        };
        // The code that set it up signs nobody in.
        let kept = Kept { last_step, ..kept };
        Confirmed::Works(Enrollment {
            authenticator: AuthenticatorKey::of(&DESCRIPTOR),
            enrolled_at: tools.now,
            data: serde_json::to_value(&kept).unwrap_or_default(),
        })
    }

    fn fields(&self) -> Vec<idx::Field> {
        code_fields()
    }

    fn contextual_data(&self, challenge: &Challenge, page: &EnrollPage<'_>) -> idx::ContextualData {
        let Some(kept) = kept(challenge) else {
            return idx::ContextualData::default();
        };
        let secret = secret_of(&kept, page.keys, page.org);
        let uri = secret.uri(page.org_name, page.login);
        idx::ContextualData {
            qrcode: picture(uri.expose()),
            shared_secret: Some(secret.base32().expose().clone()),
            ..idx::ContextualData::default()
        }
    }
}

fn kept(challenge: &Challenge) -> Option<Kept> {
    serde_json::from_value(challenge.data.clone()).ok()
}
