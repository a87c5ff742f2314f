import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { DeploymentEvent } from '../../sdk-ts/src/types.ts'
import { eventText } from '../src/event-text.ts'
import { toneOf } from '../src/words.ts'

interface Schemas {
  readonly [name: string]: { readonly enum?: readonly string[] }
}
const openapi = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'))
const schemas: Schemas = openapi.components.schemas
interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
}
const events = JSON.parse(readFileSync(new URL('../../docs/contracts/events.schema.json', import.meta.url), 'utf8'))
const rules: readonly {
  readonly if: { readonly properties: { readonly type: { readonly const: string } } }
  readonly then: { readonly properties: { readonly detail: Schema } }
}[] = events.$defs.deploymentEvent.allOf

test('every status, phase and decision of the API has a tone of its own', () => {
  const words = ['Status', 'Phase', 'StageStatus', 'Decision', 'Health', 'ApprovalStatus', 'NodeStatus'].flatMap(
    (name) => schemas[name]?.enum ?? [],
  )

  assert.ok(words.length > 30, String(words.length))
  assert.deepEqual(
    words.filter((word) => toneOf(word) === 'idle' && !['Pending', 'empty'].includes(word)),
    [],
  )
})

test('every event of the API is told in words', () => {
  const types: readonly string[] = events.$defs.deploymentEvent.properties.type.enum
  for (const type of types) {
    const { what } = eventText({ type, detail: detailOf(type) } as unknown as DeploymentEvent)

    assert.notEqual(what, type, `${type} has no words in src/event-text.ts`)
    assert.doesNotMatch(what, /undefined|null|NaN|Invalid|\[object/, type)
  }
})

/** Every detail an event must have, by the schema. */
function detailOf(type: string): Record<string, unknown> {
  const rule = rules.find((each) => each.if.properties.type.const === type)?.then.properties.detail
  return Object.fromEntries(Object.entries(rule?.properties ?? {}).map(([name, schema]) => [name, sample(schema)]))
}

function sample(schema: Schema): unknown {
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.const !== undefined) return schema.const
  const kind = Array.isArray(schema.type) ? schema.type[0] : schema.type
  const samples: Readonly<Record<string, unknown>> = {
    string: 'word',
    integer: 1_700_000_000_000,
    boolean: true,
    array: [],
  }
  return samples[kind ?? 'string'] ?? {}
}

test('what a newer server tells is shown by its name', () => {
  assert.equal(eventText({ type: 'SomethingNew', detail: {} } as unknown as DeploymentEvent).what, 'SomethingNew')
})
