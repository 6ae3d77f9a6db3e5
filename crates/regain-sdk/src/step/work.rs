//! Proof of work: what a server may demand before a recovery begins, when a name was asked for too
//! often (ALTCHA, the form of the vendor's widget).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::IdentifyStep;
use crate::wire::idx::{Captcha, Form};
use crate::{Error, Feature, Outcome};

/// What servers that name no bound have in mind: ALTCHA's own.
const MAX_NUMBER: u64 = 1_000_000;
const SHA_256: &str = "SHA-256";

/// "Which number up to [`max_number`](Self::max_number) gives this hash behind this salt?"
///
/// A page gives it to the person's browser; a program can [`solve`](Self::solve) it itself.
///
/// ```
/// # use regain_sdk::WorkChallenge;
/// let challenge: WorkChallenge = serde_json::from_str(r#"{
///     "algorithm": "SHA-256", "maxnumber": 10, "salt": "salt?expires=1767323645&",
///     "challenge": "f99c232fd0475c322d43ba553a2cee699a6f9e2f322bf73974a80a700097f9f9",
///     "signature": "the server's"
/// }"#).unwrap();
/// assert_eq!(challenge.solve(), Some(challenge.solution(3)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkChallenge {
    /// `SHA-256`.
    pub algorithm: String,
    /// The hash, in hexadecimal digits.
    pub challenge: String,
    /// The number is not above this.
    #[serde(rename = "maxnumber", default = "max_number")]
    pub max_number: u64,
    /// What stands before the number.
    pub salt: String,
    /// By which the server knows its challenge again.
    pub signature: String,
}

const fn max_number() -> u64 {
    MAX_NUMBER
}

impl WorkChallenge {
    /// Finds the number, by trying them all: some hundredths of a second up to some seconds of one
    /// core, so never on a thread that others wait for. `None` when there is none, or when the
    /// algorithm is another one.
    #[must_use]
    pub fn solve(&self) -> Option<String> {
        if self.algorithm != SHA_256 {
            return None;
        }
        let salted = Sha256::new().chain_update(&self.salt);
        let wanted = bytes_of(&self.challenge)?;
        let hash = |number: u64| salted.clone().chain_update(number.to_string()).finalize();
        let number = (0..=self.max_number).find(|number| hash(*number).as_slice() == wanted)?;
        Some(self.solution(number))
    }

    /// The solution, as the server wants it, from the number that was found.
    #[must_use]
    pub fn solution(&self, number: u64) -> String {
        let solution = json!({
            "algorithm": self.algorithm,
            "challenge": self.challenge,
            "number": number,
            "salt": self.salt,
            "signature": self.signature,
        });
        STANDARD.encode(solution.to_string())
    }
}

/// The bytes behind hexadecimal digits.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

impl IdentifyStep {
    /// Whether the form goes through only with proof of work. Servers ask clients for it that say
    /// they can do it: [`RequestContext::solves_work`](crate::RequestContext::solves_work).
    #[must_use]
    pub fn demands_work(&self) -> bool {
        self.challenge_form().is_some()
    }

    /// Fetches a challenge. It may be asked for as often as one likes: any of them pays.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where nothing is demanded, else as every call.
    pub async fn work_challenge(&self) -> Result<WorkChallenge, Error> {
        let form = self
            .challenge_form()
            .ok_or(Error::Unsupported(Feature::ProofOfWork))?;
        let href = form
            .href
            .as_deref()
            .ok_or_else(|| Error::protocol(0, "the challenge has no address"))?;
        let mut body = Map::new();
        for field in form.value.iter().flatten() {
            if let (Some(name), Some(value)) = (&field.name, &field.value) {
                body.insert(name.clone(), value.clone());
            }
        }
        let client = &self.base.client;
        client.post_json(href, &Value::Object(body)).await
    }

    /// Sends the identifier with the solution of a challenge: [`WorkChallenge::solve`], or what the
    /// person's browser found.
    ///
    /// # Errors
    /// [`Error::UnknownInput`] where nothing is demanded, else as every call.
    pub async fn submit_with_work(
        self,
        identifier: &str,
        solution: &str,
    ) -> Result<Outcome, Error> {
        let mut values = Map::new();
        // The id is a fixed value of the form, which is sent by itself.
        values.insert(
            "captchaVerify".to_owned(),
            json!({ "captchaToken": solution }),
        );
        self.post(identifier, values).await
    }

    fn challenge_form(&self) -> Option<&Form> {
        self.base.nested("captchaVerify", "captchaToken")?;
        let captcha: &Captcha = &self.base.transaction.0.document.captcha.as_ref()?.value;
        captcha
            .challenge_url_form
            .as_ref()
            .filter(|_| captcha.kind == "ALTCHA")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(number: u64, max_number: u64) -> WorkChallenge {
        let salt = "c2FsdA?expires=1767323645&".to_owned();
        let hash = Sha256::digest(format!("{salt}{number}"));
        WorkChallenge {
            algorithm: SHA_256.to_owned(),
            challenge: hash
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
            max_number,
            salt,
            signature: "signature".to_owned(),
        }
    }

    #[test]
    fn the_number_is_found_wherever_it_is() {
        for number in [0, 1, 77, 100] {
            let challenge = challenge(number, 100);
            assert_eq!(challenge.solve(), Some(challenge.solution(number)));
        }
    }

    #[test]
    fn there_may_be_no_number() {
        assert_eq!(challenge(101, 100).solve(), None);
        let other = WorkChallenge {
            algorithm: "SHA-512".to_owned(),
            ..challenge(5, 100)
        };
        assert_eq!(other.solve(), None);
        let odd = WorkChallenge {
            challenge: "0".to_owned(),
            ..challenge(5, 100)
        };
        assert_eq!(odd.solve(), None);
    }

    #[test]
    fn a_solution_is_what_altcha_sends() {
        let solution = STANDARD.decode(challenge(5, 100).solution(5)).unwrap();
        let json: Value = serde_json::from_slice(&solution).unwrap();
        assert_eq!(json["number"], 5);
        assert_eq!(json["signature"], "signature");
    }
}
