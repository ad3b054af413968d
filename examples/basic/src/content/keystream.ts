import { createCipheriv } from 'node:crypto';

/**
 * Makes any window of one long run of bytes that never repeats: the key stream of AES in counter
 * mode under a fixed key. It is the same on every machine, so that a file of it can be checked
 * anywhere, and a byte at a wrong offset is a wrong byte.
 *
 * @param start in bytes, a multiple of 16
 * @param length in bytes
 */
export function keystream(start: number, length: number): Buffer {
  const counter = Buffer.alloc(BLOCK);
  counter.writeBigUInt64BE(BigInt(start / BLOCK), BLOCK - 8);
  return createCipheriv('aes-128-ctr', KEY, counter).update(Buffer.alloc(length));
}

/** Bytes in a block of AES. */
const BLOCK = 16;

/** No secret: it only has to be the same everywhere. */
const KEY = Buffer.from('sluice demo data');
