import { quote } from '../options.ts';

/** Holds a pattern against a key: its parameters, or `undefined` when it does not match. */
export type PatternMatch = (key: string) => Readonly<Record<string, string>> | undefined;

/**
 * Compiles a pattern in the syntax of path-to-regexp 8 into a matcher.
 *
 * It is not translated into a regular expression, since two wildcards in one can take time that
 * grows with a power of the key (CVE-2024-45296 and others of its kind). The matcher fills one row
 * of a table per token, so its time and memory are bounded by tokens × length of the key.
 *
 * @throws TypeError when the pattern is malformed, with the position
 */
export function compilePattern(pattern: string): PatternMatch {
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > MAX_PATTERN_LENGTH) {
    throw new TypeError(
      `forPattern: a pattern must be a string of 1 to ${MAX_PATTERN_LENGTH} characters, got ${quote(pattern)}`,
    );
  }
  const steps = parse(pattern);
  const [first] = steps;
  // Most rules of a large set differ from the key here, before any table is made.
  const lead = first?.kind === 'text' ? first.text : '';
  return (key) => (key.startsWith(lead) ? match(steps, key) : undefined);
}

const MAX_PATTERN_LENGTH = 1024;

/** One step of a program; it goes on to the next one, an option may also jump over its group. */
type Step =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'capture'; readonly name: string; readonly acrossSegments: boolean }
  | { readonly kind: 'option'; skipTo: number };

const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
const QUOTED_NAME = /"((?:[^"\\]|\\.)+)"/y;

/** Characters that path-to-regexp keeps for itself; a pattern escapes them with `\`. */
const RESERVED = '()[]+?!';

function parse(pattern: string): readonly Step[] {
  const steps: Step[] = [];
  const open: Extract<Step, { kind: 'option' }>[] = [];
  const names = new Set<string>();
  let text = '';
  const flush = (): void => {
    if (text !== '') steps.push({ kind: 'text', text });
    text = '';
  };
  const fail = (what: string, at: number): never => {
    throw new TypeError(`forPattern: ${what} at ${at} of ${quote(pattern)}`);
  };
  for (let at = 0; at < pattern.length; at += 1) {
    const mark = pattern.charAt(at);
    if (mark === '\\') {
      at += 1;
      if (at === pattern.length) fail('nothing to escape', at);
      text += pattern.charAt(at);
    } else if (mark === '{') {
      flush();
      const option = { kind: 'option' as const, skipTo: 0 };
      steps.push(option);
      open.push(option);
    } else if (mark === '}') {
      flush();
      const option = open.pop() ?? fail('"}" without "{"', at);
      option.skipTo = steps.length;
    } else if (mark === ':' || mark === '*') {
      const touching = text === '' && steps.at(-1)?.kind === 'capture';
      if (touching) fail('two parameters without text between them', at);
      flush();
      const { name, end } = readName(pattern, at + 1) ?? fail('a parameter without a name', at);
      if (names.has(name)) fail(`the parameter ${quote(name)} for a second time`, at);
      names.add(name);
      steps.push({ kind: 'capture', name, acrossSegments: mark === '*' });
      at = end - 1;
    } else if (RESERVED.includes(mark)) {
      fail(`${quote(mark)} is reserved, write "\\\\${mark}"`, at);
    } else {
      text += mark;
    }
  }
  flush();
  if (open.length > 0) fail('"{" without "}"', pattern.length);
  return steps;
}

function readName(pattern: string, at: number): { name: string; end: number } | undefined {
  for (const form of [NAME, QUOTED_NAME]) {
    form.lastIndex = at;
    const found = form.exec(pattern);
    if (found !== null) {
      const name = found[1]?.replace(/\\(.)/g, '$1') ?? found[0];
      return { name, end: form.lastIndex };
    }
  }
  return undefined;
}

/**
 * `ends[s][p]` says whether the steps from `s` on match the key from `p` on, and where step `s`
 * then ends: as far right as it can, as a greedy expression would; 0 says that they do not match.
 * (No step that matters ends at 0: text and captures are never empty, and an option moves nothing.)
 */
function match(steps: readonly Step[], key: string): Readonly<Record<string, string>> | undefined {
  const width = key.length + 1;
  const rows: Uint16Array[] = [];
  const last = new Uint16Array(width);
  last[key.length] = 1;
  rows[steps.length] = last;
  for (let at = steps.length - 1; at >= 0; at -= 1) {
    const step = steps[at];
    const after = rows[at + 1];
    if (step === undefined || after === undefined) return undefined;
    rows[at] = fillRow(step, key, after, step.kind === 'option' ? rows[step.skipTo] : undefined);
  }
  return rows[0]?.[0] === 0 ? undefined : capture(steps, rows, key);
}

function fillRow(
  step: Step,
  key: string,
  after: Uint16Array,
  skipped: Uint16Array | undefined,
): Uint16Array {
  const row = new Uint16Array(key.length + 1);
  switch (step.kind) {
    case 'text':
      for (let p = key.indexOf(step.text); p !== -1; p = key.indexOf(step.text, p + 1)) {
        const end = p + step.text.length;
        if (after[end] !== 0) row[p] = end;
      }
      return row;
    case 'capture': {
      let end = after[key.length] === 0 ? 0 : key.length;
      for (let p = key.length - 1; p >= 0; p -= 1) {
        // A segment border ends every capture of one segment that would reach across it.
        if (key.charAt(p) === '/' && !step.acrossSegments) end = 0;
        else row[p] = end;
        if (end === 0 && after[p] !== 0) end = p;
      }
      return row;
    }
    case 'option':
      for (let p = 0; p <= key.length; p += 1) {
        if (after[p] !== 0 || (skipped?.[p] ?? 0) !== 0) row[p] = 1;
      }
      return row;
  }
}

function capture(
  steps: readonly Step[],
  rows: readonly Uint16Array[],
  key: string,
): Readonly<Record<string, string>> {
  const params: [string, string][] = [];
  let position = 0;
  for (let at = 0; at < steps.length;) {
    const step = steps[at];
    if (step === undefined) break;
    const inside = rows[at + 1]?.[position] !== 0;
    if (step.kind === 'option') {
      at = inside ? at + 1 : step.skipTo;
      continue;
    }
    const end = rows[at]?.[position] ?? 0;
    if (step.kind === 'capture') params.push([step.name, key.slice(position, end)]);
    position = end;
    at += 1;
  }
  return Object.fromEntries(params);
}
