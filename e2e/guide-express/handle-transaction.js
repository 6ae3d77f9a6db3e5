// region: handle-transaction
import { authClient } from './auth-client.js';

/** The page for each step; the server decides which step comes next. */
const PAGES = {
  identify: () => '/login',
  'identify-recovery': () => '/recover-password',
  'select-authenticator-authenticate': () => '/select-authenticator',
  'challenge-authenticator': (nextStep) => `/challenge-authenticator/${nextStep.authenticator.type}`,
  'reset-authenticator': () => '/reset-password',
};

/**
 * Sends the visitor where the transaction stands. `method` is the SDK method that began the flow; it is kept in the
 * session, because every later answer must go through the same one.
 */
export function handleTransaction(req, res, next, method, transaction) {
  const { status, nextStep, messages = [], tokens } = transaction;
  req.session.method = method;
  req.session.nextStep = nextStep;
  req.session.messages = messages.map(({ message }) => message);

  if (status === 'PENDING') {
    const page = PAGES[nextStep.name]?.(nextStep);
    if (page) return res.redirect(page);
    return next(new Error(`This app has no page for the step ${nextStep.name}.`));
  }
  if (status === 'SUCCESS') return signIn(req, res, next, tokens);

  // TERMINAL or CANCELED: nothing to go on with. Forget the transaction and let the visitor begin again.
  authClient(req).transactionManager.clear();
  return res.redirect('/login');
}

/** A new session id for the signed-in visitor, so that nobody holds it from before. */
function signIn(req, res, next, tokens) {
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.tokens = tokens;
    return res.redirect('/');
  });
}
// endregion: handle-transaction
