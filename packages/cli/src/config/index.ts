// Configurations of front servers, and how a server with one is started.
export { config } from './config.ts';
export type { ConfigOptions, PublicFolder, StoreOptions } from './options.ts';
export { serverCommand, type ServerCommand, type ServerCommandOptions } from './server-command.ts';
export { serverNames, type ServerName } from './server-name.ts';
