/**
 * Checks that an options object holds only names that are known.
 *
 * A misspelled option of a guard must not be passed over in silence, it could be the one that
 * guards.
 *
 * @param owner who takes the options, for the message: `createSluice`
 * @returns a copy that inherits nothing: what somebody managed to put on `Object.prototype` is no
 * option
 * @throws TypeError naming the unknown option and the known ones, or quoting what is not an object
 */
export function checkOptions<T extends object>(
  owner: string,
  options: T,
  known: readonly string[],
): T {
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
  return ownOf(options);
}

/** Copies the own properties of an object onto one that inherits nothing. */
export function ownOf<T extends object>(object: T): T {
  // oxlint-disable-next-line typescript/no-unsafe-assignment -- it is typed as anything
  const copy: object = Object.create(NOTHING);
  return Object.assign(copy, object);
}

/**
 * A prototype that is empty for good. An object without any is kept as a table by V8, and to read,
 * copy and freeze it takes several times as long.
 */
const NOTHING: object = Object.freeze({ __proto__: null });

/**
 * Gives the value of an own property; `undefined` for one that is inherited, as from an
 * `Object.prototype` that somebody managed to write to.
 */
export function ownValue<T extends object, N extends keyof T>(
  object: T,
  name: N,
): T[N] | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The most milliseconds that a timer of Node takes; a longer one fires at once. */
export const MAX_MILLISECONDS: number = 2 ** 31 - 1;

/**
 * Checks that a number is an integer from `least` to `most`, or takes `fallback` when it is absent.
 *
 * @throws TypeError quoting the value
 */
export function integerOption(
  owner: string,
  name: string,
  value: number | undefined,
  {
    least,
    most = Number.MAX_SAFE_INTEGER,
    fallback,
  }: { readonly least: number; readonly most?: number; readonly fallback: number },
): number {
  if (value === undefined) return fallback;
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    const bounds =
      most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `of at least ${least}`;
    throw new TypeError(`${owner}: ${name} must be an integer ${bounds}, got ${quote(value)}`);
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
