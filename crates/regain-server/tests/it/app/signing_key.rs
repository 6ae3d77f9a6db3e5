//! One RSA key for all servers under test: making one for each would take longer than the tests.

use std::sync::LazyLock;

use regain_oauth::SigningKey;
use regain_store::{SealedKey, Store as _};
use regain_types::SystemEntropy;

use super::TestApp;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

/// Stores it, sealed under the server's own master key.
pub(super) async fn create(app: &TestApp) {
    let key = SealedKey {
        kid: KEY.kid().to_owned(),
        sealed: KEY
            .seal(app.state.master_key(), &mut SystemEntropy)
            .unwrap(),
        created_at: app.store.now().await.unwrap(),
    };
    app.store.add_signing_key(app.org(), key, 0).await.unwrap();
}
