// Downloads that can be paused and resumed in the page: ranges under `If-Range` (RFC 9110 §13.1.5),
// so that the pieces are of one version of the object, whatever happens to it in between.

/** What has come so far of one version of an object. */
interface Received {
  readonly pieces: Uint8Array<ArrayBuffer>[];
  bytes: number;
  /** Bytes of the whole. */
  total: number;
  /** Only a strong tag names bytes; without one, each attempt begins anew. */
  entityTag: string | undefined;
}

type State =
  | { readonly kind: 'idle'; readonly note?: string }
  | { readonly kind: 'running'; readonly pause: AbortController }
  | { readonly kind: 'checking' }
  | { readonly kind: 'complete'; readonly sum: string }
  | { readonly kind: 'failed'; readonly note: string };

for (const panel of document.querySelectorAll<HTMLElement>('.transfer')) takeCharge(panel);

function takeCharge(panel: HTMLElement): void {
  const button = panel.querySelector('button');
  const progress = panel.querySelector('progress');
  const status = panel.querySelector<HTMLElement>('[role=status]');
  const { url, checksumUrl } = panel.dataset;
  if (!button || !progress || !status || url === undefined || checksumUrl === undefined) return;

  const received: Received = { pieces: [], bytes: 0, total: 0, entityTag: undefined };
  let state: State = { kind: 'idle' };

  const show = (next: State): void => {
    state = next;
    panel.dataset['state'] = next.kind;
    button.textContent = labelOf(next, received);
    button.disabled = next.kind === 'checking';
    status.textContent = describe(next, received);
    if (received.total > 0) progress.value = received.bytes / received.total;
  };

  const run = async (): Promise<void> => {
    const pause = new AbortController();
    show({ kind: 'running', pause });
    try {
      await receive(url, received, pause.signal, () => show({ kind: 'running', pause }));
    } catch (error) {
      show(pause.signal.aborted ? { kind: 'idle' } : { kind: 'idle', note: noteOf(error) });
      return;
    }
    show({ kind: 'checking' });
    const whole = new Blob(received.pieces);
    show(await check(whole, checksumUrl));
    if (state.kind === 'complete') save(whole, url);
  };

  button.addEventListener('click', () => {
    if (state.kind === 'running') state.pause.abort();
    else if (state.kind !== 'checking') {
      if (state.kind !== 'idle') forget(received);
      void run();
    }
  });
  panel.hidden = false;
  show(state);
}

/** Fetches what is missing. It ends when all is there, and rejects when it is cut off before. */
async function receive(
  url: string,
  received: Received,
  signal: AbortSignal,
  onPiece: () => void,
): Promise<void> {
  // It was paused behind the last byte: a range that begins there would be refused.
  if (received.total > 0 && received.bytes === received.total) return;
  const response = await fetch(url, { headers: rangeHeaders(received), signal, cache: 'no-store' });
  if (!response.ok || response.body === null) {
    throw new Error(`The server answered ${response.status} ${response.statusText}.`);
  }
  begin(response, received);
  const reader = response.body.getReader();
  let shown = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    received.pieces.push(value);
    received.bytes += value.length;
    if (performance.now() - shown < FRAME) continue;
    shown = performance.now();
    onPiece();
  }
  if (received.bytes !== received.total) throw new Error('The connection ended early.');
}

/** Milliseconds between two pictures of the progress. */
const FRAME = 50;

function rangeHeaders({ bytes, entityTag }: Received): HeadersInit {
  if (bytes === 0 || entityTag === undefined) return {};
  return { Range: `bytes=${bytes}-`, 'If-Range': entityTag };
}

/** A 206 goes on where we stopped; a 200 says that the object has changed, so it begins anew. */
function begin(response: Response, received: Received): void {
  const [, start, total] =
    /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '') ?? [];
  const goesOn = response.status === 206;
  if (goesOn && (Number(start) !== received.bytes || Number(total) !== received.total)) {
    throw new Error('The server sent another range than was asked for.');
  }
  if (goesOn) return;
  forget(received);
  received.total = Number(response.headers.get('Content-Length') ?? 0);
  const entityTag = response.headers.get('ETag') ?? undefined;
  received.entityTag = entityTag?.startsWith('W/') ? undefined : entityTag;
}

function forget(received: Received): void {
  received.pieces.length = 0;
  received.bytes = 0;
}

/** Compares the SHA-256 of what came with what the server says of the object. */
async function check(whole: Blob, checksumUrl: string): Promise<State> {
  // There is no `crypto.subtle` elsewhere, as over plain HTTP from another machine.
  if (!isSecureContext) return { kind: 'complete', sum: 'not checked' };
  try {
    const digest = await crypto.subtle.digest('SHA-256', await whole.arrayBuffer());
    const sum = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'));
    const response = await fetch(checksumUrl, { cache: 'no-store' });
    if (!response.ok) throw new Error(`the server answered ${response.status}.`);
    return sum.join('') === (await response.text())
      ? { kind: 'complete', sum: sum.join('') }
      : { kind: 'failed', note: 'The bytes are not those of the object.' };
  } catch (error) {
    return { kind: 'failed', note: `Not checked: ${noteOf(error)}` };
  }
}

/** Hands the bytes to the browser as a file, under the name that the URL ends with. */
function save(whole: Blob, url: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(whole);
  link.download = decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function labelOf({ kind }: State, { bytes }: Received): string {
  switch (kind) {
    case 'idle':
      return bytes > 0 ? 'Resume' : 'Download here';
    case 'running':
      return 'Pause';
    case 'checking':
      return 'Checking';
    case 'complete':
    case 'failed':
      return 'Again';
  }
}

function describe(state: State, received: Received): string {
  const { bytes, total } = received;
  const sofar = `${count(bytes)} of ${count(total)} bytes`;
  switch (state.kind) {
    case 'idle':
      if (state.note !== undefined) return bytes > 0 ? `${state.note} ${sofar}` : state.note;
      return bytes > 0 ? `Paused at ${sofar}` : 'Can be paused and resumed.';
    case 'running':
      return total === 0 ? 'Asking…' : sofar;
    case 'checking':
      return `${sofar}, checking SHA-256…`;
    case 'complete':
      return `All ${count(total)} bytes. SHA-256: ${state.sum}`;
    case 'failed':
      return state.note;
  }
}

function count(bytes: number): string {
  return bytes.toLocaleString('en').replaceAll(',', '\u202f');
}

function noteOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
