import type { Report, ReportedCase, ReportedContender } from './report.ts';

/**
 * Draws the ratios of a report as an SVG: a line a case, a dot a contender, 1 is the baseline, on a
 * logarithmic scale, because the ceilings are tens of times the peers. The colours follow the
 * reader's scheme, light or dark.
 */
export function chart({ date, machine, cases }: Report): string {
  const rows = cases.flatMap(rowOf);
  const values = rows.flatMap(({ dots }) => dots.map(({ value }) => value));
  const scale = scaleOf(values);
  const height = TOP + rows.length * ROW + BOTTOM;
  const subtitle = [
    date.slice(0, 10),
    `${machine.processor}, ${machine.processors} processors`,
    `Node ${machine.node.slice(1)}`,
    `${machine.loader}, loopback`,
  ].join(' · ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">Sluice and its peers, as multiples of koa-send, measured ${date.slice(0, 10)}</title>`,
    STYLE,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    text(16, 28, 'Downloads, as multiples of koa-send (or of the one named)', 'head'),
    text(16, 46, subtitle, 'quiet'),
    ...legend(),
    ...grid(scale, height),
    ...rows.flatMap((row, index) => drawRow(row, TOP + index * ROW + ROW / 2, scale)),
    '</svg>',
    '',
  ].join('\n');
}

/** Writes text so that it stays text in XML. */
export function escapeXml(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

const WIDTH = 860;
const TOP = 96;
const ROW = 34;
const BOTTOM = 30;
const LEFT = 276;
const RIGHT = 24;

type Kind = 'ours' | 'cache' | 'peer' | 'base' | 'ceiling';

interface Dot {
  readonly kind: Kind;
  readonly title: string;
  readonly value: number;
}

interface Row {
  readonly title: string;
  /** What 1 is, and whether less is better; empty where koa-send is 1 and more is. */
  readonly note: string;
  readonly dots: readonly Dot[];
}

type Scale = {
  readonly x: (value: number) => number;
  readonly ticks: readonly number[];
};

const KINDS: readonly (readonly [Kind, string])[] = [
  ['ours', 'Sluice'],
  ['cache', 'with a cache'],
  ['base', 'koa-send, or the one named'],
  ['peer', 'other JavaScript servers'],
  ['ceiling', 'ceilings: from memory, nginx'],
];

const STYLE = `<style>
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .head { font-size: 15px; font-weight: 600 }
  .quiet, .tick { fill: #59636e; font-size: 11px }
  .tick { text-anchor: middle }
  .number { font-size: 11px; font-weight: 600 }
  .ground { fill: #ffffff }
  .grid { stroke: #d1d9e0 }
  .one { stroke: #818b98; stroke-width: 1.5 }
  .ours { fill: #0969da }
  .cache { fill: #8250df }
  .peer { fill: #818b98; fill-opacity: .7 }
  .base { fill: #1f2328 }
  .ceiling { fill: none; stroke: #bc4c00; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .quiet, .tick { fill: #9198a1 }
    .ground { fill: #0d1117 }
    .grid { stroke: #3d444d }
    .one { stroke: #9198a1 }
    .ours { fill: #4493f8 }
    .cache { fill: #ab7df8 }
    .peer { fill: #9198a1 }
    .base { fill: #f0f6fc }
    .ceiling { stroke: #f0883e }
  }
</style>`;

function rowOf({ title, metric, baseline, contenders }: ReportedCase): readonly Row[] {
  const base = contenders.find(({ name }) => name === baseline);
  if (base === undefined) return [];
  const dots = contenders.flatMap((one): readonly Dot[] => {
    const value = one.ratios.baseline;
    return value === undefined || value <= 0
      ? []
      : [{ kind: kindOf(one, baseline), title: one.title, value }];
  });
  const named = [
    ...(baseline === 'koa-send' ? [] : [`1 is ${base.title}`]),
    ...(metric === 'memoryPerReader' ? ['memory, less is better'] : []),
  ];
  return [{ title, note: named.join('; '), dots }];
}

function kindOf({ name, role }: ReportedContender, baseline: string): Kind {
  if (name === baseline) return 'base';
  if (role === 'ours') return name.includes('cache') ? 'cache' : 'ours';
  return role;
}

/** Whole powers of two around the values, and 1. */
function scaleOf(values: readonly number[]): Scale {
  const exponents = values.map((value) => Math.log2(value));
  const low = Math.floor(Math.min(0, ...exponents) - 0.2);
  const high = Math.ceil(Math.max(1, ...exponents) + 0.2);
  const width = WIDTH - LEFT - RIGHT;
  return {
    x: (value) => LEFT + ((Math.log2(value) - low) / (high - low)) * width,
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 2 ** (low + index)),
  };
}

function legend(): readonly string[] {
  let x = 22;
  return KINDS.flatMap(([kind, label]) => {
    const parts = [dot(x, 64, kind, label), text(x + 9, 68, label, 'quiet')];
    x += 26 + label.length * 5.8;
    return parts;
  });
}

function grid({ x, ticks }: Scale, height: number): readonly string[] {
  const bottom = height - BOTTOM;
  return ticks.flatMap((tick) => [
    `<line class="${tick === 1 ? 'one' : 'grid'}" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${TOP - 6}" y2="${bottom}"/>`,
    text(x(tick), bottom + 16, tick < 1 ? `1/${1 / tick}` : String(tick), 'tick'),
  ]);
}

function drawRow({ title, note, dots }: Row, y: number, { x }: Scale): readonly string[] {
  // Ours last, on top of the others.
  const order: readonly Kind[] = ['peer', 'ceiling', 'base', 'ours', 'cache'];
  const sorted = dots.toSorted((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
  const numbers = sorted
    .filter(({ kind }) => kind === 'ours' || kind === 'cache')
    // Above and below in turn: they are often close together.
    .map(({ value }, index) =>
      text(
        x(value) - 8,
        index % 2 === 0 ? y - 7 : y + 16,
        value.toFixed(value < 1 ? 2 : 1),
        'number',
      ),
    );
  return [
    text(16, note === '' ? y + 4 : y - 3, title, ''),
    ...(note === '' ? [] : [text(16, y + 11, note, 'quiet')]),
    ...sorted.map(({ kind, title: name, value }) =>
      dot(x(value), y, kind, `${name}: ${value.toFixed(2)} ×`),
    ),
    ...numbers,
  ];
}

function dot(x: number, y: number, kind: Kind, title: string): string {
  const radius = kind === 'peer' ? 3.5 : 5;
  return `<circle class="${kind}" cx="${at(x)}" cy="${at(y)}" r="${radius}"><title>${escapeXml(title)}</title></circle>`;
}

function text(x: number, y: number, value: string, kind: string): string {
  const style = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${at(x)}" y="${at(y)}"${style}>${escapeXml(value)}</text>`;
}

function at(value: number): string {
  return value.toFixed(1);
}
