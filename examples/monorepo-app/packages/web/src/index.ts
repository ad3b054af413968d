export { type Configuration, configurationFrom } from './configuration.ts';
export { type Directory, type Server, startServer } from './server.ts';
