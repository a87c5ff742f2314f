import assert from 'node:assert/strict'
import { test } from 'node:test'
import { away, lasting } from '../src/time.ts'

test('a length of time is told in its two largest units', () => {
  assert.deepEqual([0, 17_000, 60_000, 3_900_000, 90_000_000].map(lasting), [
    '0 s',
    '17 s',
    '1 min',
    '1 h 5 min',
    '1 d 1 h',
  ])
})

test('an instant is told by its distance', () => {
  assert.deepEqual([away(0, 155_000), away(90_000_000, 0), away(1_000, 0)], ['2 min ago', 'in 1 d', 'now'])
})
