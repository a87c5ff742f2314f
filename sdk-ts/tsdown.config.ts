import { readFileSync } from 'node:fs'
import { defineConfig } from 'tsdown'

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

export default defineConfig([
  {
    entry: { index: 'src/index.ts' },
    format: ['esm', 'cjs'],
    platform: 'neutral',
    target: 'es2022',
    dts: true,
    clean: false,
    inputOptions: { checks: { pluginTimings: false, bundlerTimings: false } },
  },
  {
    entry: { cli: 'src/cli/main.ts' },
    format: ['esm'],
    platform: 'node',
    target: 'node20.15',
    dts: false,
    clean: false,
    inputOptions: { checks: { pluginTimings: false, bundlerTimings: false } },
    define: { __VERSION__: JSON.stringify(version) },
  },
])
