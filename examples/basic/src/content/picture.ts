import { crc32, deflateSync } from 'node:zlib';

/** Paints the sun setting over a sea and encodes it as PNG (RFC 2083): 960 × 540, 8 bits, RGB. */
export function makePicture(): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  // 8 bits a sample, colour type 2 (RGB); compression, filter and interlace stay 0.
  header.set([8, 2], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(paint(), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const WIDTH = 960;
const HEIGHT = 540;
const HORIZON = 330;
const SUN = { x: 620, y: 250, radius: 62 };

type Colour = readonly [number, number, number];

const DUSK: Colour = [38, 44, 92];
const GLOW: Colour = [250, 168, 108];
const LIGHT: Colour = [255, 236, 200];
const NEAR_SEA: Colour = [16, 32, 62];
const FAR_SEA: Colour = [126, 98, 122];

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** Rows of pixels, each behind one byte that names its filter: 0, none. */
function paint(): Buffer {
  const stride = 1 + WIDTH * 3;
  const pixels = Buffer.alloc(stride * HEIGHT);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      pixels.set(y < HORIZON ? skyAt(x, y) : seaAt(x, y), y * stride + 1 + x * 3);
    }
  }
  return pixels;
}

function skyAt(x: number, y: number): Colour {
  const distance = Math.hypot(x - SUN.x, y - SUN.y);
  if (distance <= SUN.radius) return LIGHT;
  const sky = blend(DUSK, GLOW, (y / HORIZON) ** 1.6);
  return blend(sky, LIGHT, 0.55 * Math.exp((SUN.radius - distance) / 70));
}

function seaAt(x: number, y: number): Colour {
  const depth = (y - HORIZON) / (HEIGHT - HORIZON);
  const wave = Math.sin(y * (1.1 - 0.8 * depth) + 2 * Math.sin(x / (24 + 70 * depth)));
  const sea = blend(FAR_SEA, NEAR_SEA, depth ** 0.7);
  const path = Math.exp(-(((x - SUN.x) / (40 + 130 * depth)) ** 2));
  return blend(sea, LIGHT, Math.max(0, path * (0.4 + 0.5 * wave) * (1 - 0.55 * depth)));
}

function blend(from: Colour, to: Colour, share: number): Colour {
  const mix = (a: number, b: number): number => Math.round(a + (b - a) * Math.min(1, share));
  return [mix(from[0], to[0]), mix(from[1], to[1]), mix(from[2], to[2])];
}
