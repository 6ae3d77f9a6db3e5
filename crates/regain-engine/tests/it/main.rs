//! The engine as a whole: flows as scripts, properties, and a model that walks every state.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod model;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod recover;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod walk;
