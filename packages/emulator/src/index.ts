// Front servers in miniature, for development and tests.
export { emulate, frontListener } from './emulate.ts';
export { type Application, withFrontServer } from './with-front-server.ts';
export type { ServerName } from '@sluice/core/offload';
export type { EmulatorOptions } from './options.ts';
