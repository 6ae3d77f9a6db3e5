// One line of JSON per test, for the summary of `cargo xtask test`.

export default async function* jsonLines(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const outcome = type === 'test:fail' ? 'failed' : data.skip || data.todo ? 'skipped' : 'passed';
    yield `${JSON.stringify({ outcome, name: data.name, file: data.file, ms: data.details?.duration_ms })}\n`;
  }
}
