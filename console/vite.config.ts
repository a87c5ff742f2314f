import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What the API serves: `index.html`, and files whose names carry the hash of what is in them. */
export default defineConfig({
  base: './',
  publicDir: false,
  resolve: { alias: { '@hotswap/distributed-kernel-sdk': here('../sdk-ts/src/index.ts') } },
  build: {
    // Beside the code that serves it, so that it is found in the same place here and in Lambda's zip.
    outDir: here('../chalicelib/console'),
    emptyOutDir: true,
    target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
