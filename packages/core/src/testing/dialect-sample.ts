import { assertKey } from '../keys/storage-key.ts';
import type { Dialect, FileFacts } from '../offload/dialect.ts';
import { nginxEntityTag } from '../offload/nginx.ts';
import { planOffload } from '../offload/plan-offload.ts';
import type { DownloadPlan, PlanHeaders } from '../plan/download-plan.ts';
import type { LocalPath } from '../storage/driver.ts';

const FACTS: FileFacts = { size: 1000, lastModified: Date.UTC(2024, 0, 2, 3, 4, 5) };

const NOW = Date.UTC(2026, 0, 1);

/** All that the plan of an ordinary download writes. */
export const SAMPLE_HEADERS: PlanHeaders = Object.freeze({
  'content-type': 'application/pdf',
  'content-disposition': 'attachment; filename="report.pdf"',
  'cache-control': 'private, no-cache, no-transform',
  'x-content-type-options': 'nosniff',
  'accept-ranges': 'bytes',
  etag: nginxEntityTag(FACTS),
  'last-modified': 'Tue, 02 Jan 2024 03:04:05 GMT',
  'content-length': '1000',
});

/** Plans an ordinary download of the file at a place: a PDF of two years ago. */
export function planFor(dialect: Dialect, place: LocalPath): DownloadPlan {
  return planOffload(
    {
      method: 'GET',
      conditions: {},
      key: assertKey('checkDialect', 'report.pdf'),
      obligations: {},
      stat: {
        ...FACTS,
        version: { token: '1', hold: 'handle' },
        entityTag: nginxEntityTag(FACTS),
        contentType: 'application/pdf',
      },
      now: NOW,
      boundary: () => 'boundary',
      maxRanges: 1,
    },
    { dialect, place },
  );
}

/** Quotes a name in a message, short and on one line. */
export function show(text: string): string {
  const shown = JSON.stringify(text);
  return shown.length > 60 ? `${shown.slice(0, 56)}…"` : shown;
}
