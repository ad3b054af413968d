export type { ObjectStat } from '@sluice/core';
