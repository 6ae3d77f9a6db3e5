// Whether a document has everything that a recorded one has: members, forms by name, fields by name.

/** Lists whose entries are known by a member, wherever they stand. */
const keyOf = (entry) => entry?.name ?? entry?.key ?? entry?.label;

/**
 * The places of `recorded` that `live` lacks, as paths such as `remediation.value[skip].href`. Values are not compared, only
 * what kind of thing they are: ids, times and texts differ.
 */
export function missing(recorded, live, path = '') {
  if (Array.isArray(recorded)) {
    if (!Array.isArray(live)) return [path];
    // Entries without a name, such as `rel`: their number and order are nobody's business.
    if (recorded.every((entry) => keyOf(entry) === undefined)) return recorded.length > 0 && live.length === 0 ? [path] : [];
    return recorded.flatMap((entry) => {
      const found = live.find((other) => keyOf(other) === keyOf(entry));
      const place = `${path}[${keyOf(entry)}]`;
      return found === undefined ? [place] : missing(entry, found, place);
    });
  }
  if (recorded !== null && typeof recorded === 'object') {
    if (live === null || typeof live !== 'object' || Array.isArray(live)) return [path];
    return Object.keys(recorded).flatMap((member) => {
      const place = path === '' ? member : `${path}.${member}`;
      return member in live ? missing(recorded[member], live[member], place) : [place];
    });
  }
  return typeof recorded === typeof live ? [] : [path];
}
