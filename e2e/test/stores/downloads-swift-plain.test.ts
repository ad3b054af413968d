import { startSwift } from '../../src/stores/index.ts';
import { testStore } from './downloads.ts';

testStore('swift, plain', startSwift, { versioned: false });
