import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';

import { SluiceError } from '../errors.ts';
import type { ObjectHandle } from '../storage/driver.ts';
import { createPacedSource, pieceAtRate } from './paced-source.ts';
import { createPiecePool, type PiecePool } from './piece-pool.ts';
import {
  type BodyRun,
  createPieceSource,
  lengthOf,
  type Piece,
  type PieceSource,
} from './piece-source.ts';

/** What {@link createBodyStream} takes. */
export interface BodyStreamOptions {
  /** Default: one for the whole process. */
  readonly pool?: PiecePool;
  /** Bytes a second that it gives at most. Default: no bound. */
  readonly rate?: number | undefined;
}

/**
 * Streams the runs of a body in order, reading one piece ahead at the most.
 *
 * It owns the handle, and closes it once: at the end, on a failure, and when it is destroyed, read
 * or not. It has no `path`, by which some middleware would look the object up again.
 */
export function createBodyStream(
  handle: ObjectHandle,
  runs: readonly BodyRun[],
  { pool = sharedPool, rate }: BodyStreamOptions = {},
): BodyStream {
  const abort = createAbort();
  const { signal } = abort;
  const source = createPieceSource(handle, runs, { pool, most: pieceAtRate(rate), signal });
  const paced = rate === undefined ? source : createPacedSource(source, rate, signal);
  return new BodyStream(paced, abort, rate === undefined && lengthOf(runs) <= SHORT);
}

/**
 * A body that goes into a response of Node's own HTTP/1.1 server by a short cut: its pieces lie in
 * memory that is used again once the connection has let go of it. For every other reader, and
 * where anybody else wants to see the bytes, it is a stream like any other.
 */
export class BodyStream extends Readable {
  readonly #source: PieceSource;
  readonly #abort: Abort;
  /** Read, and not yet given to anybody. */
  #waiting: Piece | undefined;
  /** Given to a response, which may still hold it. */
  #inFlight: Piece | undefined;
  /** Where the short cut leads, unless it was taken away. */
  #destination: unknown;
  #isPumping = false;
  #isReading = false;
  /**
   * The connection took the last piece at {@link QUICK} bytes a millisecond or more. A short body may
   * begin with a large piece: it is never many of them that wait for a slow reader.
   */
  #isQuick: boolean;
  #given = 0;

  constructor(source: PieceSource, abort: Abort, isShort: boolean) {
    super({ highWaterMark: 1 });
    this.#source = source;
    this.#abort = abort;
    this.#isQuick = isShort;
  }

  /** Bytes that were handed to the consumer so far. */
  get bytesTaken(): number {
    return this.#given - this.readableLength;
  }

  /**
   * Reads the first piece before anybody asks for it. To be called once, before all else.
   *
   * A failure destroys the stream without an `error` event, and is thrown.
   *
   * @throws SluiceError `SLUICE_ABORTED` when the stream was destroyed meanwhile
   */
  async prime(): Promise<void> {
    try {
      const piece = await this.#source.next(true, this.#isQuick);
      if (!this.destroyed) {
        this.#waiting = piece;
        return;
      }
      piece?.lease?.drop();
    } catch (error) {
      this.destroy();
      throw error;
    }
    throw new SluiceError('SLUICE_ABORTED', NOT_WANTED.message);
  }

  override pipe<T extends NodeJS.WritableStream>(
    destination: T,
    options?: { readonly end?: boolean },
  ): T {
    if (!this.#canPump() || !isPlainResponse(destination)) return super.pipe(destination, options);
    this.#destination = destination;
    this.#isPumping = true;
    destination.emit('pipe', this);
    const ends = options?.end !== false;
    this.#pump(destination, ends).catch((error: unknown) => this.destroy(asError(error)));
    return destination;
  }

  override unpipe(destination?: NodeJS.WritableStream): this {
    const isMeant = destination === undefined || destination === this.#destination;
    if (isMeant) this.#destination = undefined;
    return super.unpipe(destination);
  }

  override _read(): void {
    this.#isReading = true;
    // Whoever wants to see the bytes too gets them from the next piece on.
    if (!this.#isPumping) this.#readOn();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A body that was read to its end has nothing left to stop.
    if (!this.readableEnded) this.#abort.abort(error ?? NOT_WANTED);
    this.#inFlight?.lease?.drop();
    this.#inFlight = undefined;
    this.#waiting?.lease?.drop();
    this.#waiting = undefined;
    this.#source.close().then(
      () => done(error),
      (fault: unknown) => done(error ?? asError(fault)),
    );
  }

  #canPump(): boolean {
    return (
      this.#source.canLend() &&
      !this.#isPumping &&
      !this.#isReading &&
      this.readableLength === 0 &&
      !this.readableEnded &&
      !this.destroyed &&
      !this.#isWatched()
    );
  }

