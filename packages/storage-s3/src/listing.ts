import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { type Call, type ListEntry, parseKey, quote, SluiceError } from '@sluice/core';
import { throwIfAborted } from '@sluice/core/drivers';

import type { Connection } from './connection.ts';
import { MAX_KEY_BYTES } from './find-object.ts';
import type { Settings } from './settings.ts';

/**
 * Lists the objects whose keys start with a prefix, as text, a page of the store at a time. What a
 * bucket holds under names that are no keys is left out.
 *
 * @throws SluiceError whatever the store fails with
 */
export async function* listObjects(
  { connection, settings }: { readonly connection: Connection; readonly settings: Settings },
  prefix: string,
  { signal }: Call = {},
): AsyncGenerator<ListEntry, undefined> {
  if (typeof prefix !== 'string') {
    throw new TypeError(`list: a prefix must be a string, got ${quote(prefix)}`);
  }
  throwIfAborted(signal);
  // What no key can start with, as half of a character, cannot be asked for either.
  if (!prefix.isWellFormed() || Buffer.byteLength(prefix) > MAX_KEY_BYTES) return;
  let token: string | undefined;
  do {
    const page: ListObjectsV2CommandOutput = await connection.ask(
      (client, told) =>
        client.send(
          new ListObjectsV2Command({
            Bucket: settings.bucket,
            Prefix: prefix,
            // Without it, one object with a control character in its name spoils the whole answer.
            EncodingType: 'url',
            ...(token !== undefined && { ContinuationToken: token }),
          }),
          told,
        ),
      { signal, limit: settings.timeouts.answer },
    );
    for (const entry of entriesOf(page, prefix)) {
      throwIfAborted(signal);
      yield entry;
    }
    token = nextOf(page, token);
  } while (token !== undefined);
}

function* entriesOf(
  { Contents = [], EncodingType }: ListObjectsV2CommandOutput,
  prefix: string,
): Generator<ListEntry, undefined> {
  for (const { Key, Size } of Contents) {
    const key = parseKey(EncodingType === 'url' ? decodeKey(Key) : Key);
    if (key?.startsWith(prefix) === true && Size !== undefined) yield { key, size: Size };
  }
}

/** Some stores write a space as `+`; a `+` itself is escaped then. The SDK does not decode. */
function decodeKey(key: string | undefined): string | undefined {
  try {
    return key === undefined ? undefined : decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function nextOf(
  { IsTruncated, NextContinuationToken: next }: ListObjectsV2CommandOutput,
  token: string | undefined,
): string | undefined {
  if (IsTruncated !== true) return undefined;
  if (next !== undefined && next !== '' && next !== token) return next;
  throw new SluiceError('SLUICE_IO', 'the store does not tell how its listing goes on');
}
