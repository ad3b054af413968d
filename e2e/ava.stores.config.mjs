// The tests against real object stores. The others of this package know nothing of them.
export default {
  files: ['test/stores/**/*.test.ts'],
  nodeArguments: ['--enable-source-maps'],
  concurrency: 2,
  timeout: '3m',
  typescript: {
    compile: false,
    rewritePaths: { 'test/': 'dist/test/' },
  },
};
