// An authenticator app: shows the code of a secret at a moment (RFC 6238).

import { createHmac } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
export const STEP_SECONDS = 30;

function bytes(base32) {
  const bits = [...base32].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

/** The six digits that the app shows, `seconds` from now. */
export function totp(base32, seconds = 0) {
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor((Date.now() / 1000 + seconds) / STEP_SECONDS)));
  const tag = createHmac('sha1', bytes(base32)).update(step).digest();
  const number = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** A code that the app does not show around now. */
export function wrongTotp(base32) {
  const near = [-2, -1, 0, 1, 2].map((steps) => totp(base32, steps * STEP_SECONDS));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.includes(code));
}
