//! The one org of a deployment (design §2.5: one deployment starts with one org).

use regain_types::OrgId;

use crate::failure::Failure;

/// The org's id: the same in every deployment, so that a database can move.
const ORG: &str = "00o1regain0default01";

/// The org that this deployment serves.
///
/// # Errors
/// Never for the id above; a [`Failure`] names it should it ever be changed to one that is none.
pub(crate) fn org() -> Result<OrgId, Failure> {
    OrgId::parse(ORG).map_err(|error| Failure::failed(format!("the org's id {ORG}: {error}")))
}
