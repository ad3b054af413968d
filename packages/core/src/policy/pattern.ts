import { quote } from '../options.ts';

/** Holds a pattern against a key: its parameters, or `undefined` when it does not match. */
export type PatternMatch = (key: string) => Readonly<Record<string, string>> | undefined;

/**
 * Compiles a pattern in the syntax of path-to-regexp 8 into a matcher.
 *
 * It is not translated into a regular expression, since two wildcards in one can take time that
 * grows with a power of the key (CVE-2024-45296 and others of its kind). Where each part can end in
 * one place only, as in `users/:id/*path`, the key is gone through once. For all other patterns the
 * matcher fills one row of a table per step, so its time and memory are bounded by steps × length of
 * the key.
 *
 * @throws TypeError when the pattern is malformed, with the position, or can match no key
 */
export function compilePattern(pattern: string): PatternMatch {
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > MAX_PATTERN_LENGTH) {
    throw new TypeError(
      `forPattern: a pattern must be a string of 1 to ${MAX_PATTERN_LENGTH} characters, got ${quote(pattern)}`,
    );
  }
  if (pattern.startsWith('/') || pattern.endsWith('/') || pattern.includes('//')) {
    throw new TypeError(
      `forPattern: ${quote(pattern)} can match no key; keys neither start nor end with "/", nor hold "//"`,
    );
  }
  const steps = parse(pattern);
  const [first] = steps;
  const direct = directSteps(steps);
  if (direct !== undefined) return directMatch(direct);
  // Most rules of a large set differ from the key here, before any table is made.
  const lead = first?.kind === 'text' ? first.text : '';
  return (key) => (key.startsWith(lead) ? match(steps, key) : undefined);
}

/** Which keys a rule may speak of: at least those that it does speak of. */
export interface KeyScope {
  /** What the keys consist of, in order. */
  readonly steps: readonly (Text | Capture)[];
  /** The keys may go on behind the steps, or end there. */
  readonly isOpen: boolean;
}

/** Gives the scope of a well-formed pattern, as far as its first group that may be absent. */
export function scopeOf(pattern: string): KeyScope {
  const all = parse(pattern);
  const until = all.findIndex((step) => step.kind === 'option');
  const steps = (until === -1 ? all : all.slice(0, until)).filter((step) => step.kind !== 'option');
  // What the last parameter takes need not be gone through to know that the rule is to be asked.
  const isOpen = until !== -1 || steps.at(-1)?.kind === 'capture';
  return { steps: steps.at(-1)?.kind === 'capture' ? steps.slice(0, -1) : steps, isOpen };
}

const MAX_PATTERN_LENGTH = 1024;

/** Goes on to the next step; an option may jump over its group instead. */
type Step = Text | Capture | Option;

/** Characters that stand in the key as they are. */
interface Text {
  readonly kind: 'text';
  readonly text: string;
}

/** A parameter. */
interface Capture {
  readonly kind: 'capture';
  readonly name: string;
  /** `*name`, where `:name` ends at the next `/`. */
  readonly acrossSegments: boolean;
}

interface Option {
  readonly kind: 'option';
  /** The step behind the group; known once the group is closed. */
  skipTo: number;
}

/** The marks that are read as they stand, or with a backslash before them. */
const TEXT = /(?:[^:*{}()[\]+?!\\]|\\.)+/suy;

/** A name as in JavaScript, or any in quotes. */
const CAPTURE =
  /([:*])(?:([\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)|"((?:[^"\\]|\\.)+)")/suy;

function parse(pattern: string): readonly Step[] {
  const steps: Step[] = [];
  const groups: Option[] = [];
  for (let at = 0; at < pattern.length;) {
    const step = readText(pattern, at) ?? readCapture(pattern, at, steps);
    if (step !== undefined) {
      steps.push(step.step);
      at = step.end;
      continue;
    }
    const mark = pattern.charAt(at);
    if (mark === '{') groups.push(openGroup(steps));
    else if (mark === '}') closeGroup(steps, groups.pop() ?? fail(pattern, at, '"}" without "{"'));
    else if (mark === ':' || mark === '*') fail(pattern, at, 'a parameter without a name');
    else if (mark === '\\') fail(pattern, at, 'nothing to escape');
    else fail(pattern, at, `${quote(mark)} is reserved, escape it with "\\"`);
    at += 1;
  }
  if (groups.length > 0) fail(pattern, pattern.length, '"{" without "}"');
  return steps;
}

function readText(pattern: string, at: number): { step: Text; end: number } | undefined {
  TEXT.lastIndex = at;
  const found = TEXT.exec(pattern);
  if (found === null) return undefined;
  return { step: { kind: 'text', text: unescape(found[0]) }, end: TEXT.lastIndex };
}

function readCapture(
  pattern: string,
  at: number,
  before: readonly Step[],
): { step: Capture; end: number } | undefined {
  CAPTURE.lastIndex = at;
  const found = CAPTURE.exec(pattern);
  if (found === null) return undefined;
  const name = found[2] ?? unescape(found[3] ?? '');
  if (before.at(-1)?.kind === 'capture') {
    fail(pattern, at, 'two parameters without text between them');
  }
  if (before.some((step) => step.kind === 'capture' && step.name === name)) {
    fail(pattern, at, `the parameter ${quote(name)} for a second time`);
  }
  return {
    step: { kind: 'capture', name, acrossSegments: found[1] === '*' },
    end: CAPTURE.lastIndex,
  };
}

