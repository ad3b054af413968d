/** Plays a slow round of chords for 48 seconds and encodes it as WAV: 16 bits, mono, 22050 Hz. */
export function makeTune(): Buffer {
  const samples = Math.round(CHORDS.length * ROUNDS * CHORD_SECONDS * RATE);
  const file = Buffer.alloc(HEADER_BYTES + samples * 2);
  writeHeader(file, samples * 2);
  for (let at = 0; at < samples; at += 1) {
    file.writeInt16LE(Math.round(loudnessAt(at / RATE) * 32_767), HEADER_BYTES + at * 2);
  }
  return file;
}

/** Samples a second. */
const RATE = 22_050;
const HEADER_BYTES = 44;
const CHORD_SECONDS = 3;
const ROUNDS = 4;

/** In Hz: D minor, B flat, F, C. */
const CHORDS: readonly (readonly number[])[] = [
  [146.83, 220, 293.66, 349.23],
  [116.54, 233.08, 293.66, 349.23],
  [174.61, 220, 261.63, 349.23],
  [130.81, 196, 261.63, 329.63],
];

/** From -1 to 1. The notes of a chord are struck one after the other and die away. */
function loudnessAt(seconds: number): number {
  const chord = CHORDS[Math.floor(seconds / CHORD_SECONDS) % CHORDS.length] ?? [];
  const into = seconds % CHORD_SECONDS;
  let sum = 0;
  for (const [index, frequency] of chord.entries()) {
    const age = into - index * 0.28;
    if (age > 0) sum += pluck(frequency, age);
  }
  // Nothing may click where the next chord cuts this one off.
  return 0.2 * sum * Math.min(1, (CHORD_SECONDS - into) / 0.08);
}

function pluck(frequency: number, age: number): number {
  const turn = 2 * Math.PI * frequency * age;
  const tone = Math.sin(turn) + 0.3 * Math.sin(2 * turn) + 0.1 * Math.sin(3 * turn);
  return tone * Math.exp(-1.6 * age) * Math.min(1, age / 0.01);
}

/** RIFF with one `fmt ` chunk (PCM) and one `data` chunk. */
function writeHeader(file: Buffer, dataBytes: number): void {
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(dataBytes, 40);
}
