// Waiting with a deadline: asks again until there is an answer, and fails with a sentence.

import { setTimeout as pause } from 'node:timers/promises';

const DEADLINE_MS = 20_000;
const BETWEEN_MS = 25;

/** The first truthy value that `look` gives. */
export async function until(what, look, deadlineMs = DEADLINE_MS) {
  const end = performance.now() + deadlineMs;
  let last;
  do {
    try {
      const found = await look();
      if (found) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await pause(BETWEEN_MS);
  } while (performance.now() < end);
  throw new Error(`waited ${deadlineMs} ms in vain for ${what}`, { cause: last });
}
