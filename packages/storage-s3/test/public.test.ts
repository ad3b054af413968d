import test from 'ava';

import * as entry from '../src/index.ts';

// What users build on: a name that comes or goes here is seen in a review.
test('@sluice/storage-s3 exports what it has promised, and nothing else', (t) => {
  t.deepEqual(Object.keys(entry).toSorted(), ['createS3Driver']);
});
