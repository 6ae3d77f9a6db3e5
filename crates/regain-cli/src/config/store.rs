//! `[store]`: where the data lives.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::problem::Problems;
use crate::database::StoreUrl;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    /// `sqlite:PATH` or `postgres://…`; a relative path is relative to the configuration file.
    pub(crate) url: String,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: "sqlite:regain.db".to_owned(),
        }
    }
}

impl Store {
    /// Checks the value.
    pub(crate) fn check(&self, directory: &Path, problems: &mut Problems<'_>) -> Option<StoreUrl> {
        StoreUrl::parse(&self.url, directory)
            .map_err(|message| problems.add("store.url", message))
            .ok()
    }
}
