// Configurations of front servers, and how a server with one is started.
export { config } from './config.ts';
export { serverCommand, type ServerCommand, type ServerCommandOptions } from './server-command.ts';
export { serverNames, type ServerName } from './server-name.ts';
export type { ConfigOptions, PublicFolder, StoreOptions } from './site.ts';
