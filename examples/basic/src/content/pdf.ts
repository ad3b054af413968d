/**
 * Makes a PDF of one A4 page: a title and lines of text in Helvetica (ISO 32000-1 §7.5).
 *
 * @param lines in characters of Latin-1
 */
export function makePdf(title: string, lines: readonly string[]): Buffer {
  const text = [
    `BT /F1 24 Tf 72 750 Td (${escapeText(title)}) Tj`,
    '/F1 12 Tf 18 TL 0 -40 Td',
    ...lines.map((line) => `(${escapeText(line)}) '`),
    'ET',
  ].join('\n');
  return assemble([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R\n' +
      '   /Resources << /Font << /F1 4 0 R >> >> >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
  ]);
}

/** Numbers the objects and writes the table of their offsets, which a reader starts from. */
function assemble(objects: readonly string[]): Buffer {
  let file = '%PDF-1.4\n';
  let table = '0000000000 65535 f \n';
  for (const [index, object] of objects.entries()) {
    table += `${String(file.length).padStart(10, '0')} 00000 n \n`;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
  }
  const entries = objects.length + 1;
  const trailer = `trailer\n<< /Size ${entries} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  // One character is one byte, which the offsets above rely on.
  return Buffer.from(`${file}xref\n0 ${entries}\n${table}${trailer}`, 'latin1');
}

function escapeText(text: string): string {
  return text.replaceAll(/[\\()]/g, '\\$&');
}
