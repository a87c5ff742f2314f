import shared from './jest.config.mjs'

// Against what `make run` starts, one file after the other: they share one stack.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/live'],
  testMatch: ['**/*.live.ts'],
  transform: shared.transform,
  globalSetup: '<rootDir>/live/set-up.ts',
  globalTeardown: '<rootDir>/live/tear-down.ts',
  maxWorkers: 1,
  testTimeout: 120_000,
}
