import { accessSync, constants, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { spawnSync } from 'node:child_process';

/** What the numbers were measured with. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  /** Bytes. */
  readonly memory: number;
  readonly system: string;
  readonly node: string;
  readonly nginx: string | undefined;
  readonly loader: 'wrk' | 'autocannon';
  /** Versions of the peers, by package. */
  readonly peers: Readonly<Record<string, string>>;
}

/** Programs of the machine that the run uses where they are. */
export interface Tools {
  readonly wrk: string | undefined;
  readonly nginx: string | undefined;
  /** How to run a program on the server's processor, and on the load generator's. */
  readonly pins: { readonly server: Pin; readonly load: Pin } | undefined;
  /** What is missing, and what that means for the numbers. */
  readonly missing: readonly string[];
}

/** Binds a program to one processor. */
interface Pin {
  readonly processor: number;
  /** The words in front of the command. */
  readonly prefix: readonly string[];
}

/** Looks for the programs, and for two processors that this process may use. */
export function findTools(): Tools {
  const taskset = find('taskset');
  const wrk = find('wrk');
  const nginx = find('nginx');
  const [server, load] = allowedProcessors();
  const pins =
    taskset === undefined || server === undefined || load === undefined
      ? undefined
      : { server: pin(taskset, server), load: pin(taskset, load) };
  return {
    wrk,
    nginx,
    pins,
    missing: [
      ...(pins === undefined
        ? ['taskset, or a second processor: server and load get in each other’s way']
        : []),
      ...(wrk === undefined ? ['wrk: autocannon takes its place, and is the limit sooner'] : []),
      ...(nginx === undefined ? ['nginx: its rows are left out'] : []),
      ...(platform() === 'linux' ? [] : ['/proc: processor time and memory are not measured']),
    ],
  };
}

/** Describes the machine for the report. */
export function describeMachine({ wrk, nginx }: Tools, peers: readonly string[]): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? arch(),
    processors: cpus().length,
    memory: totalmem(),
    system: `${platform()} ${release()}`,
    node: process.version,
    nginx: nginx === undefined ? undefined : versionOfNginx(nginx),
    loader: wrk === undefined ? 'autocannon' : 'wrk',
    peers: Object.fromEntries(peers.map((name) => [name, versionOf(name)])),
  };
}

/** The numbers in a list as the kernel writes it: `0-2,5`. */
export function parseProcessors(list: string): readonly number[] {
  return list.split(',').flatMap((part) => {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    if (from === undefined) return [];
    const first = Number(from);
    return Array.from({ length: Number(to ?? from) - first + 1 }, (_, index) => first + index);
  });
}

function allowedProcessors(): readonly number[] {
  try {
    const status = readFileSync('/proc/self/status', 'latin1');
    return parseProcessors(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '');
  } catch {
    return [];
  }
}

function pin(taskset: string, processor: number): Pin {
  return { processor, prefix: [taskset, '-c', String(processor)] };
}

/** Debian keeps servers where the path of a user does not lead. */
function find(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function versionOfNginx(nginx: string): string | undefined {
  const { stderr } = spawnSync(nginx, ['-v'], { encoding: 'utf8' });
  return /nginx\/(\S+)/.exec(stderr)?.[1];
}

const require = createRequire(import.meta.url);

/** Not all of them export their manifest, so it is looked for where Node would. */
function versionOf(name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      const manifest: unknown = JSON.parse(
        readFileSync(join(folder, name, 'package.json'), 'utf8'),
      );
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
        return String(manifest.version);
      }
    } catch {
      // Not in this folder.
    }
  }
  return 'unknown';
}
