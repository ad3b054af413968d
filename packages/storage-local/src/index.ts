export {
  createLocalDriver,
  type LocalDriver,
  type LocalDriverOptions,
  type LocalRoot,
} from './local-driver.ts';
