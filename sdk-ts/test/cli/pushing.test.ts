import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { digestOf } from '../../src/artifact.ts'
import { packed } from '../../src/cli/pack.ts'
import { json, problem, refused } from '../fake-api.ts'
import { Terminal } from './terminal.ts'

const MANIFEST = { name: 'payment-processor', version: '2.0.0', command: ['python3', 'main.py'] }

function folder(
  files: Record<string, string> = { 'main.py': 'print()', 'data/b.txt': 'b', 'data/a.txt': 'a' },
): string {
  const path = mkdtempSync(join(tmpdir(), 'hotswap-module-'))
  for (const [name, text] of Object.entries({ 'hotswap.json': JSON.stringify(MANIFEST), ...files })) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return path
}

describe('a folder as a zip', () => {
  test('is the same bytes whenever and wherever it is made', async () => {
    const [first, second] = [folder(), folder()]
    utimesSync(join(second, 'main.py'), new Date(0), new Date(0))
    const one = await packed(first)
    const other = await packed(second)

    expect(Buffer.from(other.zip).equals(Buffer.from(one.zip))).toBe(true)
    expect(await digestOf(one.zip)).toBe(PINNED)
    expect(Object.keys(unzipSync(one.zip))).toEqual(['data/a.txt', 'data/b.txt', 'hotswap.json', 'main.py'])
  })

  test('keeps what may be executed, and leaves out what no module needs', async () => {
    const path = folder({ 'main.py': 'x', 'run.sh': 'y', '.git/config': 'z', '__pycache__/m.pyc': 'z' })
    chmodSync(join(path, 'run.sh'), 0o700)

    const { zip, files } = await packed(path)

    expect(files).toBe(3)
    const central = Buffer.from(zip)
    const modeOf = (name: string) => central.readUInt32LE(central.lastIndexOf(name) - 46 + 38) >>> 16
    expect([modeOf('run.sh').toString(8), modeOf('main.py').toString(8)]).toEqual(['100755', '100644'])
  })

  test.each<[string, (path: string) => void, string]>([
    ['no manifest', (path) => writeFileSync(join(path, 'hotswap.json'), ''), 'must be JSON with'],
    ['another manifest', (path) => writeFileSync(join(path, 'hotswap.json'), '{"name":1}'), 'must be JSON with'],
    ['a link', (path) => symlinkSync('/etc/passwd', join(path, 'link')), 'neither a file nor a folder'],
  ])('%s is refused', async (_, spoil, told) => {
    const path = folder()
    spoil(path)

    await expect(packed(path)).rejects.toThrow(told)
  })

  test('a folder without a manifest says what it is for', async () => {
    await expect(packed(mkdtempSync(join(tmpdir(), 'empty-')))).rejects.toThrow('hotswap.json is missing')
  })
})

describe('hotswap modules push', () => {
  const registered = { moduleName: 'payment-processor', version: '2.0.0', uploadUrl: 'https://bucket.test/put' }
  const key = () => {
    const path = join(mkdtempSync(join(tmpdir(), 'key-')), 'key.pem')
    writeFileSync(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
    return path
  }
  const answers = ({ method }: { method: string }) => (method === 'PUT' ? new Response(null) : json(200, registered))

  test('registers the digest, signed, and uploads the bytes with progress', async () => {
    const terminal = new Terminal(async (seen) => {
      if (seen.method === 'PUT') {
        const sent = new Uint8Array(await new Response(seen.body as BodyInit).arrayBuffer())
        expect(Object.keys(unzipSync(sent))).toContain('hotswap.json')
      }
      return answers(seen)
    })
    terminal.isTTY = true

    expect(await terminal.run('modules', 'push', folder(), '--key', key())).toBe(0)

    expect(terminal.api.paths()).toEqual([
      'POST /api/v1/modules/payment-processor/versions',
      'PUT /put',
      'GET /api/v1/modules/payment-processor/versions/2.0.0',
    ])
    expect(terminal.api.seen[0]?.body).toMatchObject({
      digest: PINNED,
      keyId: expect.stringMatching(/^ed25519:/),
      signature: expect.stringMatching(/==$/),
    })
    expect(terminal.err).toContain('100 % of')
    expect(terminal.out).toContain('signed with ed25519:')
  })

  test('a dry run uploads nothing', async () => {
    const terminal = new Terminal()

    expect(await terminal.run('modules', 'push', folder(), '--dry-run', '--json')).toBe(0)

    expect(terminal.json()).toMatchObject({ name: 'payment-processor', digest: PINNED, files: 4 })
    expect(terminal.api.seen).toEqual([])
  })

  test('unsigned only when it is said', async () => {
    const terminal = new Terminal(answers)

    expect(await terminal.run('modules', 'push', folder())).toBe(64)
    expect(terminal.err).toContain('openssl genpkey')
    expect(await terminal.run('modules', 'push', folder(), '--unsigned')).toBe(0)
    expect(terminal.out).toContain('unsigned')
    expect(await terminal.run('modules', 'push', folder(), '--key', '/nowhere')).toBe(64)
  })

  test.each<[() => Response | Error, string]>([
    [refused, 'push again'],
    [() => problem(403, { detail: 'The link is over.' }), 'The link is over.'],
  ])('an upload that fails says so', async (failure, told) => {
    const terminal = new Terminal((seen) => (seen.method === 'PUT' ? failure() : answers(seen)))

    expect(await terminal.run('modules', 'push', folder(), '--unsigned')).toBe(1)
    expect(terminal.err).toContain(told)
  })
})

/** The digest of `folder()`, the same on every machine and every Node. */
const PINNED = 'sha256:823ff0fa3cf52254c6509f1feb30cbb791bcd05fd538e16c0fc0aa8bd53fa015'
