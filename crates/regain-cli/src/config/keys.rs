//! `[keys]`: the secret from which every other key derives (K-01, K-03).

use std::path::Path;

use regain_types::{MasterKey, Secret};
use serde::{Deserialize, Serialize};

use super::problem::Problems;
use crate::private_files::read_master_key;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keys {
    /// The file of the master key, readable by its owner only.
    pub(crate) master_key_file: String,
    /// The key itself, for deployments that hand secrets over in the environment
    /// (`REGAIN__KEYS__MASTER_KEY`). It wins over the file.
    #[serde(skip_serializing)]
    pub(crate) master_key: Option<Secret<String>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            master_key_file: "master.key".to_owned(),
            master_key: None,
        }
    }
}

impl Keys {
    /// Reads the key.
    pub(crate) fn check(&self, directory: &Path, problems: &mut Problems<'_>) -> Option<MasterKey> {
        if let Some(key) = &self.master_key {
            let decoded = MasterKey::decode(key.expose());
            if decoded.is_none() {
                problems.add(
                    "keys.master_key",
                    "is no master key (43 characters of A-Z a-z 0-9 _ -)",
                );
            }
            return decoded;
        }
        let path = directory.join(&self.master_key_file);
        read_master_key(&path)
            .map_err(|message| {
                problems.add(
                    "keys.master_key_file",
                    format!("{} {message}", path.display()),
                );
            })
            .ok()
    }
}
