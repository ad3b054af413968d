/** Options in which one is wrong, and what the message must name. */
export interface MistakeRow {
  readonly title: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly message: RegExp;
}

const NEW_LINE = '/srv/a\n}\nlocation / { root /; }';

export const mistakes: readonly MistakeRow[] = [
  { title: 'an unknown option', options: { rooots: '/a' }, message: /unknown option "rooots"/ },
  { title: 'no roots', options: { roots: undefined }, message: /roots must be an object/ },
  { title: 'an empty map of roots', options: { roots: {} }, message: /at least one root/ },
  {
    title: 'a relative root',
    options: { roots: 'private' },
    message: /absolute path, got "private"/,
  },
  { title: 'the root of the file system', options: { roots: '/' }, message: /whole file system/ },
  {
    title: 'a root with a line break',
    options: { roots: NEW_LINE },
    message: /control character in its name, got "\/srv\/a\\n/,
  },
  {
    title: 'a prefix of keys that is none',
    options: { roots: { '../x': '/a' } },
    message: /"\.\.\/x" is not a prefix/,
  },
  { title: 'no application', options: { app: undefined }, message: /app must be an origin/ },
  {
    title: 'an application behind HTTPS',
    options: { app: 'https://127.0.0.1' },
    message: /got "https:\/\/127\.0\.0\.1"/,
  },
  {
    title: 'an application with a path',
    options: { app: 'http://127.0.0.1/app/' },
    message: /app must be an origin/,
  },
  {
    title: 'an application whose host ends the line of the configuration',
    options: { app: 'http://a;b{c}/' },
    message: /app must be an origin/,
  },
  { title: 'a port alone', options: { listen: '80' }, message: /listen must be .*got "80"/ },
  { title: 'port 0', options: { listen: ':0' }, message: /listen must be/ },
  { title: 'port 65536', options: { listen: '127.0.0.1:65536' }, message: /listen must be/ },
  {
    title: 'an address with more behind it',
    options: { listen: '127.0.0.1:80 default_server' },
    message: /listen must be/,
  },
  {
    title: 'a name with more behind it',
    options: { serverName: 'a.example;' },
    message: /serverName must be .*got "a\.example;"/,
  },
  {
    title: 'an internal path without a slash at its end',
    options: { prefix: '/_sluice' },
    message: /^config: prefix must be .*got "\/_sluice"/,
  },
  {
    title: 'an internal path with a brace',
    options: { prefix: '/_s {}/' },
    message: /prefix must be/,
  },
  {
    title: 'a root without an internal path',
    options: { roots: { '': '/a', videos: '/b' }, prefix: { '': '/_a/' } },
    message: /no path for the root of the keys "videos"/,
  },
  {
    title: 'two roots on one internal path',
    options: { roots: { '': '/a', videos: '/b' }, prefix: { '': '/_a/', videos: '/_a/' } },
    message: /"\/_a\/" twice/,
  },
  {
    title: 'a restored header that nginx keeps',
    options: { restored: ['Content-Disposition'] },
    message: /restored cannot hold "Content-Disposition"/,
  },
  {
    title: 'a restored header with a line break',
    options: { restored: ['X-A $b;\nfoo'] },
    message: /restored must hold names/,
  },
  {
    title: 'a store with a path',
    options: { store: { origin: 'http://127.0.0.1:9000/bucket' } },
    message: /^config: store: origin must be .*got "http:\/\/127\.0\.0\.1:9000\/bucket"$/,
  },
  {
    title: 'a store whose host ends the line of the configuration',
    options: { store: { origin: 'http://a;b{c}' } },
    message: /^config: store: origin must /,
  },
  {
    title: 'a store where the files are',
    options: { store: { origin: 'http://127.0.0.1:9000', prefix: '/_sluice/s3/' } },
    message: /prefix "\/_sluice\/s3\/" and "\/_sluice\/".* must lie apart$/,
  },
  {
    title: 'an unknown option of the store',
    options: { store: { origin: 'http://127.0.0.1:9000', bucket: 'b' } },
    message: /^config: store: unknown option "bucket"/,
  },
  ...['ca.crt', '/a"b', '/a\nb', '/$host'].map((certificates) => ({
    title: `certificates in ${JSON.stringify(certificates)}`,
    options: { store: { origin: 'https://127.0.0.1:9000', certificates } },
    message: /^config: store: certificates must be the absolute path of a file, got "/,
  })),
  {
    title: 'a public path below that of the store',
    options: {
      store: { origin: 'http://127.0.0.1:9000' },
      public: { url: '/_store/a/', folder: '/srv/public' },
    },
    message: /must lie apart/,
  },
  {
    title: 'a public folder that holds the guarded one',
    options: { public: { url: '/static/', folder: '/srv' } },
    message: /must lie apart/,
  },
  {
    title: 'a public folder in the guarded one',
    options: { public: { url: '/static/', folder: '/srv/private/public' } },
    message: /must lie apart/,
  },
  {
    title: 'a public path below the internal one',
    options: { public: { url: '/_sluice/static/', folder: '/srv/public' } },
    message: /must lie apart/,
  },
  {
    title: 'a public path that is a pattern',
    options: { public: { url: '/static/(.*)/', folder: '/srv/public' } },
    message: /url of public must be/,
  },
  {
    title: 'an unknown option of the public folder',
    options: { public: { path: '/static/', folder: '/srv/public' } },
    message: /unknown option "path"/,
  },
  { title: 'a private host with a blank', options: { host: 'a b' }, message: /host must be/ },
  {
    title: 'a private host that listens everywhere',
    options: { internal: ':8081' },
    message: /internal must name an address/,
  },
  {
    title: 'a relative folder of a server of its own',
    options: { standalone: 'run' },
    message: /standalone must be an absolute path/,
  },
  ...[
    '/srv//private',
    '/srv/./private',
    '/srv/x/../private',
    '/srv/private/x/..',
    '/srv/private/.',
    '//srv/private/',
  ].map((folder) => ({
    title: `the guarded folder as the public one, spelt ${folder},`,
    options: { public: { url: '/static/', folder } },
    message:
      /the public folder "\/srv\/private" and the guarded one "\/srv\/private" must lie apart/,
  })),
  {
    title: 'a public folder that is the guarded one but for the links of its spelling',
    options: { roots: '/srv/./private', public: { url: '/static/', folder: '/srv/private/a/b' } },
    message: /must lie apart/,
  },
  ...['/srv/private', '/srv/private/../private', '/srv/private/run', '/srv'].map((standalone) => ({
    title: `a server of its own in ${standalone}, beside the guarded folder,`,
    options: { standalone },
    message:
      /the folder of the server "\/srv.*" and the guarded one "\/srv\/private" must lie apart/,
  })),
  ...['/mnt/shown', '/mnt/shown/run', '/mnt'].map((standalone) => ({
    title: `a server of its own in ${standalone}, beside the public folder,`,
    options: { standalone, public: { url: '/static/', folder: '/mnt/shown' } },
    message: /the folder of the server "\/mnt.*" and the public one "\/mnt\/shown" must lie apart/,
  })),
  ...['/proc', '/proc/nobody/srv', '/sys', '/dev', '/dev/', '/srv/../dev/fd', '/dev/shm'].map(
    (roots) => ({
      title: `the root ${roots}`,
      options: { roots },
      message: /a root holds what the kernel shows, got "\//,
    }),
  ),
  {
    title: 'a public folder of the kernel',
    options: { public: { url: '/static/', folder: '/proc/self' } },
    message: /folder of public holds what the kernel shows/,
  },
  ...(
    [
      ['127.0.0.1:3000', '127.0.0.1:3000'],
      [':3000', '127.0.0.1:3000'],
      ['0.0.0.0:3000', 'localhost:3000'],
      ['[::]:3000', '[::1]:3000'],
      ['localhost:3000', '127.0.0.1:3000'],
      ['127.0.0.1:3000', 'LOCALHOST:3000'],
      ['127.1:3000', '127.0.0.1:3000'],
      ['[0::1]:3000', '[::1]:3000'],
      ['127.0.0.1:3000', '0.0.0.0:3000'],
      ['app.example:3000', 'app.example:3000'],
      [':80', '127.0.0.1'],
    ] as const
  ).map(([listen, app]) => ({
    title: `a server at ${listen} in front of an application at ${app}`,
    options: { listen, app: `http://${app}` },
    message: /listen is where the application is, ".*", so that .*, got "/,
  })),
];

