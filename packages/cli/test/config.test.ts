import { mkdtempSync, mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { NGINX_RESTORED, H2O_TYPES } from '@sluice/core/offload';
import test from 'ava';

import { config, serverCommand, serverNames, type ConfigOptions } from '../src/index.ts';
import { folders } from './tables/folders.ts';
import { mistakes, privateHostMistakes } from './tables/mistakes.ts';

const BASE: ConfigOptions = { roots: '/srv/private', app: 'http://127.0.0.1:3000' };

function linesOf(server: (typeof serverNames)[number], options: Partial<ConfigOptions> = {}) {
  return config(server, { ...BASE, ...options })
    .split('\n')
    .map((line) => line.trim());
}

for (const server of serverNames) {
  for (const { title, folder, lines } of folders) {
    const line = lines[server];
    test(`${server}: ${title} ${line === undefined ? 'is refused' : 'is quoted'}`, (t) => {
      if (line === undefined) {
        t.throws(() => config(server, { ...BASE, roots: folder }), {
          instanceOf: TypeError,
          message: /cannot express the folder/,
        });
        return;
      }
      t.true(linesOf(server, { roots: folder }).includes(line), line);
    });
  }

  test(`${server}: the same options give the same text, which ends with one line break`, (t) => {
    const text = config(server, BASE);
    t.is(config(server, BASE), text);
    t.regex(text, /[^\n]\n$/);
    t.notRegex(text, /[ \t]$/m);
    t.notRegex(text, /undefined|\[object/);
  });

  test(`${server}: the address, the name and the application are those of the options`, (t) => {
    const text = config(server, {
      ...BASE,
      listen: '127.0.0.1:8080',
      serverName: 'Files.example',
      app: 'http://[::1]:3001',
    });
    t.regex(text, /127\.0\.0\.1/);
    t.regex(text, /8080/);
    t.regex(text, /files\\?\.example/);
    t.regex(text, /::1/);
    t.regex(text, /3001/);
  });

  test(`${server}: no client says to the application what only it may say to the server`, (t) => {
    const text = config(server, BASE);
    for (const name of ['X-Accel-', 'X-Sendfile', 'X-LIGHTTPD-', 'X-Reproxy-']) {
      t.true(text.includes(name), name);
    }
  });

  test(`${server}: a public folder is served without the application`, (t) => {
    const text = config(server, {
      ...BASE,
      public: { url: '/static/', folder: '/srv/public' },
    });
    t.regex(text, /\/static\//);
    t.regex(text, /\/srv\/public/);
    t.notRegex(config(server, BASE), /static/);
  });

  test(`${server}: a server of its own keeps what it writes in its folder`, (t) => {
    t.regex(config(server, { ...BASE, standalone: '/run/sluice' }), serverFolder(server));
    t.notRegex(config(server, BASE), /\/run\/sluice/);
  });

  test(`${server}: the command is the program with the file, in the foreground`, (t) => {
    const { program, args, checkArgs } = serverCommand(server, {
      file: '/a/conf',
      folder: '/a/run',
    });
    t.true(isAbsolute(program) || !program.includes('/'));
    t.true(args.includes('/a/conf'));
    t.true(checkArgs.includes('/a/conf'));
    t.notDeepEqual(args, checkArgs);
  });
}

/** Caddy writes nothing but to its standard output. */
function serverFolder(server: string): RegExp {
  return server === 'caddy' ? /admin off/ : /\/run\/sluice/;
}

for (const { title, options, message } of mistakes) {
  test(`${title} is refused`, (t) => {
    for (const server of serverNames) {
      t.throws(() => config(server, { ...BASE, ...options }), { instanceOf: TypeError, message });
    }
  });
}

for (const { title, options, message } of privateHostMistakes) {
  test(`H2O: ${title} is refused`, (t) => {
    const all = { ...BASE, ...options };
    t.throws(() => config('h2o', all), { instanceOf: TypeError, message });
    t.notThrows(() => config('nginx', all));
  });
}

test('an address of which it is not known whether it is the same is taken', (t) => {
  for (const [listen, app] of [
    [':80', 'http://app'],
    ['127.0.0.1:80', 'http://127.0.0.2'],
    ['0.0.0.0:80', 'http://192.0.2.1'],
    [':3001', BASE.app],
  ] as const) {
    for (const server of serverNames) t.notThrows(() => config(server, { ...BASE, listen, app }));
  }
});

test('an unknown server is refused, and the known ones are named', (t) => {
  const expected = { instanceOf: TypeError, message: /one of nginx, apache.*got "iis"/ };
  // @ts-expect-error -- wrong on purpose
  t.throws(() => config('iis', BASE), expected);
  // @ts-expect-error -- wrong on purpose
  t.throws(() => serverCommand('iis', { file: '/a', folder: '/b' }), expected);
});

test('the command of a server needs absolute paths', (t) => {
  t.throws(() => serverCommand('nginx', { file: 'conf', folder: '/b' }), {
    instanceOf: TypeError,
    message: /file must be an absolute path, got "conf"/,
  });
});

test('links in a root are resolved, as the driver resolves them', (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-config-')));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  for (const server of serverNames) {
    const text = config(server, { ...BASE, roots: join(folder, 'link') });
    t.true(text.includes(`${folder}/real`), server);
    t.false(text.includes(`${folder}/link`), server);
  }
});

test('a folder that is yet to be made is compared by where it is going to lie', (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-config-')));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  symlinkSync('real/private', join(folder, 'dangling'));
  symlinkSync('loop', join(folder, 'loop'));
  const roots = join(folder, 'real/private');
  const refused = { instanceOf: TypeError, message: /must lie apart/ };
  for (const name of ['link/private', 'link/private/a', 'dangling', 'dangling/a']) {
    const other = join(folder, name);
    const shown = { url: '/static/', folder: other };
    for (const server of serverNames) {
      t.throws(() => config(server, { ...BASE, roots, public: shown }), refused, name);
      t.throws(() => config(server, { ...BASE, roots, standalone: other }), refused, name);
    }
  }
  const elsewhere = { url: '/static/', folder: join(folder, 'loop/a') };
  t.notThrows(() => config('nginx', { ...BASE, roots, public: elsewhere }));
});

test('a link to the root of the file system is refused', (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-config-')));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const target of ['/', '/proc']) {
    const name = join(folder, `link${target.slice(1)}`);
    symlinkSync(target, name);
    t.throws(() => config('nginx', { ...BASE, roots: name }), {
      instanceOf: TypeError,
      message: /a root (?:is a whole file system|holds what the kernel shows), got "/,
    });
  }
});

test('a link to a folder whose name ends the line of a configuration is refused', (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-config-')));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'a\nb'));
  symlinkSync('a\nb', join(folder, 'link'));
  t.throws(() => config('nginx', { ...BASE, roots: join(folder, 'link') }), {
    instanceOf: TypeError,
    message: /control character/,
  });
});

test('nginx gives back every header that the dialect says it does', (t) => {
  const lines = linesOf('nginx', { restored: ['X-Request-Id'] });
  for (const name of [...NGINX_RESTORED, 'x-request-id']) {
    const variable = `$upstream_http_${name.replaceAll('-', '_')};`;
    const line = lines.find((text) => text.startsWith('add_header') && text.endsWith(variable));
    t.is(line?.split(' ')[1]?.toLowerCase(), name);
  }
});

test('nginx fetches from a store through one location, and gives the client no header of the store', (t) => {
  const lines = linesOf('nginx', {
    roots: undefined,
    store: { origin: 'https://s3.internal', prefix: '/_s3.x/' },
    restored: ['X-Request-Id'],
  });
  const needed = [
    'server s3.internal:443;',
    'location ^~ "/_s3.x/" {',
    'location ~ "^/_s3\\.x/(?<sluice_path>.+)$" {',
    'proxy_pass https://sluice_store_s3_internal_443/$sluice_path$is_args$args;',
    'proxy_set_header Host "s3.internal";',
    'proxy_ssl_verify on;',
    'proxy_ssl_name s3.internal;',
    'proxy_ssl_trusted_certificate "/etc/ssl/certs/ca-certificates.crt";',
    'proxy_set_header If-Match $sluice_tag;',
    'error_page 412 =503 @sluice_store_s3_internal_443_changed;',
  ];
  for (const line of needed) t.true(lines.includes(line), line);
  t.deepEqual(
    lines.filter((line) => line.startsWith('location')).length,
    6,
    'no location for files on a disk',
  );
  for (const name of [...NGINX_RESTORED, 'x-request-id']) {
    const variable = name.replaceAll('-', '_');
    t.true(lines.includes(`set $sluice_app_${variable} $upstream_http_${variable};`), name);
    const added = lines.find((line) => line.endsWith(` $sluice_app_${variable};`));
    t.regex(added ?? '', new RegExp(`^add_header ${name} `, 'i'));
    t.true(
      lines.some((line) => line.toLowerCase() === `proxy_hide_header ${name};`),
      name,
    );
  }
  const hidden = lines.filter((line) => line.startsWith('proxy_hide_header'));
  const forStore = hidden.map((line) => line.toLowerCase()).slice(-60);
  t.is(new Set(forStore).size, forStore.length);
});

test('nginx trusts no certificate of a store without HTTPS, and has its port', (t) => {
  const lines = linesOf('nginx', { store: { origin: 'http://127.0.0.1:9000' } });
  t.true(lines.includes('server 127.0.0.1:9000;'));
  t.true(lines.includes('proxy_set_header Host "127.0.0.1:9000";'));
  t.true(lines.includes('location ^~ "/_store/" {'));
  t.true(lines.includes('location ^~ "/_sluice/" {'));
  t.false(lines.some((line) => line.includes('_ssl_')));
  t.false(linesOf('nginx').some((line) => line.includes('_store')));
});

test('a server that fetches from no store needs a root', (t) => {
  for (const server of serverNames.filter((name) => name !== 'nginx')) {
    const options = { ...BASE, store: { origin: 'http://127.0.0.1:9000' } };
    t.is(config(server, options), config(server, BASE));
    t.throws(() => config(server, { ...options, roots: undefined }), {
      instanceOf: TypeError,
      message: `config: roots is missing, and ${server} fetches from no store`,
    });
  }
});

test('nginx nests the roots below the path of all, and shows nothing of keys without a root', (t) => {
  const lines = linesOf('nginx', { roots: { videos: '/mnt/v', 'photos/é': '/mnt/p' } });
  const locations = lines.filter((line) => line.startsWith('location ^~'));
  t.deepEqual(locations, [
    'location ^~ "/_sluice/" {',
    'location ^~ "/_sluice/photos/é/" {',
    'location ^~ "/_sluice/videos/" {',
  ]);
  t.is(lines.filter((line) => line === 'internal;').length, 3);
  t.true(lines.includes('return 404;  # no root'));
});

test('nginx lets nobody keep an error for as long as the object', (t) => {
  const lines = linesOf('nginx');
  t.true(lines.includes('map $status $sluice_unkept { default ""; ~^[45] no-store; }'));
  t.true(lines.includes('add_header Cache-Control $sluice_unkept always;'));
});

test('nginx restores the headers in each of several paths', (t) => {
  const lines = linesOf('nginx', {
    roots: { '': '/a', videos: '/b' },
    prefix: { '': '/_a/', videos: '/_b/' },
  });
  t.is(lines.filter((line) => line.startsWith('add_header Vary ')).length, 2);
});

test('Apache shows the public folder by Alias and the guarded ones by XSendFilePath alone', (t) => {
  const lines = linesOf('apache', {
    roots: { '': '/srv/private', videos: '/mnt/v' },
    public: { url: '/static/', folder: '/srv/public' },
  });
  t.deepEqual(
    lines.filter((line) => /^(?:Alias|XSendFile|FileETag|<Directory)/.test(line)),
    [
      'Alias "/static/" "/srv/public/"',
      '<Directory "/srv/public">',
      'FileETag MTime Size',
      'XSendFile On',
      'XSendFilePath "/mnt/v"',
      'XSendFilePath "/srv/private"',
      'FileETag None',
    ],
  );
  t.throws(() => config('apache', { ...BASE, public: { url: '/static/', folder: '/srv/a*' } }), {
    instanceOf: TypeError,
    message: /"\/srv\/a\*"/,
  });
});

test('lighttpd sends from the roots alone, and remembers nothing of their files', (t) => {
  const lines = linesOf('lighttpd', { roots: { '': '/a', videos: '/b' } });
  t.true(lines.includes('"/b/", "/a/"'));
  t.true(lines.includes('server.stat-cache-engine = "disable"'));
  t.true(lines.includes('server.follow-symlink = "disable"'));
});

test('Caddy matches the longest path first, on status 200 alone', (t) => {
  const lines = linesOf('caddy', { roots: { '': '/a', videos: '/b' } });
  t.deepEqual(
    lines.filter((line) => /^(?:header X-Accel|status)/.test(line)),
    [
      'status 200',
      'header X-Accel-Redirect /_sluice/videos/*',
      'status 200',
      'header X-Accel-Redirect /_sluice/*',
      'status 200',
      'header X-Accel-Redirect *',
    ],
  );
});

test('Caddy needs a path of its own for keys whose prefix is encoded', (t) => {
  const roots = { '': '/a', 'vid é': '/b' };
  t.throws(() => config('caddy', { ...BASE, roots }), {
    instanceOf: TypeError,
    message: /"vid é" needs a path of its own/,
  });
  t.notThrows(() => config('caddy', { ...BASE, roots, prefix: { '': '/_a/', 'vid é': '/_b/' } }));
});

test('H2O has the media types that the dialect counts on, and a private host', (t) => {
  const text = config('h2o', { ...BASE, host: 'private.internal', internal: '127.0.0.2:81' });
  for (const [extension, type] of Object.entries(H2O_TYPES)) {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`  '${type}': [`));
    t.true(line?.includes(`'.${extension}'`), extension);
  }
  t.regex(text, /'private\.internal':\n\s+listen: \{ host: '127\.0\.0\.2', port: 81 \}/);
});
