const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character]);

/** The frame of every page. */
function page(title, messages, content) {
  const list = messages.map((message) => `<li>${escape(message)}</li>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem; color: #1b1f23; }
  label, legend { display: block; margin: 1rem 0 0.25rem; font-weight: 600; }
  input:not([type=radio]) { width: 100%; box-sizing: border-box; padding: 0.6rem; font: inherit; }
  button { margin-top: 1rem; padding: 0.6rem 1.2rem; font: inherit; color: #fff; background: #1f4e79; border: 0; border-radius: 6px; }
  fieldset { border: 0; padding: 0; }
  [role=alert] { padding: 0.5rem 1rem; border-left: 4px solid #b00020; background: #fdecee; }
  td, th { text-align: left; padding: 0.25rem 1rem 0.25rem 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${list ? `<div role="alert"><ul id="messages">${list}</ul></div>` : ''}
${content}
</main>
</body>
</html>`;
}

export const welcome = ({ messages }) =>
  page('Welcome', messages, '<p><a href="/login">Sign in</a></p>');

export const home = ({ messages, claims }) => {
  const rows = ['name', 'email', 'sub']
    .filter((name) => name in claims)
    .map((name) => `<tr><th scope="row">${name}</th><td id="claim-${name}">${escape(claims[name])}</td></tr>`);
  return page(`Welcome, ${claims.name ?? claims.email}`, messages, `<table>${rows.join('')}</table>
<form method="post" action="/logout"><button type="submit">Sign out</button></form>`);
};

export const failed = ({ messages }) => page('Error', messages, '<p><a href="/">Home</a></p>');

// region: login-page
export const login = ({ messages }) =>
  page('Sign in', messages, `<form method="post" action="/login">
<label for="username">Username</label>
<input id="username" name="username" autocomplete="username" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
</form>
<p><a href="/recover-password">Forgot password?</a></p>`);
// endregion: login-page

export const recoverPassword = ({ messages }) =>
  page('Recover password', messages, `<form method="post" action="/recover-password">
<label for="username">Username or email</label>
<input id="username" name="username" autocomplete="username" required>
<button type="submit">Next</button>
</form>`);

export const selectAuthenticator = ({ messages, options }) => {
  const choices = options.map(
    ({ label, value }, index) => `<label><input type="radio" name="authenticator" value="${escape(value)}"${index ? '' : ' checked'}> ${escape(label)}</label>`,
  );
  return page('Select authenticator', messages, `<form method="post" action="/select-authenticator">
<fieldset><legend>How do you want to prove that it is you?</legend>${choices.join('')}</fieldset>
<button type="submit">Next</button>
</form>`);
};

export const challengeEmail = ({ messages, canResend }) =>
  page('Check your email', messages, `<form method="post" action="/challenge-authenticator/email">
<label for="code">Code from the mail</label>
<input id="code" name="verificationCode" inputmode="numeric" autocomplete="one-time-code" required>
<button type="submit">Verify</button>
</form>
${canResend ? '<form method="post" action="/challenge-authenticator/resend"><button type="submit">Send another code</button></form>' : ''}`);

export const resetPassword = ({ messages }) =>
  page('Reset password', messages, `<form method="post" action="/reset-password">
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required>
<label for="confirm">New password, again</label>
<input id="confirm" name="confirmPassword" type="password" autocomplete="new-password" required>
<button type="submit">Reset password</button>
</form>`);
