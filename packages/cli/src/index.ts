export {
  command,
  config,
  serverNames,
  type CommandOptions,
  type ConfigOptions,
  type PublicFolder,
  type ServerCommand,
  type ServerName,
} from './config/index.ts';
