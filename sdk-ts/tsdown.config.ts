import { defineConfig } from 'tsdown'

export default defineConfig([
  { entry: { index: 'src/index.ts' }, format: ['esm', 'cjs'], platform: 'neutral', target: 'es2022', dts: true },
  {
    entry: { cli: 'src/cli/main.ts' },
    format: ['esm'],
    platform: 'node',
    target: 'node20.15',
    dts: false,
    clean: false,
  },
])
