#!/usr/bin/env node
import { runProgram } from './program.ts';

// `sluice config nginx | head`: who reads no more has had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

await runProgram(process.argv.slice(2));