function openGroup(steps: Step[]): Option {
  const option: Option = { kind: 'option', skipTo: 0 };
  steps.push(option);
  return option;
}

function closeGroup(steps: readonly Step[], option: Option): void {
  option.skipTo = steps.length;
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/gsu, '$1');
}

function fail(pattern: string, at: number, what: string): never {
  throw new TypeError(`forPattern: ${what} at ${at} of ${quote(pattern)}`);
}

/**
 * Gives the steps where each can end in one place only: no group may be absent, a `:name` goes to the
 * next "/", with which the next text begins, or to the end, and a `*name` goes to the end.
 */
function directSteps(steps: readonly Step[]): readonly (Text | Capture)[] | undefined {
  const direct = steps.filter((step) => step.kind !== 'option');
  const isDirect = direct.every((step, at) => endsInOnePlace(step, direct[at + 1]));
  return isDirect && direct.length === steps.length ? direct : undefined;
}

function endsInOnePlace(step: Text | Capture, next: Text | Capture | undefined): boolean {
  if (step.kind === 'text' || next === undefined) return true;
  return !step.acrossSegments && next.kind === 'text' && next.text.startsWith('/');
}

function directMatch(steps: readonly (Text | Capture)[]): PatternMatch {
  const names = steps.flatMap((step) => (step.kind === 'capture' ? [step.name] : []));
  const blank = Object.fromEntries(names.map((name) => [name, '']));
  return (key) => matchDirectly(steps, blank, key);
}

/** @param blank has all parameters as properties of its own: assigned to, even `__proto__` is just one */
function matchDirectly(
  steps: readonly (Text | Capture)[],
  blank: Readonly<Record<string, string>>,
  key: string,
): Readonly<Record<string, string>> | undefined {
  const params = { ...blank };
  let position = 0;
  for (const step of steps) {
    if (step.kind === 'text') {
      if (!key.startsWith(step.text, position)) return undefined;
      position += step.text.length;
      continue;
    }
    const slash = step.acrossSegments ? -1 : key.indexOf('/', position);
    const end = slash === -1 ? key.length : slash;
    if (end === position) return undefined;
    params[step.name] = key.slice(position, end);
    position = end;
  }
  return position === key.length ? params : undefined;
}

/**
 * A row tells, for each position of the key, where its step ends if the key from that position on
 * matches that step and all behind it: as far right as can be, as a greedy expression would have
 * it. 0 says that it does not match. (No step ends at 0: text and captures are never empty, and for
 * an option only whether it matches is kept.)
 */
type Row = Uint16Array;

function match(steps: readonly Step[], key: string): Readonly<Record<string, string>> | undefined {
  const end: Row = new Uint16Array(key.length + 1);
  end[key.length] = 1;
  const rows: Row[] = Array.from({ length: steps.length + 1 }, () => end);
  const row = (at: number): Row => rows[at] ?? end;
  for (let at = steps.length - 1; at >= 0; at -= 1) {
    const step = steps[at];
    if (step !== undefined) rows[at] = fillRow(step, key, row(at + 1), row);
  }
  return row(0)[0] === 0 ? undefined : capture(steps, rows, key);
}

function fillRow(step: Step, key: string, next: Row, rowOf: (step: number) => Row): Row {
  switch (step.kind) {
    case 'text':
      return textRow(step, key, next);
    case 'capture':
      return captureRow(step, key, next);
    case 'option':
      return optionRow(next, rowOf(step.skipTo));
  }
}

function textRow({ text }: Text, key: string, next: Row): Row {
  const row = new Uint16Array(key.length + 1);
  for (let at = key.indexOf(text); at !== -1; at = key.indexOf(text, at + 1)) {
    const end = at + text.length;
    if (next[end] !== 0) row[at] = end;
  }
  return row;
}

function captureRow({ acrossSegments }: Capture, key: string, next: Row): Row {
  const row = new Uint16Array(key.length + 1);
  let end = next[key.length] === 0 ? 0 : key.length;
  for (let at = key.length - 1; at >= 0; at -= 1) {
    // What captures within a segment cannot reach from before a "/" to behind it.
    if (key.charAt(at) === '/' && !acrossSegments) end = 0;
    else row[at] = end;
    if (end === 0 && next[at] !== 0) end = at;
  }
  return row;
}

function optionRow(inside: Row, behind: Row): Row {
  return inside.map((end, at) => (end === 0 && behind[at] === 0 ? 0 : 1));
}

function capture(
  steps: readonly Step[],
  rows: readonly Row[],
  key: string,
): Readonly<Record<string, string>> {
  const params: [string, string][] = [];
  let position = 0;
  for (let at = 0; at < steps.length;) {
    const step = steps[at];
    if (step?.kind === 'option') {
      at = rows[at + 1]?.[position] === 0 ? step.skipTo : at + 1;
      continue;
    }
    const end = rows[at]?.[position] ?? key.length;
    if (step?.kind === 'capture') params.push([step.name, key.slice(position, end)]);
    position = end;
    at += 1;
  }
  return Object.fromEntries(params);
}
