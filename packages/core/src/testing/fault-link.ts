import { connect, type Socket } from 'node:net';

import type { Fault, NetworkAddress } from './fault.ts';
import { answerOf, createRewriter, methodOf } from './http-rewrite.ts';

/** One connection through a fault proxy, and its other half to the store. */
export interface FaultLink {
  /** Does this to the bytes of answer from now on. */
  apply(fault: Fault): void;
  /** Breaks both halves off. */
  end(): void;
}

/** Whom a link tells of itself. */
interface LinkEvents {
  /** The fault has spoilt a connection or an answer. */
  readonly struck: () => void;
  readonly closed: () => void;
}

/** What becomes of bytes of answer, and of what the client says. */
interface Shape {
  answer(chunk: Buffer): void;
  /** A request, or a part of one; whether the store is to get it. */
  request?(chunk: Buffer): boolean;
  /** Set where bytes may be held back. */
  readonly hold?: Hold;
}

interface Hold {
  /** Whether the store is to wait. */
  isFull(): boolean;
  /** Ends what the shape does by itself, as with a timer, and gives up what it held. */
  release(): Buffer;
}

/** Connects a client of the proxy to the store. */
export function createFaultLink(
  client: Socket,
  target: NetworkAddress,
  { struck, closed }: LinkEvents,
): FaultLink {
  const store = connect({ ...target, allowHalfOpen: true, noDelay: true });
  let shape: Shape = { answer: pass };
  let over = false;

  /** Gives the client bytes, and lets the store wait where it is slow to take them. */
  function pass(chunk: Buffer): void {
    if (!client.write(chunk)) store.pause();
  }
  const halves: Halves = { client, store, pass, struck };
  const end = (): void => {
    if (over) return;
    over = true;
    shape.hold?.release();
    store.destroy();
    client.destroy();
    closed();
  };

  client.on('data', (chunk: Buffer) => {
    if (shape.request?.(chunk) === false) return;
    if (!store.write(chunk)) client.pause();
  });
  store.on('data', (chunk: Buffer) => shape.answer(chunk));
  client.on('drain', () => {
    if (shape.hold?.isFull() !== true) store.resume();
  });
  store.on('drain', () => client.resume());
  client.on('end', () => store.end());
  store.on('end', () => {
    // What a shape still holds back is not to be cut off by the store's goodbye.
    if (shape.hold === undefined) client.end();
  });
  client.on('error', end);
  store.on('error', () => {
    reset(client);
  });
  client.on('close', end);

  return {
    apply(fault) {
      const held = shape.hold?.release();
      shape = shapeOf(fault, halves);
      if (held !== undefined && held.byteLength > 0) shape.answer(held);
      if (shape.hold === undefined && store.readableEnded) client.end();
      if (shape.hold?.isFull() !== true) store.resume();
    },
    end,
  };
}

interface Halves {
  readonly client: Socket;
  readonly store: Socket;
  readonly pass: (chunk: Buffer) => void;
  readonly struck: () => void;
}

function shapeOf(fault: Fault, halves: Halves): Shape {
  const { client, store, pass } = halves;
  switch (fault.kind) {
    case 'pass':
      return { answer: pass };
    case 'refuse':
      // Not from within: whoever applies a fault goes through all links.
      process.nextTick(() => {
        reset(client);
      });
      return { answer: () => undefined, request: () => false };
    case 'reset':
      return breaking(fault.after ?? 0, halves, () => reset(client));
    case 'truncate':
      return breaking(fault.after ?? 0, halves, () => {
        client.end();
        store.destroy();
      });
    case 'stall':
      return stalling(fault.after ?? 0, halves);
    case 'drip':
      return dripping(fault, halves);
    case 'answer':
      return answering(fault, halves);
    case 'rewrite':
      return rewriting(fault, halves);
  }
}

/** A socket that is ending already takes no reset: it would neither be reset nor closed. */
function reset(client: Socket): void {
  if (client.destroyed) return;
  if (client.writableEnded) client.destroy();
  else client.resetAndDestroy();
}

/** Parts a piece where so many bytes of answer are full. */
function counter(after: number): (chunk: Buffer) => readonly [within: Buffer, beyond: Buffer] {
  let room = after;
  return (chunk) => {
    const within = chunk.subarray(0, room);
    room -= within.byteLength;
    return [within, chunk.subarray(within.byteLength)];
  };
}

function breaking(after: number, { client, pass, struck }: Halves, broken: () => void): Shape {
  const part = counter(after);
  let over = false;
  return {
    answer(chunk) {
      if (over) return;
      const [within, beyond] = part(chunk);
      if (within.byteLength > 0) pass(within);
      if (beyond.byteLength === 0) return;
      over = true;
      // What was passed is to leave first.
      client.write('', () => {
        broken();
        struck();
      });
    },
  };
}

function stalling(after: number, { store, pass }: Halves): Shape {
  const part = counter(after);
  let kept = Buffer.alloc(0);
  return {
    answer(chunk) {
      const [within, beyond] = part(chunk);
      if (within.byteLength > 0) pass(within);
      if (beyond.byteLength === 0) return;
      kept = Buffer.concat([kept, beyond]);
      store.pause();
    },
    hold: { isFull: () => kept.byteLength > 0, release: () => kept },
  };
}

function dripping(
  { bytes, every }: Extract<Fault, { readonly kind: 'drip' }>,
  { client, store, pass }: Halves,
): Shape {
  let kept = Buffer.alloc(0);
  const isFull = (): boolean => kept.byteLength >= bytes;
  const timer = setInterval(() => {
    if (kept.byteLength > 0) pass(kept.subarray(0, bytes));
    kept = kept.subarray(bytes);
    if (isFull()) return;
    if (!store.readableEnded) store.resume();
    else if (kept.byteLength === 0) client.end();
  }, every);
  return {
    answer(chunk) {
      kept = Buffer.concat([kept, chunk]);
      // Not before a whole drip is there: each would else be as small as what the store sends at once.
      if (isFull()) store.pause();
    },
    hold: {
      isFull,
      release() {
        clearInterval(timer);
        return kept;
      },
    },
  };
}

function answering(
  fault: Extract<Fault, { readonly kind: 'answer' }>,
  { client, struck }: Halves,
): Shape {
  let head = '';
  let said = false;
  return {
    // Of an answer to a request that came before this fault.
    answer: () => undefined,
    request(chunk) {
      if (said) return false;
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return false;
      said = true;
      client.end(answerOf(fault, methodOf(head)));
      struck();
      return false;
    },
  };
}

function rewriting(
  fault: Extract<Fault, { readonly kind: 'rewrite' }>,
  { client, store, pass, struck }: Halves,
): Shape {
  let rewrite = createRewriter(fault, undefined);
  return {
    request(chunk) {
      const method = methodOf(chunk.toString('latin1', 0, 16));
      if (method !== undefined) rewrite = createRewriter(fault, method);
      return true;
    },
    answer(chunk) {
      const { bytes, outcome } = rewrite(chunk);
      if (bytes.byteLength > 0) pass(bytes);
      if (outcome === 'replaced') {
        client.end();
        store.destroy();
      }
      if (outcome !== 'passed') struck();
    },
  };
}
