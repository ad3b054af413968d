export type { Member } from './member.ts';
export { downloadPolicy } from './download-policy.ts';
