import { startCeph } from '../../src/stores/index.ts';
import { testContract } from './contract.ts';

await testContract(startCeph);
