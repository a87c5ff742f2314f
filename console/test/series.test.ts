import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FORMATS, line, stepSeconds, top, x, y } from '../src/series.ts'

const PLANE = { from: 0, to: 100, most: 10, width: 200, height: 100 }

test('time goes to the right and values go up', () => {
  assert.deepEqual([x(PLANE, 0), x(PLANE, 50), x(PLANE, 100)], [0, 100, 200])
  assert.deepEqual([y(PLANE, 0), y(PLANE, 10), y(PLANE, 99)], [100, 0, 0])
})

test('a line is broken where nothing was measured', () => {
  const samples = [0, 10, 50, 60].map((at) => ({ at, value: 5 }))

  assert.equal(line(samples, PLANE, 20), 'M0.0 50.0L20.0 50.0M100.0 50.0L120.0 50.0')
  assert.equal(line([{ at: 0, value: null }], PLANE, 20), '')
})

test('an axis ends at a round number that holds the largest value', () => {
  assert.deepEqual([top([], 500), top([501], 500), top([1_900], 500), top([0.03], 0.01)], [500, 1_000, 2_000, 0.05])
})

test('a chart has at most about a hundred points, none shorter than what is kept', () => {
  assert.deepEqual([stepSeconds(60_000), stepSeconds(3_600_000)], [10, 40])
})

test('values are told with three digits at most, and their unit', () => {
  assert.equal(FORMATS.share(2_250), '22.5 %')
  assert.equal(FORMATS.duration(950), '950 µs')
  assert.equal(FORMATS.duration(12_340), '12.3 ms')
  assert.equal(FORMATS.bytes(21_900_000), '21.9 MB')
})
