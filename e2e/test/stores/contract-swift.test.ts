import { startSwift } from '../../src/stores/index.ts';
import { testContract } from './contract.ts';

await testContract(startSwift);
