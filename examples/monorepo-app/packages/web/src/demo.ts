import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Member } from '@school/policy';
import type { Invoice, SchoolStorage } from '@school/storage';

import type { Directory } from './server.ts';

const members: readonly Member[] = [
  { id: 'ada', courses: ['harbour'], role: 'student', isLocked: false },
  { id: 'ben', courses: [], role: 'student', isLocked: false },
  { id: 'cleo', courses: [], role: 'accountant', isLocked: false },
  { id: 'tess', courses: [], role: 'teacher', isLocked: false },
  { id: 'finn', courses: ['harbour'], role: 'student', isLocked: true },
];

const invoices: readonly Invoice[] = [
  { number: '2026-001', student: 'ada' },
  { number: '2026-002', student: 'finn' },
];

/** The people and the accounts of the demo. */
export const directory: Directory = { members, invoices };

/** Makes the recordings of the demo, unless they are there: tones in a real format. */
export async function makeRecordings(folder: string): Promise<void> {
  const course = join(folder, 'harbour');
  await mkdir(course, { recursive: true });
  for (const [name, seconds, hertz] of [
    ['preview.wav', 10, 440],
    ['lesson-1.wav', 600, 220],
  ] as const) {
    const path = join(course, name);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (!isThere) await writeFile(path, tone(seconds, hertz));
  }
}

/** Stores the invoices of the demo. */
export async function makeInvoices(storage: SchoolStorage): Promise<void> {
  for (const invoice of invoices) await storage.storeInvoice(invoice, pdf(invoice));
}

/** A PDF of one page: enough of one for every reader. */
function pdf({ number, student }: Invoice): Uint8Array {
  const text = `BT /F 18 Tf 72 720 Td (Invoice ${number} for ${student}) Tj ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>',
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
  ];
  let file = '%PDF-1.4\n';
  const places = objects.map((object, index) => {
    const place = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, '0')} 00000 n \n`;
  });
  const table = `xref\n0 5\n0000000000 65535 f \n${places.join('')}`;
  const end = `trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return Buffer.from(file + table + end, 'latin1');
}

/** A sine wave as WAV: mono, 8000 samples a second, of 8 bits each. */
function tone(seconds: number, hertz: number): Uint8Array {
  const rate = 8000;
  const samples = seconds * rate;
  const file = Buffer.alloc(44 + samples);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + samples, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16); // bytes of what follows, up to `data`
  file.writeUInt16LE(1, 20); // PCM
  file.writeUInt16LE(1, 22); // one channel
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(rate, 28); // bytes a second
  file.writeUInt16LE(1, 32); // bytes of a sample
  file.writeUInt16LE(8, 34); // bits of a sample
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(samples, 40);
  for (let at = 0; at < samples; at++) {
    file[44 + at] = 128 + 100 * Math.sin((2 * Math.PI * hertz * at) / rate);
  }
  return file;
}
