import type { FileHandle } from 'node:fs/promises';

import type { ServerName } from '@sluice/core/offload';

/** Header lines as on the wire: one character a byte, repeated names repeated. */
export type HeaderLines = readonly HeaderLine[];

/** One header line; the name has the case in which it came. */
export type HeaderLine = readonly [name: string, value: string];

/** What the client asked. */
export interface ClientRequest {
  readonly method: string;
  /** As on the wire: `/files/a.txt?b`. */
  readonly target: string;
  readonly headers: HeaderLines;
  /** `1.1` or `1.0`. */
  readonly httpVersion: string;
}

/** The head of the application's answer. */
export interface AppAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderLines;
}

/** Where a file is to be taken from. */
export interface FilePlace {
  /** The folder of the root, absolute. */
  readonly folder: string;
  /** The whole path, one character a byte; it lies below the folder. */
  readonly path: string;
}

/** What a server asks a store for, by GET. */
export interface StoreQuestion {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path and query, as on the wire. */
  readonly target: string;
  readonly headers: HeaderLines;
}

/** What a server makes of the head of an answer. */
export type Verdict =
  /** The body of the application goes to the client, too. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'file'; readonly place: FilePlace }
  /** The server asks a store, with these headers and no others. */
  | { readonly kind: 'fetch'; readonly question: StoreQuestion }
  /** The server asks the application once more, and adds headers of this answer to the next. */
  | { readonly kind: 'ask'; readonly target: string; readonly kept: HeaderLines }
  | { readonly kind: 'reply'; readonly reply: Reply };

/** An answer of the server. */
export interface Reply {
  readonly status: number;
  /** Without those of the connection, and without Content-Length. */
  readonly headers: HeaderLines;
  readonly body: readonly Piece[];
  /** Whether the length goes unsaid. */
  readonly isUnsized?: boolean | undefined;
  /** Whether the body is sent even to HEAD, which a client takes for the next answer. */
  readonly forgetsHead?: boolean | undefined;
  /** Bytes a second. */
  readonly rate?: number | undefined;
}

/** A text, or bytes of the file with both ends inclusive; `last` before `first` is no byte. */
export type Piece = string | FileWindow;

/** Bytes of a file from one offset to another, both counted from 0 and inclusive. */
export interface FileWindow {
  readonly first: number;
  readonly last: number;
}

/** One answer of the application, and what it answers. */
export interface Exchange {
  readonly request: ClientRequest;
  readonly answer: AppAnswer;
}

/**
 * A front server with the configuration that `sluice config` prints for it: facts, and functions
 * without effects.
 */
export interface FrontServer {
  readonly name: ServerName;
  /** Whether links below a root are refused. */
  readonly links: 'followed' | 'refused';
  /** Gives the target that the application is asked for, or the answer to a bad request. */
  receive?(request: ClientRequest): string | Reply;
  /** Tells whether a request header is kept from the application. In lower case. */
  keepsFromApp(name: string): boolean;
  /** Request headers that the server adds, or puts in place of the client's. */
  tellsApp(request: ClientRequest, client: string): HeaderLines;
  /** Tells whether the server takes a head of that size; what it does not take is 502. */
  takesHead?(answer: AppAnswer): boolean;
  /** Takes the order, if there is one. */
  judge(exchange: Exchange): Verdict;
  /** Answers with the file at a path. */
  send(file: OpenedFacts, exchange: Exchange, path: string): Reply;
  /**
   * Answers with what the store has given: the head of its bytes, or a page of the server's own.
   * `undefined`: the store gave no answer.
   */
  fetched?(given: AppAnswer | undefined, exchange: Exchange): AppAnswer | Reply;
  /** Answers when there is no file to send. */
  fail(fault: FileFault, exchange: Exchange): Reply;
  /** What is left of the headers of an answer that is passed on. */
  passedHeaders(exchange: Exchange): HeaderLines;
  /** Answers with a body of the application that is there as a whole, where the server cuts ranges. */
  cut?(length: number, exchange: Exchange): Reply;
  /** Tells whether {@link cut} is asked. */
  cuts?(exchange: Exchange): boolean;
  /** The page of an error that has no answer of the application. */
  page(status: number): Reply;
  /** Bytes a second at which an answer that is passed on is sent. */
  rateOf?(exchange: Exchange): number | undefined;
  /** How often the application is asked for one request, at most. */
  readonly mostAsked: number;
  /** The status when it is asked once more. */
  readonly loopStatus: number;
}

/** A file that is open, and must be closed. */
export interface OpenFile {
  readonly handle: FileHandle;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970, rounded down. */
  readonly lastModified: number;
  /** Nanoseconds since 1970. */
  readonly modifiedNs: bigint;
  readonly inode: bigint;
}

/**
 * Why there is no file:
 *
 * - `special`: a FIFO, a socket or a device, which is never opened;
 * - `link`: the name is a link, and links are refused; `link-above`: a folder above it is one;
 * - `no-folder`: a part of the path is no folder.
 */
export type FileFault =
  | 'missing'
  | 'folder'
  | 'special'
  | 'denied'
  | 'link'
  | 'link-above'
  | 'no-folder'
  | 'name-too-long';

/** What servers read of a file. */
export type OpenedFacts = Omit<OpenFile, 'handle'>;
