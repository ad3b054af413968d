import { allow, deny, firstApplicable, forPattern, type Policy } from '@sluice/core';

import type { Member } from './member.ts';

/**
 * Everybody hears the preview of a course; the lessons are for its teachers and for those who have
 * paid. All know that there are lessons, so there is nothing to hide: 403 and not 404.
 */
export const recordingPolicy: Policy<Member> = firstApplicable(
  forPattern('recordings/:course/preview.wav', () =>
    allow({ cacheControl: 'public, max-age=3600' }),
  ),
  forPattern('recordings/:course/*lesson', ({ subject, params: { course = '' } }) =>
    subject?.role === 'teacher' || subject?.courses.includes(course)
      ? allow()
      : deny(`${subject?.id ?? 'nobody'} has not paid for ${course}`, { status: 403 }),
  ),
);
