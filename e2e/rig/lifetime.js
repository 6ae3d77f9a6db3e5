// Things that a block of tests shares end when the block ends.

import { after } from 'node:test';

/** Call in the body of a `describe` or at the top of a file; pass the result where a test passes its `t`. */
export function lifetime() {
  const ends = [];
  after(async () => {
    for (const end of ends) await end();
  });
  return { after: (end) => ends.push(end) };
}
