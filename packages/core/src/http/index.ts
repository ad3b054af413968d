export {
  frameByteranges,
  type BytePart,
  type ByterangesOptions,
  type FramedByteranges,
} from './byteranges.ts';
export { formatContentDisposition } from './content-disposition.ts';
export { formatHttpDate, parseHttpDate } from './date.ts';
export {
  formatEntityTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseEntityTagList,
  type EntityTag,
} from './entity-tag.ts';
export { isFieldName, isFieldValue } from './field.ts';
export { isMediaType, isPassiveMediaType } from './media-type.ts';
export { isSendfileHeader } from './sendfile-header.ts';
export {
  evaluatePreconditions,
  rangeApplies,
  type Conditions,
  type PreconditionOutcome,
  type Validators,
} from './preconditions.ts';
export {
  formatContentRange,
  resolveRange,
  type ByteRange,
  type ByteRanges,
  type RangeLimits,
  type RangeOutcome,
  type WholeReason,
} from './range.ts';
