import { FakeApi, json } from './fake-api.ts'

const named = (...names: string[]) => names.map((executionId) => ({ executionId }))

function pages(): FakeApi {
  const answers: Record<string, unknown> = {
    '': { deployments: named('a', 'b'), cursor: 'c1' },
    c1: { deployments: named('c', 'd'), cursor: 'c2' },
    c2: { deployments: named('e'), cursor: null },
  }
  return new FakeApi(({ path }) => json(200, answers[new URLSearchParams(path.split('?')[1]).get('cursor') ?? '']))
}

test('a list is walked over from page to page', async () => {
  const api = pages()
  const found: string[] = []

  for await (const { executionId } of api.client().deployments.list({ environment: 'QA', limit: 2 }))
    found.push(executionId)

  expect(found).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(api.seen).toHaveLength(3)
  expect(api.seen[2]?.path).toBe('/api/v1/deployments?environment=QA&limit=2&cursor=c2')
})

test('a list that is left early asks for no more pages', async () => {
  const api = pages()

  for await (const { executionId } of api.client().deployments.list()) if (executionId === 'b') break

  expect(api.seen).toHaveLength(1)
})

test('awaited, a list is its first page', async () => {
  const api = pages()

  const page = await api.client().deployments.list()

  expect(page).toEqual({ items: named('a', 'b'), cursor: 'c1' })
  expect(api.seen).toHaveLength(1)
})

test('a list begins at the cursor it is given', async () => {
  const page = await pages().client().deployments.list({ cursor: 'c2' })

  expect(page.items).toEqual(named('e'))
})

test('all() is everything, or the first so many', async () => {
  expect(await pages().client().deployments.list().all()).toHaveLength(5)

  const api = pages()
  expect(await api.client().deployments.list().all(3)).toEqual(named('a', 'b', 'c'))
  expect(api.seen).toHaveLength(2)
  expect(await pages().client().deployments.list().all(0)).toEqual([])
})

test('pages() is every page', async () => {
  const sizes: number[] = []

  for await (const { items } of pages().client().deployments.list().pages()) sizes.push(items.length)

  expect(sizes).toEqual([2, 2, 1])
})

test('a list nobody walks over asks nothing, and one that fails rejects', async () => {
  const api = new FakeApi(() => json(403, { message: 'no' }))
  const list = api.client().modules.list()
  expect(api.seen).toHaveLength(0)

  await expect(list).rejects.toMatchObject({ status: 403 })
})

test('what the API answers whole is a list of one page', async () => {
  const api = new FakeApi(() => json(200, { clusters: [{ environment: 'QA' }] }))

  expect(await api.client().clusters.list()).toEqual({ items: [{ environment: 'QA' }], cursor: null })
  expect(await api.client().clusters.list().all()).toHaveLength(1)
})

test("the audit of a subject goes on behind the last record, a day's with the cursor", async () => {
  const records = (...seqs: number[]) => seqs.map((seq) => ({ seq }))
  const api = new FakeApi([
    json(200, { records: records(1, 2), nextAfter: 2, cursor: null }),
    json(200, { records: records(3), nextAfter: 3, cursor: null }),
    json(200, { records: records(9), nextAfter: null, cursor: 'c1' }),
    json(200, { records: records(8), nextAfter: null, cursor: null }),
  ])
  const { audit } = api.client()

  const ofSubject = await audit.list({ subject: 'deployment:x', limit: 2 }).all()
  const ofDay = await audit.list({ day: '2026-11-21' }).all()

  expect(ofSubject.map(({ seq }) => seq)).toEqual([1, 2, 3])
  expect(ofDay.map(({ seq }) => seq)).toEqual([9, 8])
  expect(api.paths()).toEqual([
    'GET /api/v1/audit?subject=deployment%3Ax&after=0&limit=2',
    'GET /api/v1/audit?subject=deployment%3Ax&after=2&limit=2',
    'GET /api/v1/audit?day=2026-11-21',
    'GET /api/v1/audit?day=2026-11-21&cursor=c1',
  ])
})
