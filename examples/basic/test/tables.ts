import { DEMO_KEYS } from '../src/content/demo-folder.ts';

const { welcome, picture, report, notes, tune, prices, recording, winter, summer, lease } =
  DEMO_KEYS;

/** What each person may download, and with which status they are refused the rest. */
export const access: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  nobody: {
    [welcome]: 200,
    [picture]: 200,
    [summer]: 200,
    [winter]: 410,
    [report]: 404,
    [notes]: 404,
    [tune]: 404,
    [prices]: 404,
    [recording]: 404,
    [lease]: 404,
  },
  ada: {
    [welcome]: 200,
    [picture]: 200,
    [summer]: 200,
    [winter]: 410,
    [report]: 200,
    [notes]: 404,
    [tune]: 200,
    [prices]: 404,
    [recording]: 200,
    [lease]: 403,
  },
  ben: {
    [welcome]: 200,
    [picture]: 200,
    [summer]: 200,
    [winter]: 410,
    [report]: 404,
    [notes]: 200,
    [tune]: 404,
    [prices]: 200,
    [recording]: 200,
    [lease]: 403,
  },
  cleo: {
    [welcome]: 200,
    [picture]: 200,
    [summer]: 200,
    [winter]: 410,
    [report]: 404,
    [notes]: 404,
    [tune]: 200,
    [prices]: 404,
    [recording]: 200,
    [lease]: 200,
  },
};

/** Bytes of the recording in the tests. */
export const RECORDING_BYTES = 3_000_000;

/** A request for the recording, and what comes: a window of it, or none. `$tag` is its entity tag. */
export interface RangeRow {
  readonly title: string;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
  readonly contentRange?: string;
  /** Half-open. */
  readonly window?: readonly [start: number, end: number];
}

const WHOLE = [0, RECORDING_BYTES] as const;

export const ranges: readonly RangeRow[] = [
  { title: 'without a range comes the whole', headers: {}, status: 200, window: WHOLE },
  { title: 'HEAD tells the length and sends nothing', method: 'HEAD', headers: {}, status: 200 },
  {
    title: 'a range of the middle',
    headers: { Range: 'bytes=1000000-1999999' },
    status: 206,
    contentRange: 'bytes 1000000-1999999/3000000',
    window: [1_000_000, 2_000_000],
  },
  {
    title: 'the last bytes',
    headers: { Range: 'bytes=-5' },
    status: 206,
    contentRange: 'bytes 2999995-2999999/3000000',
    window: [2_999_995, 3_000_000],
  },
  {
    title: 'a resume under the entity tag of before',
    headers: { Range: 'bytes=2999990-', 'If-Range': '$tag' },
    status: 206,
    contentRange: 'bytes 2999990-2999999/3000000',
    window: [2_999_990, 3_000_000],
  },
  {
    title: 'a resume of another version gets the whole',
    headers: { Range: 'bytes=2999990-', 'If-Range': '"other"' },
    status: 200,
    window: WHOLE,
  },
  {
    title: 'a range behind the end',
    headers: { Range: 'bytes=3000000-' },
    status: 416,
    contentRange: 'bytes */3000000',
  },
  {
    title: 'a range that is none is passed over',
    headers: { Range: 'pages=1-2' },
    status: 200,
    window: WHOLE,
  },
  { title: 'a copy that is still good', headers: { 'If-None-Match': '$tag' }, status: 304 },
  { title: 'only if it is another version', headers: { 'If-Match': '"other"' }, status: 412 },
];

/** Targets that name no object, in spellings that a careless server would mend into one. */
export const hostileTargets: readonly string[] = [
  '/files/',
  '/files//public/welcome.txt',
  '/files/public//welcome.txt',
  '/files/public/welcome.txt/',
  '/files/./public/welcome.txt',
  '/files/public/../public/welcome.txt',
  '/files/public/%2e%2e/people/ada/notes.txt',
  '/files/..%2f..%2fpackage.json',
  '/files/../package.json',
  '/files/%2e%2e/%2e%2e/package.json',
  '/files/public%2fwelcome.txt',
  '/files/public%5cwelcome.txt',
  '/files/public\\welcome.txt',
  '/files/public/welcome.txt%00',
  '/files/public/welcome.txt%00.png',
  '/files/public/welcome.txt%20',
  '/files/public/welcome.txt.',
  '/files/PUBLIC/welcome.txt',
  '/files/public/%E0%A4%A',
  '/files/public/%C0%AE%C0%AE/welcome.txt',
  '/files/public/%ff',
  '/files/public',
  '/files/%252e%252e/package.json',
  '/files//etc/passwd',
  '/files/%2fetc/passwd',
];

/** Command lines that start nothing, and what is said of them. */
export const wrongFlags: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [['--prot', '1'], /Unknown option '--prot'/],
  [['somewhere'], /Unexpected argument 'somewhere'/],
  [['--port'], /'--port <value>' argument missing/],
  [['--port', '65536'], /--port must be a number from 0 to 65535, not "65536"/],
  [['--port=-1'], /--port must be a number from 0 to 65535, not "-1"/],
  [['--port', '80a'], /--port must be a number from 0 to 65535, not "80a"/],
  [['--port', ''], /--port must be a number from 0 to 65535, not ""/],
  [['--root', ''], /--root must name a folder/],
  [['--root', '/'], /--root "\/" is the whole disk/],
  [['--root', 'no/such/folder'], /--root ".*no\/such\/folder" does not exist/],
  [['--root', process.execPath], /--root ".*" is not a folder/],
  [['--root', `${process.execPath}/below`], /--root ".*" does not exist/],
];