/** Options in which the private host of H2O could be reached. */
export const privateHostMistakes: readonly MistakeRow[] = [
  ...[
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['localhost:8080', '127.0.0.1:8080'],
    [':8080', '127.0.0.1:8080'],
    ['192.0.2.1:8080', '127.0.0.1:8080'],
  ].map(([listen, internal]) => ({
    title: `a private host at ${internal} with the site at ${listen}`,
    options: { listen, internal },
    message: /internal must have another port than listen, ".*:8080", got "127\.0\.0\.1:8080"/,
  })),
  {
    title: 'the port of the private host as that of the site',
    options: { listen: ':8081' },
    message: /another port than listen, ":8081", got "127\.0\.0\.1:8081"/,
  },
  ...['0.0.0.0:8081', '[::]:8081', '0:8081', '[0::0]:8081', '[::ffff:0.0.0.0]:8081'].map(
    (internal) => ({
      title: `a private host at ${internal}`,
      options: { internal },
      message: /internal must name an address that no client can reach, .*got "/,
    }),
  ),
  ...['127.0.0.1:3000', 'localhost:3000', '127.1:3000'].map((internal) => ({
    title: `a private host at ${internal} with the application there`,
    options: { internal },
    message: /another address than the application's, "127\.0\.0\.1:3000", got ".*:3000"/,
  })),
  {
    title: 'a private host with the name of the site',
    options: { serverName: 'Sluice.internal' },
    message: /another name than serverName, "sluice\.internal", got "sluice\.internal"/,
  },
];
