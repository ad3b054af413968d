import type { Severity } from './report.ts';

/** Names what can be found. Users compare with these. */
export type FindingId =
  | 'order-shown'
  | 'path-shown'
  | 'internal-reachable'
  | 'order-not-taken'
  | 'file-not-sent'
  | 'download-refused'
  | 'wrong-bytes'
  | 'answer-broken'
  | 'name-not-carried'
  | 'header-lost'
  | 'header-changed'
  | 'header-twice'
  | 'validator-changed'
  | 'validator-shared'
  | 'compressed'
  | 'range-ignored'
  | 'range-wrong'
  | 'range-unsatisfiable'
  | 'if-range-ignored'
  | 'if-range-refused'
  | 'not-modified-missing'
  | 'head-wrong'
  | 'forged-header-obeyed'
  | 'missing-file-sent'
  | 'links-followed'
  | 'stray-order-shown'
  | 'forged-header-arrives'
  | 'connections-not-kept'
  | 'nothing-sent-by-front'
  | 'no-canaries'
  | 'canary-refused'
  | 'canary-left'
  | 'streamed-by-application'
  | 'habit-of-server';

/** What is said of a finding. */
export interface Kind {
  readonly severity: Severity;
  readonly sentence: string;
}

/** What is said of each finding, gravest first. A sentence never depends on what was seen. */
export const KINDS: Readonly<Record<FindingId, Kind>> = {
  'order-shown': {
    severity: 'error',
    sentence:
      'The header by which the application orders a file reaches the client: it shows where the files lie.',
  },
  'path-shown': {
    severity: 'error',
    sentence: 'An answer shows where a file lies, on the disk or within the front server.',
  },
  'internal-reachable': {
    severity: 'error',
    sentence: 'Guarded files can be had without asking the application.',
  },
  'order-not-taken': {
    severity: 'error',
    sentence:
      'The front server does not act on the order of the application: the download arrives empty. Is it the server that the dialect of the application names?',
  },
  'file-not-sent': {
    severity: 'error',
    sentence:
      'The front server takes the order, but does not find the file or may not read it: its prefix, its folder or the rights do not fit the application.',
  },
  'download-refused': {
    severity: 'error',
    sentence:
      'A file that the application sends itself is answered otherwise, by something that stands before the application or above the downloads.',
  },
  'wrong-bytes': {
    severity: 'error',
    sentence: 'A download has other bytes than the stored object.',
  },
  'answer-broken': {
    severity: 'error',
    sentence: 'An answer did not come, or broke off.',
  },
  'name-not-carried': {
    severity: 'error',
    sentence: 'Objects with some names cannot be downloaded.',
  },
  'header-lost': {
    severity: 'error',
    sentence: 'Headers of the application do not reach the client beside the file.',
  },
  'header-changed': {
    severity: 'error',
    sentence: 'Headers of the application reach the client with another value.',
  },
  'header-twice': {
    severity: 'error',
    sentence: 'Headers reach the client twice.',
  },
  'validator-changed': {
    severity: 'error',
    sentence:
      'The front server sends another entity tag or date than the application knows: conditional requests fail, and downloads do not resume elsewhere.',
  },
  'validator-shared': {
    severity: 'error',
    sentence:
      'Different files have the same entity tag: a client keeps one for the other, and a resumed download is pieced together of both.',
  },
  compressed: {
    severity: 'error',
    sentence: 'The front server compresses what it sends: ranges and entity tags no longer fit.',
  },
  'range-ignored': {
    severity: 'error',
    sentence: 'Ranges are not answered: downloads do not resume.',
  },
  'range-wrong': {
    severity: 'error',
    sentence: 'A range request is answered with the wrong bytes or the wrong frame.',
  },
  'range-unsatisfiable': {
    severity: 'error',
    sentence: 'A range outside the file is not answered with 416.',
  },
  'if-range-ignored': {
    severity: 'error',
    sentence: 'A resumed download goes on although the file has changed: If-Range is not honoured.',
  },
  'if-range-refused': {
    severity: 'error',
    sentence:
      'A download does not resume although the file is the same: If-Range does not take the entity tag that was sent.',
  },
  'not-modified-missing': {
    severity: 'error',
    sentence: 'A client that has the file gets it again: there is no 304.',
  },
  'head-wrong': {
    severity: 'error',
    sentence: 'HEAD is not answered like GET without a body.',
  },
  'forged-header-obeyed': {
    severity: 'error',
    sentence: 'A header that a client makes up changes what it gets.',
  },
  'missing-file-sent': {
    severity: 'error',
    sentence: 'The order for a file that is not there is answered as if it were.',
  },
  'links-followed': {
    severity: 'warning',
    sentence:
      'The front server follows symbolic links below the folder: who can write there can have any file sent that the server reads, in the moment after the application has looked.',
  },
  'stray-order-shown': {
    severity: 'warning',
    sentence:
      'An order on an answer that is not a 200 would be shown or obeyed; Sluice sends none, but other code in the application might.',
  },
  'forged-header-arrives': {
    severity: 'warning',
    sentence:
      'Headers that only the application may send to the front server reach the application from clients; Sluice reads none, but other code in the application might.',
  },
  'connections-not-kept': {
    severity: 'warning',
    sentence: 'The front server opens a new connection to the application for every download.',
  },
  'nothing-sent-by-front': {
    severity: 'warning',
    sentence: 'The application has a front server to send files, and streams all of them itself.',
  },
  'no-canaries': {
    severity: 'note',
    sentence:
      'There are no files to try downloads with, so that only what needs none has been looked at.',
  },
  'canary-refused': {
    severity: 'note',
    sentence: 'The store does not take some of the files, so that they have not been tried.',
  },
  'canary-left': {
    severity: 'warning',
    sentence: 'Files of this run could not be removed from the store.',
  },
  'streamed-by-application': {
    severity: 'note',
    sentence: 'The application streams some files itself, because the front server cannot.',
  },
  'habit-of-server': {
    severity: 'note',
    sentence: 'The server is like this, and no configuration changes it.',
  },
};
