import { startSwift } from '../../src/stores/index.ts';
import { testStore } from './downloads.ts';

testStore('swift, versioned', startSwift, { versioned: true });
