import { startCeph } from '../../src/stores/index.ts';
import { testStore } from './downloads.ts';

testStore('ceph, versioned', startCeph, { versioned: true });
