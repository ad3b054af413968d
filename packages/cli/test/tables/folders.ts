import type { ServerName } from '../../src/index.ts';

/** How a folder stands in the configuration of each server; `undefined` where it cannot. */
export interface FolderRow {
  readonly title: string;
  readonly folder: string;
  readonly lines: Readonly<Record<ServerName, string | undefined>>;
}

export const folders: readonly FolderRow[] = [
  {
    title: 'a plain folder',
    folder: '/srv/private',
    lines: {
      nginx: 'alias "/srv/private/";',
      apache: 'XSendFilePath "/srv/private"',
      lighttpd: '"/srv/private/"',
      caddy: 'root `/srv/private`',
      h2o: "file.dir: '/srv/private/'",
    },
  },
  {
    title: 'blanks, a comment sign, a percent sign, globs and letters of other scripts',
    folder: '/srv/a b#c%41*[x]?é;日',
    lines: {
      nginx: 'alias "/srv/a b#c%41*[x]?é;日/";',
      apache: 'XSendFilePath "/srv/a b#c%41*[x]?é;日"',
      lighttpd: '"/srv/a b#c%41*[x]?é;日/"',
      caddy: 'root `/srv/a b#c%41*[x]?é;日`',
      h2o: "file.dir: '/srv/a b#c%41*[x]?é;日/'",
    },
  },
  {
    title: 'a quotation mark and an apostrophe',
    folder: `/srv/a"b'c`,
    lines: {
      nginx: `alias "/srv/a\\"b'c/";`,
      apache: `XSendFilePath "/srv/a\\"b'c"`,
      lighttpd: `"/srv/a\\"b'c/"`,
      caddy: `root \`/srv/a"b'c\``,
      h2o: `file.dir: '/srv/a"b''c/'`,
    },
  },
  {
    title: 'a backslash at the end',
    folder: '/srv/a\\b\\',
    lines: {
      nginx: 'alias "/srv/a\\\\b\\\\/";',
      apache: 'XSendFilePath "/srv/a\\\\b\\\\"',
      lighttpd: '"/srv/a\\b\\/"',
      caddy: 'root `/srv/a\\b\\`',
      h2o: "file.dir: '/srv/a\\b\\/'",
    },
  },
  {
    title: 'a dollar sign',
    folder: '/srv/a$b',
    lines: {
      nginx: 'alias "/srv/a${sluice_dollar}b/";',
      apache: 'XSendFilePath "/srv/a$b"',
      lighttpd: '"/srv/a$b/"',
      caddy: 'root `/srv/a$b`',
      h2o: "file.dir: '/srv/a$b/'",
    },
  },
  {
    title: 'what looks like a placeholder',
    folder: '/srv/{env.HOME}',
    lines: {
      nginx: 'alias "/srv/{env.HOME}/";',
      apache: 'XSendFilePath "/srv/{env.HOME}"',
      lighttpd: '"/srv/{env.HOME}/"',
      caddy: 'root `/srv/\\{env.HOME\\}`',
      h2o: "file.dir: '/srv/{env.HOME}/'",
    },
  },
  {
    title: 'what looks like a variable of the environment',
    folder: '/srv/${HOME}{$HOME}',
    lines: {
      nginx: 'alias "/srv/${sluice_dollar}{HOME}{${sluice_dollar}HOME}/";',
      apache: 'XSendFilePath "/srv/${sluice_dollar}{HOME}{$HOME}"',
      lighttpd: '"/srv/${HOME}{$HOME}/"',
      caddy: undefined,
      h2o: "file.dir: '/srv/${HOME}{$HOME}/'",
    },
  },
  {
    title: 'a backtick',
    folder: '/srv/a`b"c',
    lines: {
      nginx: 'alias "/srv/a`b\\"c/";',
      apache: 'XSendFilePath "/srv/a`b\\"c"',
      lighttpd: '"/srv/a`b\\"c/"',
      caddy: 'root "/srv/a`b\\"c"',
      h2o: "file.dir: '/srv/a`b\"c/'",
    },
  },
  {
    title: 'a backtick and a backslash before a quotation mark',
    folder: '/srv/a`b\\"c',
    lines: {
      nginx: 'alias "/srv/a`b\\\\\\"c/";',
      apache: 'XSendFilePath "/srv/a`b\\\\\\"c"',
      lighttpd: '"/srv/a`b\\\\"c/"',
      caddy: undefined,
      h2o: "file.dir: '/srv/a`b\\\"c/'",
    },
  },
];
