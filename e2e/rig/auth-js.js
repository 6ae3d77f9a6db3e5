// Unmodified `@okta/okta-auth-js`, the way a server-side app uses it: one client per request, state in a session.

import { OktaAuth as OktaAuth8 } from '@okta/okta-auth-js';
import { OktaAuth as OktaAuth7 } from 'okta-auth-js-7';

import { DEMO } from './engine.js';

/** What an app keeps about one visitor; survives as JSON. */
export class Session {
  constructor(json = '{}') {
    this.items = new Map(Object.entries(JSON.parse(json)));
  }

  toJSON() {
    return Object.fromEntries(this.items);
  }

  /** The storage interface that auth-js asks for. */
  provider() {
    const { items } = this;
    return {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    };
  }
}

/**
 * A client over the given session. A second one over the same session continues where the first stopped.
 * `mode` is `legacy` (call by call, as the guide does) or `step` (the default of 8.x).
 */
export function client(demo, session, { version = 8, mode = 'legacy', ...overrides } = {}) {
  const OktaAuth = version === 7 ? OktaAuth7 : OktaAuth8;
  const storageProvider = session.provider();
  return new OktaAuth({
    issuer: demo.issuer,
    clientId: DEMO.web.clientId,
    clientSecret: DEMO.web.clientSecret,
    redirectUri: DEMO.redirectUri,
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    pkce: true,
    idx: { enableLegacyMode: mode === 'legacy' },
    storageManager: {
      token: { storageProvider, storageKey: 'tokens' },
      transaction: { storageProvider, storageKey: 'transaction' },
      cache: { storageProvider, storageKey: 'cache' },
    },
    transactionManager: { enableSharedStorage: false },
    ...overrides,
  });
}

/** A client that holds tokens; auth-js would otherwise wait for their expiry and keep the process alive. */
export function holding(t, tokens, okta) {
  okta.tokenManager.setTokens(tokens);
  t.after(() => okta.tokenManager.clear());
  return okta;
}

/** The step that is offered now; after a refused raw step 8.x names it only among the available ones. */
export function stepOf({ nextStep, availableSteps }) {
  const step = nextStep ?? availableSteps?.[0];
  return { name: step?.name, authenticator: step?.authenticator ?? step?.relatesTo?.value };
}

/** The texts and keys of a transaction's messages. */
export function messages(transaction) {
  return (transaction.messages ?? []).map(({ message, i18n }) => ({ message, key: i18n?.key }));
}

/** The three clients that people use, by the name that the tests show. */
export const CLIENTS = [
  { name: 'auth-js 8 in legacy mode', version: 8, mode: 'legacy' },
  { name: 'auth-js 8 in step mode', version: 8, mode: 'step' },
  { name: 'auth-js 7.14', version: 7, mode: 'legacy' },
];
