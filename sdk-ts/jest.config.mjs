const transform = { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] }

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  transform,
  collectCoverageFrom: ['src/**/*.ts', '!src/generated/**', '!src/cli/main.ts'],
  coverageProvider: 'v8',
  coverageReporters: ['text', 'json-summary'],
  coverageThreshold: { global: { branches: 90 } },
}
