// One line of JSON per test, for the summary of `cargo xtask test`.

export default async function* jsonLines(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    // Node lets a test that is marked `todo` fail without failing the run; so do we.
    const leftOut = data.skip !== undefined || data.todo !== undefined;
    const outcome = leftOut ? 'skipped' : type === 'test:fail' ? 'failed' : 'passed';
    yield `${JSON.stringify({ outcome, name: data.name, file: data.file, ms: data.details?.duration_ms })}\n`;
  }
}
