import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** What a set of processes has cost so far. */
export interface Cost {
  /** Seconds of processor, in user and kernel mode, of all threads. */
  readonly cpu: number;
  /** Most bytes in memory at once since {@link forgetPeak}, summed over the processes. */
  readonly peakMemory: number;
  /** Bytes in memory now. */
  readonly memory: number;
  /** Open now. */
  readonly descriptors: number;
}

/** How a processor has spent its time, in seconds since the machine started. */
export interface ProcessorTime {
  /** Everything but idling, and what the host took from a virtual machine. */
  readonly busy: number;
}

/** Reads what processes have cost; `undefined` where there is no `/proc`, or one is gone. */
export function costOf(pids: readonly number[]): Cost | undefined {
  try {
    const costs = pids.map(costOfOne);
    const sum = (one: keyof Cost): number => costs.reduce((total, cost) => total + cost[one], 0);
    return {
      cpu: sum('cpu'),
      peakMemory: sum('peakMemory'),
      memory: sum('memory'),
      descriptors: sum('descriptors'),
    };
  } catch {
    return undefined;
  }
}

/** Begins the peak of memory again (proc(5): `clear_refs`). */
export function forgetPeak(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5');
    } catch {
      // Then the peak is that since the start of the process.
    }
  }
}

/** The processes and all that they have started; themselves alone where there is no `/proc`. */
export function withChildren(pids: readonly number[]): readonly number[] {
  const parents = parentsOfAll();
  const family = new Set(pids);
  let before: number;
  do {
    before = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  } while (family.size > before);
  return [...family];
}

/** Reads how a processor has spent its time; `undefined` where there is no `/proc`. */
export function processorTime(processor: number): ProcessorTime | undefined {
  try {
    return parseProcessorTime(readFileSync('/proc/stat', 'latin1'), processor);
  } catch {
    return undefined;
  }
}

/** The average number of processes that ran or waited, over the last minute (proc(5)). */
export function loadAverage(): number | undefined {
  try {
    return Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0]);
  } catch {
    return undefined;
  }
}

/** The line of a processor in `/proc/stat`: user nice system idle iowait irq softirq steal. */
export function parseProcessorTime(stat: string, processor: number): ProcessorTime | undefined {
  const line = new RegExp(`^cpu${processor} (.*)$`, 'm').exec(stat)?.[1];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .map(Number);
  return { busy: (user + nice + system + irq + softirq + steal) / TICKS };
}

/** Parent, and processor time in seconds, of `/proc/PID/stat`, whose second field may hold anything. */
export function parseStat(stat: string): { readonly parent: number; readonly cpu: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), cpu: (Number(fields[11]) + Number(fields[12])) / TICKS };
}

/** `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux that Node runs on. */
const TICKS = 100;

function costOfOne(pid: number): Cost {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return {
    cpu: parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1')).cpu,
    peakMemory: bytes('VmHWM'),
    memory: bytes('VmRSS'),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

function parentsOfAll(): ReadonlyMap<number, number> {
  const parents = new Map<number, number>();
  for (const name of listProcesses()) {
    try {
      const { parent } = parseStat(readFileSync(`/proc/${name}/stat`, 'latin1'));
      parents.set(Number(name), parent);
    } catch {
      // It has ended meanwhile.
    }
  }
  return parents;
}

function listProcesses(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
