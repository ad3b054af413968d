/**
 * Tells whether Windows would read a key as something else than the name of one file below the
 * root: a stream (`a.txt::$DATA`), a drive, a share, a device, a short name, or another spelling of
 * a name that it trims.
 *
 * It is asked before any call on the file system: looking up a share already sends credentials to
 * the host that it names.
 */
export function isWindowsAlias(key: string): boolean {
  return key.split('/').some(isAliasSegment);
}

const RESERVED_CHARACTERS = /[<>:"\\|?*]/;

const TRIMMED_END = /[. ]$/;

/** The 8.3 form of a longer name: `PROGRA~1`. */
const SHORT_NAME = /^[^.]{1,6}~[1-9]\d*(?:\..{0,3})?$/;

/** Devices in any folder, with any extension; the digits also as superscripts. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])$/i;

function isAliasSegment(segment: string): boolean {
  const [stem = ''] = segment.split('.', 1);
  return (
    RESERVED_CHARACTERS.test(segment) ||
    TRIMMED_END.test(segment) ||
    SHORT_NAME.test(segment) ||
    DEVICE.test(stem.trimEnd())
  );
}
