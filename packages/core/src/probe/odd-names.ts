/** A name that a front server may read in another way than the application wrote it. */
export interface OddName {
  /** What is odd about it. */
  readonly id: string;
  readonly nameOf: (run: string) => string;
}

/**
 * Names that a key may have, and that some front server, codec or configuration gets wrong. All lie
 * in one folder or in one fixed folder below it, since a store may keep the folders that were made.
 */
export const ODD_NAMES: readonly OddName[] = [
  { id: 'blank within', nameOf: (run) => `${run} a  b.txt` },
  { id: 'blank in front', nameOf: (run) => ` ${run}.txt` },
  { id: 'blank at the end', nameOf: (run) => `${run}.txt ` },
  // Decoded once too often, the second is the first.
  { id: 'letter that an escape could stand for', nameOf: (run) => `${run}-A.txt` },
  { id: 'text that looks like an escaped letter', nameOf: (run) => `${run}-%41.txt` },
  { id: 'text that looks like escaped dots', nameOf: (run) => `%2e%2e${run}.txt` },
  { id: 'text that looks like an escaped slash', nameOf: (run) => `${run}%2Fb.txt` },
  { id: 'percent sign', nameOf: (run) => `${run} 100%.txt` },
  { id: 'percent sign without digits', nameOf: (run) => `${run}%zz.txt` },
  { id: 'question mark', nameOf: (run) => `${run}?b=c.txt` },
  { id: 'number sign', nameOf: (run) => `${run}#b.txt` },
  { id: 'plus sign', nameOf: (run) => `${run}+b.txt` },
  { id: 'separators of URLs', nameOf: (run) => `${run};a&b=c,d:e@f$.txt` },
  { id: 'quotes and brackets', nameOf: (run) => `${run}'"(b)[c]{d}<e>.txt` },
  { id: 'bar, caret, backtick, star', nameOf: (run) => `${run}|^\`*.txt` },
  { id: 'backslash', nameOf: (run) => `${run}\\b.txt` },
  { id: 'composed accent', nameOf: (run) => `${run}-caf\u00e9.txt` },
  { id: 'decomposed accent', nameOf: (run) => `${run}-cafe\u0301.txt` },
  { id: 'Japanese', nameOf: (run) => `${run}-\u65e5\u672c.txt` },
  { id: 'emoji', nameOf: (run) => `${run}-\u{1f30a}.txt` },
  { id: 'dot in front', nameOf: (run) => `.${run}.txt` },
  { id: 'two dots in front', nameOf: (run) => `..${run}..b.txt` },
  { id: 'dash in front', nameOf: (run) => `-${run}.txt` },
  { id: 'tilde in front', nameOf: (run) => `~${run}.txt` },
  { id: 'tilde at the end', nameOf: (run) => `${run}.txt~` },
  { id: 'longest name', nameOf: (run) => `${run}-`.padEnd(251, 'x').concat('.txt') },
  { id: 'odd folder', nameOf: (run) => `an odd %41 folder \u00e9/${run}.txt` },
];
