/** Names that are keys, and that a server, a codec or a shell has somewhere read in another way. */
export const ODD_NAMES: readonly string[] = [
  // Dots and dashes.
  '.hidden.txt',
  '..dots.txt',
  '...',
  '..txt',
  'x..y.txt',
  'dots...txt',
  '-x.txt',
  '--help.txt',
  '~.txt',
  '~root',
  'x.txt~',
  'x.inc',
  // Blanks.
  'a b.txt',
  ' leading.txt',
  'trailing ',
  'trailing.txt ',
  '  two  blanks  .txt',
  'nbsp\u00a0.txt',
  '\u3000ideographic.txt',
  // Escapes, and what is none.
  '%',
  '%.txt',
  '100%.txt',
  '%zz.txt',
  '%41.txt',
  '%2541.txt',
  '%2e%2e',
  '%2e%2e%2fA.txt',
  '%00.txt',
  'x%00.txt',
  '%0d%0aX-Injected: 1.txt',
  '%c3%a9.txt',
  '%u0041.txt',
  // Delimiters of URIs, headers, shells and configurations.
  'q?x.txt',
  '?.txt',
  'q?x=1&y=2.txt',
  'h#x.txt',
  '+.txt',
  ';v=1.txt',
  '&.txt',
  '=.txt',
  ',.txt',
  'c:d.txt',
  '@named.txt',
  '$host.txt',
  '${env}.txt',
  '{rp.header.Host}.txt',
  "'.txt",
  '".txt',
  '(1).txt',
  '*.txt',
  '[a-z].txt',
  '<b>.txt',
  '|.txt',
  '^.txt',
  '`id`.txt',
  '$(id).txt',
  '\\.txt',
  'a\\b.txt',
  '..\\..\\A.txt',
  '!.txt',
  'http:',
  // Beyond ASCII.
  'é.txt',
  'e\u0301.txt',
  'ÿ.txt',
  '日本語.txt',
  '🎉.txt',
  'شهادة.txt',
  'a\u202etxt.exe',
  'zero\u200bwidth.txt',
  'line\u2028separator.txt',
  'next\u0085line.txt',
  '\ufeffbom.txt',
  'private\ue000.txt',
  'last\u{10ffff}.txt',
  // Names that mean something elsewhere.
  'CON',
  'con.txt',
  'a.txt::$DATA',
  'A.TXT',
  '.htaccess',
  '.htpasswd.txt',
  'web.config',
  'index.html',
  'index.php',
  'error_log',
  '__proto__',
  'constructor',
  // Folders.
  'sub folder/é/%41/q?x.txt',
  '..../x.txt',
  // Long ones.
  `${'n'.repeat(251)}.txt`,
  `${'é'.repeat(125)}.txt`,
];

/** 1024 bytes, of which S3 takes no more. */
export const LONGEST_S3_KEY: string = `${Array.from({ length: 4 }, () => '日'.repeat(80)).join('/')}/${'x'.repeat(56)}.txt`;

/**
 * 900 bytes. Swift 2.30 keeps a version under the percent-encoded key with a time behind it, and answers
 * 503 where that is too long: of keys in ASCII one of 905 bytes was stored and one of 910 was not.
 */
export const LONGEST_SWIFT_VERSIONED_KEY: string = `${Array.from({ length: 4 }, () => 'n'.repeat(223)).join('/')}/.txt`;

/** A key whose value for a server is longer than what many give a header. The URL to it is short. */
export const LONG_KEY: string = `${Array.from({ length: 12 }, () => '日'.repeat(80)).join('/')}/x.txt`;
