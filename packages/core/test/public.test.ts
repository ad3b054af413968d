import test from 'ava';

import * as core from '../src/index.ts';
import * as drivers from '../src/drivers/index.ts';
import * as http from '../src/http/index.ts';
import * as offload from '../src/offload/index.ts';
import * as probe from '../src/probe/index.ts';
import * as testing from '../src/testing/index.ts';

/** What users build on: a name that comes or goes here is seen in a review. */
const entries: readonly (readonly [entry: string, module: object, names: readonly string[]])[] = [
  [
    '@sluice/core',
    core,
    [
      'DOWNLOAD_CHANNEL',
      'MAX_KEY_BYTES',
      'MAX_SEGMENT_BYTES',
      'SluiceError',
      'allow',
      'assertKey',
      'checkObligations',
      'checkOptions',
      'checkPolicy',
      'createPathMap',
      'createSluice',
      'deny',
      'denyOverrides',
      'firstApplicable',
      'forPattern',
      'forPrefix',
      'integerOption',
      'isSluiceError',
      'keyFromUrlPath',
      'notApplicable',
      'ownOf',
      'parseKey',
      'quote',
      'urlForKey',
    ],
  ],
  ['@sluice/core/drivers', drivers, ['driverFromReader']],
  [
    '@sluice/core/http',
    http,
    [
      'evaluatePreconditions',
      'formatContentDisposition',
      'formatContentRange',
      'formatEntityTag',
      'formatHttpDate',
      'frameByteranges',
      'isFieldName',
      'isFieldValue',
      'isMediaType',
      'isPassiveMediaType',
      'isSendfileHeader',
      'matchesStrongly',
      'matchesWeakly',
      'parseEntityTag',
      'parseEntityTagList',
      'parseHttpDate',
      'rangeApplies',
      'resolveRange',
    ],
  ],
  [
    '@sluice/core/offload',
    offload,
    [
      'CONTROL_REQUEST_HEADERS',
      'CONTROL_RESPONSE_HEADERS',
      'H2O_TYPES',
      'NGINX_RESTORED',
      'SERVER_NAMES',
      'apache',
      'bytesAsText',
      'caddy',
      'createFolderMap',
      'createUriMap',
      'dialectFromName',
      'h2o',
      'hasControl',
      'lighttpd',
      'nginx',
      'nginxEntityTag',
      'pathBelow',
      'percentEncode',
      'segmentsBelow',
    ],
  ],
  [
    '@sluice/core/probe',
    probe,
    [
      'BEGIN_KEY',
      'PROBE_FOLDER',
      'PROBE_HEADER',
      'PROBE_MEDIA_TYPE',
      'PROBE_PROTOCOL',
      'PROBE_WINDOW',
      'RUN_LIFETIME',
      'canariesOf',
      'canaryAt',
      'checkProbeSecret',
      'contentOf',
      'createRun',
      'isProbe',
      'questionAt',
      'questionKey',
      'runIn',
      'signProbe',
      'startOfRun',
      'uncheckedKey',
    ],
  ],
  [
    '@sluice/core/testing',
    testing,
    [
      'checkDialect',
      'contractWithAva',
      'contractWithNodeTest',
      'createFaultProxy',
      'createMemoryDriver',
      'dialectChecks',
      'dialectWithAva',
      'dialectWithNodeTest',
      'formatDialectReport',
      'formatReport',
      'runCheck',
      'runContract',
      'storageContract',
    ],
  ],
];

for (const [entry, module, names] of entries) {
  test(`${entry} exports what it has promised, and nothing else`, (t) => {
    t.deepEqual(Object.keys(module).toSorted(), names);
  });
}
