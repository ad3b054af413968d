/**
 * Calls back when nobody has stopped it for a time in which this process could hear what came.
 *
 * A process that was held up, by its own computing or by a machine that gave it no turn, runs its timers
 * before it reads what lies in its connections, and would take its own silence for that of the store.
 * So one half of the time is waited for after the other, and what has come by then is heard first.
 *
 * @param limit milliseconds, from 1 to 2³¹ − 1
 * @returns what stops it
 */
export function onSilence(limit: number, tell: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const half = Math.ceil(limit / 2);
  let timer = setTimeout(() => {
    timer = setTimeout(() => {
      // After the next look at all connections.
      immediate = setImmediate(tell);
    }, limit - half);
  }, half);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
