// The tests that need programs of the machine, a browser and curl. The root's `test` leaves them out.
export default {
  files: ['test-browser/**/*.test.ts'],
  nodeArguments: ['--enable-source-maps'],
  timeout: '120s',
  typescript: {
    compile: false,
    rewritePaths: { 'test-browser/': 'dist/test-browser/' },
  },
};
