import type { DownloadEvent } from '@sluice/core';

import type { Person } from './people.ts';

/** Writes how a download ended as one line of JSON. */
export function completionLine(event: DownloadEvent<Person>): string {
  const { outcome, status, method, subject, key, rule, why, bytes, duration } = event;
  const line = JSON.stringify({
    outcome,
    status,
    method,
    person: subject?.id,
    key,
    rule,
    why,
    bytes,
    ms: Math.round(duration * 10) / 10,
  });
  // JSON escapes the controls below U+0020 only; a terminal obeys these too, and a name may hold them.
  return line.replaceAll(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
