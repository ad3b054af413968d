import * as core from '@sluice/core';
import * as http from '@sluice/core/http';
import * as probe from '@sluice/core/probe';
import * as offload from '@sluice/core/offload';
import * as testing from '@sluice/core/testing';
import * as local from '@sluice/storage-local';
import test from 'ava';

import * as koa from '../src/index.ts';

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
    '@sluice/core/probe',
    probe,
    [
      'BEGIN_KEY',
      'MIN_SECRET_LENGTH',
      'PROBE_FOLDER',
      'PROBE_HEADER',
      'PROBE_MEDIA_TYPE',
      'PROBE_PROTOCOL',
      'PROBE_WINDOW',
      'RUN_BYTES',
      'RUN_LIFETIME',
      'canariesOf',
      'canaryAt',
      'checkProbeSecret',
      'contentOf',
      'createRun',
      'digestOf',
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
    '@sluice/core/offload',
    offload,
    [
      'H2O_TYPES',
      'NGINX_RESTORED',
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
    '@sluice/core/testing',
    testing,
    [
      'checkDialect',
      'contractWithAva',
      'contractWithNodeTest',
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
  ['@sluice/koa', koa, ['downloads', 'sendDownload']],
  ['@sluice/storage-local', local, ['createLocalDriver']],
];

for (const [entry, module, names] of entries) {
  test(`${entry} exports what it has promised, and nothing else`, (t) => {
    t.deepEqual(Object.keys(module).toSorted(), names);
  });
}
