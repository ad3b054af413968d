// What the probe of an application and the doctor that asks it have agreed on.
export {
  checkProbeSecret,
  isProbe,
  PROBE_HEADER,
  PROBE_WINDOW,
  type ProbeFacts,
  signProbe,
} from './signature.ts';
export {
  BEGIN_KEY,
  type CanaryDescription,
  PROBE_MEDIA_TYPE,
  PROBE_PROTOCOL,
  type ProbeArrival,
  type ProbeBegin,
  type ProbeDescription,
  type ProbeEnd,
  type ProbeQuestion,
  questionAt,
  questionKey,
} from './answers.ts';
export {
  canariesOf,
  type Canary,
  canaryAt,
  type CanaryLook,
  createRun,
  PROBE_FOLDER,
  RUN_LIFETIME,
  runIn,
  startOfRun,
  uncheckedKey,
} from './catalogue.ts';
export { contentOf } from './content.ts';
