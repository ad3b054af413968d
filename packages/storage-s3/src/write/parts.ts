/** A run of a source's bytes, in memory of its own. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/**
 * Divides the bytes of a source into parts of one size, the last one excepted: one part is in memory
 * at a time, and no more of the source is asked for before it has been taken. There is a last part
 * always, if only an empty one.
 *
 * @throws whatever the source throws
 */
export async function* partsOf(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Part, undefined> {
  let part = createGathering(size);
  for await (const piece of source) {
    for (let at = 0; at < piece.byteLength;) {
      // A full part is known not to be the last one only when more has come.
      if (part.isFull()) {
        yield { bytes: part.bytes(), isLast: false };
        part = createGathering(size);
      }
      at += part.add(piece.subarray(at));
    }
  }
  yield { bytes: part.bytes(), isLast: true };
}

/** Divides bytes that are in memory, without copying them. */
export function* cutBytes(bytes: Uint8Array, size: number): Generator<Part, undefined> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    yield { bytes: bytes.subarray(at, at + size), isLast: at + size >= bytes.byteLength };
  }
}

interface Gathering {
  isFull(): boolean;
  /** Copies as much as there is room for, and tells how many bytes that is. */
  add(piece: Uint8Array): number;
  bytes(): Uint8Array;
}

/** Copies: a source may use the memory of its pieces again. It grows, since most objects are small. */
function createGathering(size: number): Gathering {
  let memory = Buffer.allocUnsafeSlow(Math.min(size, SMALLEST));
  let length = 0;
  const makeRoom = (wanted: number): void => {
    if (wanted <= memory.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(size, Math.max(wanted, 2 * memory.byteLength)));
    memory.copy(larger, 0, 0, length);
    memory = larger;
  };
  return {
    isFull: () => length === size,
    add(piece) {
      const taken = piece.subarray(0, size - length);
      makeRoom(length + taken.byteLength);
      memory.set(taken, length);
      length += taken.byteLength;
      return taken.byteLength;
    },
    bytes: () => memory.subarray(0, length),
  };
}

/** Bytes. */
const SMALLEST = 65_536;
