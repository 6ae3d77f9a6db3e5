//! The engine as a whole: flows as scripts, properties, and a model that walks every state.

mod documents;
mod harness;
mod model;
mod properties;
mod recover;
mod sign_in;
