import { LONGEST_SWIFT_VERSIONED_KEY } from '../../src/names.ts';
import { startSwift } from '../../src/stores/index.ts';
import { testStore } from './downloads.ts';

testStore('swift, versioned', startSwift, {
  versioned: true,
  longestKey: LONGEST_SWIFT_VERSIONED_KEY,
});
