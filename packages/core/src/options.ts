/**
 * Checks that an options object holds only names that are known.
 *
 * A misspelled option of a guard must not be passed over in silence, it could be the one that
 * guards.
 *
 * @param owner who takes the options, for the message: `createSluice`
 * @throws TypeError naming the unknown option and the known ones, or quoting what is not an object
 */
export function checkOptions(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${owner}: options must be an object, got ${quote(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new TypeError(
        `${owner}: unknown option ${quote(name)}; known options are ${known.join(', ')}`,
      );
    }
  }
}

/**
 * Checks that a number is an integer of at least `least`, or takes `fallback` when it is absent.
 *
 * @throws TypeError quoting the value
 */
export function integerOption(
  owner: string,
  name: string,
  value: number | undefined,
  { least, fallback }: { readonly least: number; readonly fallback: number },
): number {
  if (value === undefined) return fallback;
  if (!Number.isSafeInteger(value) || value < least) {
    throw new TypeError(
      `${owner}: ${name} must be an integer of at least ${least}, got ${quote(value)}`,
    );
  }
  return value;
}

/** Shows a value in an error message for programmers: short, on one line, of any type. */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(value.toWellFormed());
    return text.length > 80 ? `${text.slice(0, 76)}…"` : text;
  }
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'an array' : 'an object';
  }
  return String(value);
}
