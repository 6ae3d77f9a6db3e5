// Speaks IDX and OAuth without any client library, so that a test can say exactly what goes over the wire.

import { createHash, randomBytes } from 'node:crypto';

import { DEMO } from './engine.js';

export const ION = 'application/ion+json; okta-version=1.0.0';
export const JSON_ION = 'application/json; okta-version=1.0.0';

/** A PKCE pair. */
export function pkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** An answer with its body already read. */
export async function call(url, init = {}) {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}

/** POST of a form as OAuth wants it. */
export function postForm(url, fields, headers = {}) {
  const body = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString();
  return call(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json', ...headers },
    body,
  });
}

/** POST of JSON as an IDX client does it. */
export function postJson(url, body, headers = {}) {
  return call(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: ION, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** One flow, driven by hand. */
export class Flow {
  static async start(demo, { client = DEMO.spa, redirectUri = DEMO.redirectUri, scope = 'openid profile', extra = {} } = {}) {
    const flow = new Flow();
    flow.demo = demo;
    flow.client = client;
    flow.redirectUri = redirectUri;
    flow.pkce = pkce();
    flow.nonce = randomBytes(16).toString('hex');
    const answer = await postForm(`${demo.issuer}/v1/interact`, {
      client_id: client.clientId,
      scope,
      redirect_uri: redirectUri,
      code_challenge: flow.pkce.challenge,
      code_challenge_method: 'S256',
      state: randomBytes(16).toString('hex'),
      nonce: flow.nonce,
      ...extra,
    });
    if (answer.status !== 200) throw new Error(`interact: ${answer.status} ${answer.text}`);
    flow.handle = answer.json.interaction_handle;
    await flow.introspect();
    return flow;
  }

  /** A flow that stands at the form of the code; gives the mail with the code. */
  static async atCode(demo, options = {}) {
    const flow = await Flow.start(demo, options);
    await flow.recover();
    await flow.identify(options.identifier ?? DEMO.user);
    const mailsBefore = await demo.mailbox.list({ to: DEMO.user });
    await flow.selectEmail();
    flow.mail = await demo.mailbox.code({ after: mailsBefore[0]?.id });
    return flow;
  }

  /** A flow that stands at the form of the new password. */
  static async atReset(demo, options = {}) {
    const flow = await Flow.atCode(demo, options);
    await flow.answer({ passcode: flow.mail.code });
    return flow;
  }

  async introspect() {
    return this.#keep(
      await postJson(`${this.demo.engine}/idp/idx/introspect`, { interactionHandle: this.handle }, { 'content-type': ION }),
    );
  }

  post(path, body = {}) {
    return postJson(`${this.demo.engine}/idp/idx/${path}`, { ...body, stateHandle: this.state }).then((answer) => this.#keep(answer));
  }

  recover() {
    return this.post('recover');
  }

  identify(identifier, passcode) {
    return this.post('identify', passcode === undefined ? { identifier } : { identifier, credentials: { passcode } });
  }

  /** Chooses e-mail with the id that the last document offers. */
  selectEmail() {
    return this.post('challenge', { authenticator: { id: this.optionId('Email') } });
  }

  answer(credentials) {
    return this.post('challenge/answer', { credentials });
  }

  resend() {
    return this.post('challenge/resend');
  }

  cancel() {
    return this.post('cancel');
  }

  /** Exchanges the interaction code of the last document. */
  redeem(overrides = {}) {
    return postForm(`${this.demo.issuer}/v1/token`, {
      grant_type: 'interaction_code',
      interaction_code: this.interactionCode,
      client_id: this.client.clientId,
      ...(this.client.clientSecret ? { client_secret: this.client.clientSecret } : {}),
      redirect_uri: this.redirectUri,
      code_verifier: this.pkce.verifier,
      ...overrides,
    });
  }

  get interactionCode() {
    const fields = this.last.json.successWithInteractionCode?.value ?? [];
    return fields.find((field) => field.name === 'interaction_code')?.value;
  }

  /** Names of the remediations of the last document, in order. */
  get offers() {
    return (this.last.json.remediation?.value ?? []).map((form) => form.name);
  }

  form(name) {
    return this.last.json.remediation?.value?.find((form) => form.name === name);
  }

  optionId(label, form = 'select-authenticator-authenticate') {
    const select = this.form(form);
    const field = select.value.find(({ name }) => name === 'authenticator');
    const option = field.options.find((candidate) => candidate.label === label);
    return option.value.form.value[0].value;
  }

  #keep(answer) {
    this.last = answer;
    if (answer.json?.stateHandle) this.state = answer.json.stateHandle;
    return answer;
  }
}

/** Keys of the global messages of a document. */
export function globalKeys(document) {
  return (document.messages?.value ?? []).map((message) => message.i18n?.key);
}

/** Messages at the field `name` of the first remediation, wherever the form nests it. */
export function fieldMessages(document, name) {
  const found = [];
  const walk = (fields) => {
    for (const field of fields ?? []) {
      if (field.name === name) found.push(...(field.messages?.value ?? []));
      walk(field.form?.value);
    }
  };
  walk(document.remediation?.value?.[0]?.value);
  return found;
}

/** Faults that break clients (idx-wire contract §4, §8, §10.6); empty when the document is sound. */
export function documentFaults(document) {
  const faults = [];
  const walk = (value, path) => {
    if (value === null) faults.push(`${path} is null`);
    if (typeof value !== 'object' || value === null) return;
    if (typeof value.relatesTo === 'string' && !resolves(document, value.relatesTo)) {
      faults.push(`${path}.relatesTo dangles: ${value.relatesTo}`);
    }
    if (Array.isArray(value.relatesTo)) {
      for (const target of value.relatesTo) {
        if (!resolves(document, target)) faults.push(`${path}.relatesTo dangles: ${target}`);
      }
    }
    if (Array.isArray(value.rel)) faults.push(...actionFaults(value, path));
    for (const [key, member] of Object.entries(value)) walk(member, `${path}.${key}`);
  };
  walk(document, '$');
  if (document.version !== '1.0.0') faults.push('version is not 1.0.0');
  return faults;
}

function actionFaults(action, path) {
  const faults = [];
  if (action.rel.length === 0) faults.push(`${path}.rel is empty`);
  for (const member of ['name', 'href', 'method', 'value', 'accepts']) {
    if (!(member in action)) faults.push(`${path} lacks ${member}`);
  }
  const isTokenForm = action.name === 'issue';
  if (!isTokenForm && !action.value?.some((field) => field.name === 'stateHandle')) {
    faults.push(`${path} carries no stateHandle`);
  }
  return faults;
}

function resolves(document, target) {
  let value = document;
  for (const part of target.replace(/^\$\.?/, '').split(/[.[\]]+/).filter(Boolean)) value = value?.[part];
  return value !== undefined;
}
