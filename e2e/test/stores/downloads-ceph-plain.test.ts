import { startCeph } from '../../src/stores/index.ts';
import { testStore } from './downloads.ts';

testStore('ceph, plain', startCeph, { versioned: false });
