import { promised } from '../examples/promised-usage.ts'
import { DEPLOYMENT, FakeApi, json } from './fake-api.ts'

test('the promised usage compiles and runs unchanged', async () => {
  const api = new FakeApi(({ path }) => {
    if (path.endsWith('/login'))
      return json(200, { accessToken: 'a', expiresAt: '2100-01-01T00:00:00Z', refreshToken: 'r', user: {} })
    if (path.endsWith('/metrics')) return json(200, { health: 'healthy' })
    return json(200, { ...DEPLOYMENT, status: 'Failed', error: { code: 'x', message: 'no such artifact' } })
  })
  const options = { baseUrl: 'https://api.test', credentials: { username: 'dana', password: 'x' }, fetch: api.fetch }

  const outcome = await promised(options, {
    moduleName: 'payment-processor',
    version: '2.0.0',
    requesterEmail: 'd@example.com',
  })

  expect(outcome).toEqual({ told: 'not done: no such artifact', health: 'healthy' })
})
