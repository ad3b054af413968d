import test from 'ava';
import { isMediaType, isPassiveMediaType } from '../../src/http/media-type.ts';
import { mediaTypeRows } from '../tables/media-types.ts';

for (const [value, wellFormed, passive] of mediaTypeRows) {
  const shown = `${JSON.stringify(value.slice(0, 50))} (${value.length} characters)`;
  const verdict = passive ? 'passive' : 'not passive';
  test(`${shown} is ${wellFormed ? verdict : 'malformed'}`, (t) => {
    t.is(isMediaType(value), wellFormed);
    t.is(isPassiveMediaType(value), passive);
  });
}
