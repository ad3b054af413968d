// Front servers in miniature, for development and tests.
export { emulate, frontListener } from './emulate.ts';
export type { ServerName } from './model.ts';
export type { EmulatorOptions } from './options.ts';
