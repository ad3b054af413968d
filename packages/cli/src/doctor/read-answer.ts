import {
  type CanaryDescription,
  PROBE_MEDIA_TYPE,
  PROBE_PROTOCOL,
  type ProbeArrival,
  type ProbeBegin,
  type ProbeDescription,
  type ProbeEnd,
} from '@sluice/core/probe';

import { type Reply, valuesOf } from './client.ts';

/** Reads the answer to a run that shall begin; `undefined` for any other answer. */
export function readBegin(reply: Reply): ProbeBegin | undefined {
  return read(reply, isBegin);
}

/** Reads the description of the canaries; `undefined` for any other answer. */
export function readDescription(reply: Reply): ProbeDescription | undefined {
  return read(reply, isDescription);
}

/** Reads how a request arrived; `undefined` for any other answer. */
export function readArrival(reply: Reply): ProbeArrival | undefined {
  return read(reply, isArrival);
}

/** Reads what was removed; `undefined` for any other answer. */
export function readEnd(reply: Reply): ProbeEnd | undefined {
  return read(reply, isEnd);
}

function read<T>(reply: Reply, is: (value: unknown) => value is T): T | undefined {
  if (valuesOf(reply, 'content-type').join() !== PROBE_MEDIA_TYPE) return undefined;
  try {
    const value: unknown = JSON.parse(reply.body.toString());
    return is(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isOptional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function isListOf(value: unknown, is: (value: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function areTexts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isText);
}

function hasTexts(value: unknown, ...names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => isText(value[name]));
}

function isBegin(value: unknown): value is ProbeBegin {
  return (
    isObject(value) &&
    value['protocol'] === PROBE_PROTOCOL &&
    hasTexts(value, 'run', 'storage') &&
    Number.isSafeInteger(value['settling']) &&
    areTexts(value['versions']) &&
    isOptional(value['objection'], isText) &&
    isOptional(value['dialect'], (one) => hasTexts(one, 'name', 'header')) &&
    isListOf(value['refused'], (one) => hasTexts(one, 'id', 'reason'))
  );
}

function isDescription(value: unknown): value is ProbeDescription {
  return (
    isObject(value) &&
    isListOf(value['canaries'], isCanary) &&
    isOptional(value['unchecked'], (one) => hasTexts(one, 'key', 'order', 'path'))
  );
}

function isCanary(value: unknown): value is CanaryDescription {
  return (
    isObject(value) &&
    hasTexts(value, 'id', 'key', 'sha256', 'why') &&
    Number.isSafeInteger(value['size']) &&
    areTexts(value['headers']) &&
    (value['sender'] === 'front' || value['sender'] === 'application') &&
    isOptional(value['order'], isText) &&
    isOptional(value['path'], isText)
  );
}

function isArrival(value: unknown): value is ProbeArrival {
  return (
    isObject(value) &&
    isText(value['httpVersion']) &&
    isListOf(value['controlHeaders'], (pair) => isListOf(pair, isText)) &&
    isObject(value['connection']) &&
    isText(value['connection']['id']) &&
    Number.isSafeInteger(value['connection']['requests'])
  );
}

function isEnd(value: unknown): value is ProbeEnd {
  return (
    isObject(value) && Number.isSafeInteger(value['removed']) && isListOf(value['left'], isText)
  );
}