  #isWatched(): boolean {
    return this.listenerCount('data') > 0 || this.listenerCount('readable') > 0;
  }

  #readOn(): void {
    this.#next(false).then(
      (piece) => {
        this.#isReading = false;
        // From here on it is anybody's, for as long as they like.
        piece?.lease?.drop();
        if (this.destroyed) return;
        this.#given += piece?.bytes.byteLength ?? 0;
        this.push(piece?.bytes ?? null);
      },
      (error: unknown) => this.destroy(asError(error)),
    );
  }

  async #next(isLent: boolean): Promise<Piece | undefined> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting ?? this.#source.next(isLent, this.#isQuick);
  }

  /**
   * Hands pieces to a response, one at a time: a piece is read when the one before has left for the
   * system, whose own buffers keep the client busy in the meantime. This holds for a response, too,
   * that waits for its turn behind others on its connection.
   */
  async #pump(destination: ServerResponse, ends: boolean): Promise<void> {
    for (;;) {
      const piece = await this.#next(true);
      if (this.destroyed) return piece?.lease?.drop();
      if (piece === undefined) break;
      // Much can have happened since the last one.
      if (this.#destination !== destination || this.#isWatched() || !isPlainResponse(destination)) {
        this.#waiting = piece;
        return this.#handOver(destination, ends);
      }
      if (!(await this.#hand(piece, destination))) return;
    }
    if (ends) this.once('end', () => destination.end());
    this.push(null);
    // Without a reader nobody else would look for the end.
    this.read(0);
  }

  /** Hands one piece over, and tells whether there is anybody to go on for. */
  async #hand(piece: Piece, destination: ServerResponse): Promise<boolean> {
    const { bytes, lease, isAtOnce } = piece;
    this.#given += bytes.byteLength;
    this.#inFlight = piece;
    const began = performance.now();
    const isFree = await write(destination, bytes);
    this.#isQuick = bytes.byteLength >= (performance.now() - began) * QUICK;
    if (!isFree || this.destroyed) {
      lease?.drop();
      return false;
    }
    lease?.giveBack();
    this.#inFlight = undefined;
    if (isAtOnce) await turnOfOthers();
    return !this.destroyed;
  }

  /** Goes on as an ordinary stream. */
  #handOver(destination: ServerResponse, ends: boolean): void {
    this.#isPumping = false;
    if (this.#destination === destination) super.pipe(destination, { end: ends });
    if (this.#isReading) this.#readOn();
  }
}

const sharedPool = createPiecePool();

/** Bytes a millisecond. A reader that takes more keeps up; memory that waits for others is wasted. */
const QUICK = 1024;

/** Bytes. The pool bounds what large first pieces of many such bodies take together. */
const SHORT = 2_097_152;

interface Abort {
  readonly signal: () => AbortSignal;
  readonly abort: (reason: Error) => void;
}

/** Most bodies come to their end without ever waiting for anything that could be ended. */
function createAbort(): Abort {
  let controller: AbortController | undefined;
  let reason: Error | undefined;
  return {
    signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (reason !== undefined) controller.abort(reason);
      }
      return controller.signal;
    },
    abort(why) {
      reason ??= why;
      controller?.abort(reason);
    },
  };
}

/**
 * Lets everybody else have his turn. A piece that came at once, and that the system took at once,
 * would be followed by the next one, as long as the client keeps up.
 */
function turnOfOthers(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A reason of its own: without one, every abort would make a `DOMException` with its stack. */
const NOT_WANTED = new Error('the body is no longer wanted');

// As they were when this module was loaded: what took their place since may keep what it is given.
// oxlint-disable-next-line typescript/unbound-method -- compared, never called
const { write: writeToResponse } = ServerResponse.prototype;
// oxlint-disable-next-line typescript/unbound-method -- compared, never called
const { write: writeToSocket, _write, _writev } = Socket.prototype;

/**
 * Tells whether a write to a destination goes to the operating system, so that its callback comes
 * when nobody needs the memory any more. A compressing middleware, or a connection that somebody
 * made of other streams, may hold it for longer.
 */
function isPlainResponse(destination: unknown): destination is ServerResponse {
  if (!isServerResponse(destination) || destination.write !== writeToResponse) return false;
  const { socket } = destination.req;
  return (
    socket instanceof Socket &&
    // A response that waits for its turn has no connection yet.
    (destination.socket === null || destination.socket === socket) &&
    socket.write === writeToSocket &&
    socket._write === _write &&
    socket._writev === _writev
  );
}

function isServerResponse(destination: unknown): destination is ServerResponse {
  return destination instanceof ServerResponse;
}

/** Writes, and tells whether all of it was let go of; never where the connection has gone. */
function write(destination: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    destination.write(bytes, (error) => {
      // A connection that was closed calls back without an error.
      resolve((error ?? undefined) === undefined && !destination.req.socket.destroyed);
    });
  });
}

function asError(fault: unknown): Error {
  return fault instanceof Error ? fault : new Error('a read failed', { cause: fault });
}
