import type { Conditions } from '../http/preconditions.ts';
import type { PlanHeaders } from '../plan/download-plan.ts';
import type { LocalPath } from '../storage/driver.ts';

/**
 * What an application and its front server have agreed on: how the application orders a file to be
 * sent, and what the server makes of the answer. A server is described whole, not only by the name
 * of its header, because servers differ in all the rest.
 *
 * All members are pure and none throws. What a dialect says it cannot carry is streamed by the
 * application instead; what it wrongly says it can is a wrong answer, or a leak. `checkDialect` of
 * `@sluice/core/testing` tries one out.
 */
export interface Dialect {
  /** Names the server in plans, events and logs: `nginx`. */
  readonly name: string;

  /**
   * The response header that orders a file to be sent, in lower case: `x-accel-redirect`. None that
   * clients are told. One that `isSendfileHeader` of `@sluice/core/http` knows is refused to every
   * other code, policies included.
   */
  readonly header: string;

  /**
   * Gives the value of that header for the file at a place, or `undefined` when the server cannot
   * be told of it: a name that its codec cannot carry, or a root that is mapped to nothing.
   *
   * Each character stands for one byte, as in every header of Node; no two places share a value.
   *
   * @param headers those of the answer, for a server that takes them with the file's name
   */
  valueFor(place: LocalPath, headers: PlanHeaders): string | undefined;

  /**
   * Gives the value of that header for an object that the server is to fetch from its store, by a
   * signed URL that no client is to see; `undefined` when the server must not or cannot be sent there.
   * Absent where the server has no way to fetch.
   *
   * What the server does then: it asks with GET, with the `Range` of the client and nothing else of
   * it, and with the entity tag of the order in `If-Match`. Length, range, entity tag and date of the
   * store's answer reach the client, and no other header of it; an error of the store does not. No
   * value is one that `valueFor` gives.
   *
   * @param url absolute, of HTTP, in the form that `URL` gives it, without a user and a fragment
   */
  valueForUrl?(url: string): string | undefined;

  /**
   * Tells whether a header of the application's answer reaches the client beside the file, with the
   * same value. It is not asked about those that the server {@link makes} itself.
   *
   * @param place absent for an object that the server fetches; then it is not asked about the entity
   * tag and `accept-ranges`
   */
  carries(name: string, value: string, place?: LocalPath): boolean;

  /**
   * Headers that the server makes itself from a file, in lower case; the application sends none of
   * them with it. Must hold `content-length`, which every server makes.
   */
  readonly makes: readonly string[];

  /**
   * Gives the strong entity tag that the server makes of a file, where it makes its own; `makes` then
   * names `etag`. The application answers conditional requests by it, and streams what an obligation
   * gave another one. Absent where the server keeps the application's.
   */
  entityTagOf?(file: FileFacts): string;

  /**
   * Gives the header that bounds the rate of the transfer, its name in lower case and one that
   * `isSendfileHeader` knows. `undefined`, or no such method, means that the server cannot do it.
   *
   * @param rate bytes a second, an integer of at least 1
   */
  rateHeaderFor?(rate: number): readonly [name: string, value: string] | undefined;

  /**
   * Says why the server would answer a request for a range wrongly, where it would; the application
   * then streams. Absent where the server does it right.
   */
  objectionTo?(asked: AskedRange): string | undefined;

  /**
   * The most bytes that the head of the application's answer may have, status line and order
   * included, for a server that reads it into a buffer of fixed size. What has a longer one is
   * streamed. Absent where no answer comes near the bound.
   */
  readonly maxHeadBytes?: number;
}

/** What a client has asked for. */
export interface AskedRange extends Pick<Conditions, 'range' | 'ifRange'> {
  /** Of the object, in bytes. */
  readonly size: number;
}

/** What a server knows of a file when it makes its entity tag. */
export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970, whole. */
  readonly lastModified: number;
}
