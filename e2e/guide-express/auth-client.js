// region: auth-client
import { OktaAuth } from '@okta/okta-auth-js';

const settings = {
  issuer: process.env.ISSUER ?? 'http://localhost:8400/oauth2/default',
  clientId: process.env.CLIENT_ID ?? 'regain-demo-web',
  clientSecret: process.env.CLIENT_SECRET ?? 'regain-demo-secret',
  redirectUri: process.env.REDIRECT_URI ?? 'http://localhost:8080/login/callback',
  scopes: ['openid', 'profile', 'email'],
  // The calls of this guide hand over one value at a time; that style is called legacy mode since 8.0.
  idx: { enableLegacyMode: true },
};

/** A client for one request. What it must remember lives in the visitor's session, never in this process. */
export function authClient(req) {
  const kept = (req.session.authClient ??= {});
  const storageProvider = {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => void (kept[key] = value),
    removeItem: (key) => void delete kept[key],
  };
  return new OktaAuth({
    ...settings,
    storageManager: {
      token: { storageProvider, storageKey: 'tokens' },
      transaction: { storageProvider, storageKey: 'transaction' },
    },
    transactionManager: { enableSharedStorage: false },
  });
}
// endregion: auth-client
