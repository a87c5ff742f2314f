import { verifyWebhook, WebhookVerificationError } from '../src/webhook-signature.ts'

// The test vector of the standard's own libraries, as docs/contracts/webhooks.md has it.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const BODY = '{"test": 2432232314}'
const NOW = 1_614_265_330_000
const HEADERS = {
  'Webhook-Id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': '1614265330',
  'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}

test('the vector of the standard is accepted, as text and as bytes, whatever the headers are kept in', async () => {
  const expected = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', test: 2432232314 }

  expect(await verifyWebhook(SECRET, HEADERS, BODY, NOW)).toEqual(expected)
  expect(await verifyWebhook(SECRET, new Headers(HEADERS), new TextEncoder().encode(BODY), NOW + 300_000)).toEqual(
    expected,
  )
})

test('one signature of several is enough, while a secret is being changed', async () => {
  const several = ['v1,AAAA v2,x v1,%%%', HEADERS['webhook-signature']]

  expect(
    await verifyWebhook(SECRET, { ...HEADERS, 'webhook-signature': several, other: undefined }, BODY, NOW),
  ).toBeTruthy()
})

test.each<[string, () => Promise<unknown>]>([
  ['a changed body', () => verifyWebhook(SECRET, HEADERS, BODY.replace('2', '3'), NOW)],
  ['a changed id', () => verifyWebhook(SECRET, { ...HEADERS, 'Webhook-Id': 'other' }, BODY, NOW)],
  ['another secret', () => verifyWebhook('whsec_AAAA', HEADERS, BODY, NOW)],
  ['no signature', () => verifyWebhook(SECRET, { ...HEADERS, 'webhook-signature': undefined }, BODY, NOW)],
  [
    'a signature of another version',
    () => verifyWebhook(SECRET, { ...HEADERS, 'webhook-signature': 'v2,x v1' }, BODY, NOW),
  ],
  ['a message of long ago', () => verifyWebhook(SECRET, HEADERS, BODY, NOW + 301_000)],
  ['a message of the future', () => verifyWebhook(SECRET, HEADERS, BODY, NOW - 301_000)],
  ['a time that is none', () => verifyWebhook(SECRET, { ...HEADERS, 'webhook-timestamp': 'now' }, BODY, NOW)],
  ['a secret that is none', () => verifyWebhook('secret', HEADERS, BODY, NOW)],
])('%s is refused', async (_, verify) => {
  await expect(verify()).rejects.toBeInstanceOf(WebhookVerificationError)
})
