import type { StorageKey } from '../keys/storage-key.ts';
import type { Call, ObjectStat, StorageDriver } from '../storage/driver.ts';
import { untilAborted } from './abort.ts';
import { type CallSignal, createCallSignal } from './call-signal.ts';
import type { KnownStats } from './known-stats.ts';

/** Questions for stats, which several who ask at once share. What is answered is known from then on. */
export interface StatQuestions {
  /** Asks, together with those who have asked already. The last one to leave ends the question. */
  ask(key: StorageKey, call: Call | undefined): Promise<ObjectStat | undefined>;
  /** Ends the sharing: who asks from now on must not be told what was asked before. */
  part(key: StorageKey): void;
}

export function createStatQuestions(driver: StorageDriver, stats: KnownStats): StatQuestions {
  const open = new Map<string, Question>();

  const put = (key: StorageKey): Question => {
    const call = createCallSignal(undefined);
    const watch = stats.watch(key);
    const ask = async (): Promise<ObjectStat | undefined> => {
      const stat = await driver.stat(key, { signal: call.signal });
      watch.keep(stat);
      return stat;
    };
    const question: Question = { answer: ask(), call, isAnswered: false, waiting: 0 };
    const end = (): void => {
      question.isAnswered = true;
      watch.done();
      if (open.get(key) === question) open.delete(key);
    };
    question.answer.then(end, end);
    open.set(key, question);
    return question;
  };
  return {
    async ask(key, call) {
      const question = open.get(key) ?? put(key);
      question.waiting += 1;
      try {
        return await untilAborted(question.answer, call?.signal, () => undefined);
      } finally {
        question.waiting -= 1;
        if (question.waiting === 0 && !question.isAnswered) {
          if (open.get(key) === question) open.delete(key);
          question.call.abort(NOBODY);
        }
      }
    },
    part: (key) => void open.delete(key),
  };
}

interface Question {
  readonly answer: Promise<ObjectStat | undefined>;
  readonly call: CallSignal;
  isAnswered: boolean;
  waiting: number;
}

const NOBODY = new Error('nobody waits for the answer any more');
