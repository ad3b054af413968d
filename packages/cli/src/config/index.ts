// Configurations of front servers, and how a server with one is started.
export { config } from './config.ts';
export { command, type CommandOptions, type ServerCommand } from './command.ts';
export { serverNames, type ServerName } from './server-name.ts';
export type { ConfigOptions, PublicFolder } from './site.ts';
