import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** A server whose distribution has a place for the files of sites. */
export type Hosting = 'nginx' | 'apache' | 'lighttpd';

/** All of them. */
export const HOSTING: readonly Hosting[] = ['nginx', 'apache', 'lighttpd'];

/** What {@link installSite} takes. */
export interface Installing {
  /** What `sluice config` has printed. */
  readonly text: string;
  /** Becomes what `/etc/nginx` and the like are. */
  readonly folder: string;
  /** Of the loopback, for the site and for what is there before. */
  readonly port: number;
  /** Whether the site has a name; the one for every name has to go where it has none. */
  readonly isNamed: boolean;
}

/** Where the main file of a server is, and what it wants of its environment. */
export interface Installed {
  readonly file: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Puts the file of a site where its first lines say, in a copy of what the package of Debian has
 * installed. Of the copy only ports and the places of logs and process ids are others.
 */
export function installSite(server: Hosting, installing: Installing): Installed {
  return INSTALLERS[server](installing);
}

const INSTALLERS: Readonly<Record<Hosting, (installing: Installing) => Installed>> = {
  nginx({ text, folder, port, isNamed }) {
    for (const name of ['conf.d', 'sites-enabled']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'conf.d/sluice.conf'), text);
    if (isNamed) {
      const before = adapted('/etc/nginx/sites-available/default', [
        [/^\tlisten 80 /m, `\tlisten 127.0.0.1:${port} `],
        [/^\tlisten \[::\]:80 .*\n/m, ''],
      ]);
      writeFileSync(join(folder, 'sites-enabled/default'), before);
    }
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const file = join(folder, 'nginx.conf');
    const whole = adapted('/etc/nginx/nginx.conf', [
      [/^/, 'daemon off;\n'],
      ['/run/nginx.pid', `${folder}/nginx.pid`],
      [/\/var\/log\/nginx\//g, `${folder}/`],
      [/\/etc\/nginx\/(conf\.d|sites-enabled)\//g, `${folder}/$1/`],
      // Its paths are below the folder that -p names.
      ['include /etc/nginx/modules-enabled/*.conf;', ''],
      [/^http \{$/m, `http { ${temporary.join(' ')}`],
    ]);
    writeFileSync(file, whole);
    return { file };
  },

  apache({ text, folder, port, isNamed }) {
    cpSync('/etc/apache2', folder, { recursive: true });
    enableModules(folder, /a2enmod ([\w ]+)$/m.exec(text)?.[1]?.split(' ') ?? []);
    writeFileSync(join(folder, 'sites-enabled/sluice.conf'), text);
    // As the comment beside them says.
    const limits = text.match(/^LimitRequest.*$/gm) ?? [];
    writeFileSync(join(folder, 'conf-enabled/sluice.conf'), `${limits.join('\n')}\n`);
    writeFileSync(
      join(folder, 'ports.conf'),
      adapted('/etc/apache2/ports.conf', [[/^Listen 80$/m, '']]),
    );
    const first = 'sites-enabled/000-default.conf';
    const before = adapted(`/etc/apache2/${first}`, [['*:80', `127.0.0.1:${port}`]]);
    rmSync(join(folder, first));
    if (isNamed) writeFileSync(join(folder, first), before);
    const env = {
      APACHE_RUN_USER: 'www-data',
      APACHE_RUN_GROUP: 'www-data',
      APACHE_RUN_DIR: folder,
      APACHE_LOCK_DIR: folder,
      APACHE_LOG_DIR: folder,
      APACHE_PID_FILE: join(folder, 'apache.pid'),
    };
    return { file: join(folder, 'apache2.conf'), env };
  },

  lighttpd({ text, folder, port }) {
    cpSync('/etc/lighttpd/conf-enabled', join(folder, 'conf-enabled'), { recursive: true });
    writeFileSync(join(folder, 'conf-enabled/50-sluice.conf'), text);
    const file = join(folder, 'lighttpd.conf');
    const whole = adapted('/etc/lighttpd/lighttpd.conf', [
      [/^server\.port .*$/m, `server.port = ${port}\nserver.bind = "127.0.0.1"`],
      [/^include_shell ".*use-ipv6.*$/m, ''],
      ['/run/lighttpd.pid', `${folder}/lighttpd.pid`],
      // It is opened by a user who may not write here; what there is to say comes to stderr.
      [/^server\.errorlog .*$/m, ''],
      ['/var/cache/lighttpd/uploads', folder],
      ['/etc/lighttpd/conf-enabled/', `${folder}/conf-enabled/`],
    ]);
    writeFileSync(file, whole);
    return { file };
  },
};

/** As `a2enmod` does it. */
function enableModules(folder: string, names: readonly string[]): void {
  const enabled = readdirSync(join(folder, 'mods-enabled'));
  for (const file of names.flatMap((name) => [`${name}.load`, `${name}.conf`])) {
    const available = join(folder, 'mods-available', file);
    if (enabled.includes(file) || !existsSync(available)) continue;
    symlinkSync(available, join(folder, 'mods-enabled', file));
  }
}

/** Changes what must be there, so that nothing of a running server is used by accident. */
function adapted(
  path: string,
  changes: readonly (readonly [from: string | RegExp, to: string])[],
): string {
  return changes.reduce(
    (text, [from, to]) => {
      const changed = text.replace(from, to);
      if (changed === text && to !== '') throw new Error(`${path} has no ${String(from)}`);
      return changed;
    },
    readFileSync(path, 'utf8'),
  );
}
