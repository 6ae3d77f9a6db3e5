import { randomBytes } from 'node:crypto';

import express from 'express';
import session from 'express-session';

import { authClient } from './auth-client.js';
import { handleTransaction } from './handle-transaction.js';
import * as pages from './pages.js';

const app = express();
const port = Number(process.env.PORT ?? 8080);

app.disable('x-powered-by');
app.use(express.urlencoded({ extended: false }));
app.use(
  session({
    secret: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax' }, // add `secure: true` behind https
  }),
);
// A form of another site must not act in the visitor's name.
app.use((req, res, next) => {
  const { origin, host } = req.headers;
  const foreign = req.method === 'POST' && origin !== `http://${host}` && origin !== `https://${host}`;
  return foreign ? res.status(403).send('This form was sent from another site.') : next();
});

/** Sends a page together with the messages that the last step left. */
function show(req, res, page, values = {}) {
  const { messages = [] } = req.session;
  req.session.messages = [];
  res.set('Cache-Control', 'no-store').send(page({ messages, ...values }));
}

app.get('/', (req, res) => {
  const { tokens } = req.session;
  show(req, res, tokens ? pages.home : pages.welcome, { claims: tokens?.idToken.claims });
});

// region: sign-in
app.get('/login', (req, res) => show(req, res, pages.login));

app.post('/login', async (req, res, next) => {
  const client = authClient(req);
  client.transactionManager.clear();
  const { username, password } = req.body;
  const transaction = await client.idx.authenticate({ username, password });
  handleTransaction(req, res, next, 'authenticate', transaction);
});
// endregion: sign-in

// region: recover
app.get('/recover-password', (req, res) => show(req, res, pages.recoverPassword));

app.post('/recover-password', async (req, res, next) => {
  const client = authClient(req);
  // Whoever comes back to correct a mistyped address means a new recovery, not the one that is open.
  client.transactionManager.clear();
  const transaction = await client.idx.recoverPassword({ username: req.body.username });
  handleTransaction(req, res, next, 'recoverPassword', transaction);
});
// endregion: recover

// region: go-on
/** Answers the current step with the method that began the flow. */
async function goOn(req, res, next, values) {
  const { method } = req.session;
  if (!method) return res.redirect('/login');
  const transaction = await authClient(req).idx[method](values);
  return handleTransaction(req, res, next, method, transaction);
}
// endregion: go-on

// region: select
app.get('/select-authenticator', (req, res) => {
  const input = req.session.nextStep?.inputs?.find(({ name }) => name === 'authenticator');
  if (!input) return res.redirect('/login');
  return show(req, res, pages.selectAuthenticator, { options: input.options });
});

app.post('/select-authenticator', (req, res, next) => goOn(req, res, next, { authenticator: req.body.authenticator }));
// endregion: select

// region: challenge
app.get('/challenge-authenticator/email', (req, res) => {
  if (!req.session.nextStep) return res.redirect('/login');
  return show(req, res, pages.challengeEmail, { canResend: req.session.nextStep.canResend });
});

app.post('/challenge-authenticator/email', (req, res, next) =>
  goOn(req, res, next, { verificationCode: req.body.verificationCode }),
);

app.post('/challenge-authenticator/resend', (req, res, next) => goOn(req, res, next, { resend: true }));
// endregion: challenge

// region: reset
app.get('/reset-password', (req, res) => {
  if (!req.session.nextStep) return res.redirect('/login');
  return show(req, res, pages.resetPassword);
});

app.post('/reset-password', (req, res, next) => {
  const { password, confirmPassword } = req.body;
  if (password !== confirmPassword) {
    req.session.messages = ['The two passwords do not match.'];
    return res.redirect('/reset-password');
  }
  return goOn(req, res, next, { password });
});
// endregion: reset

app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.redirect('/')));
});

app.use((error, req, res, _next) => {
  console.error(error);
  res.status(502).send(pages.failed({ messages: ['Something went wrong. Please try again.'] }));
});

app.listen(port, () => console.log(`http://localhost:${port}`));
