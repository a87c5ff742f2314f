import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Zippable, zipSync } from 'fflate'
import { UsageError } from './exit.ts'

/** What a folder's `hotswap.json` says of it. */
export interface Manifest {
  readonly name: string
  readonly version: string
}

/** A folder as an artifact. */
export interface Packed {
  readonly manifest: Manifest
  readonly zip: Uint8Array
  readonly files: number
}

const IGNORED = new Set(['.git', '.DS_Store', '__pycache__', 'node_modules'])
const MAX_ENTRIES = 10_000
/** The first instant a zip can name, written without a time zone. */
const ALWAYS = new Date(1980, 0, 1)
const UNIX = 3

/**
 * A folder as a zip that is the same bytes wherever and whenever it is made: names sorted, one time for all, no owner,
 * 0755 for what may be executed and 0644 for the rest. Links are refused, as every node would.
 */
export async function packed(folder: string): Promise<Packed> {
  const manifest = await manifestOf(folder)
  const names = (await filesOf(folder)).sort()
  if (names.length > MAX_ENTRIES)
    throw new UsageError(`${folder} has ${names.length} files; an artifact may have ${MAX_ENTRIES}.`)
  const entries: Zippable = {}
  for (const name of names) {
    const path = join(folder, name)
    const mode = (await lstat(path)).mode & 0o100 ? 0o755 : 0o644
    entries[name] = [await readFile(path), { level: 9, mtime: ALWAYS, os: UNIX, attrs: (0o100000 | mode) << 16 }]
  }
  return { manifest, zip: zipSync(entries), files: names.length }
}

async function manifestOf(folder: string): Promise<Manifest> {
  const path = join(folder, 'hotswap.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    throw new UsageError(
      `${path} is missing. It names the module, its version and how to start it: see docs/contracts/artifact.md.`,
    )
  }
  try {
    const { name, version, command } = JSON.parse(text) as Record<string, unknown>
    if (typeof name === 'string' && typeof version === 'string' && Array.isArray(command)) return { name, version }
  } catch {
    // Said below, as for any other mistake in it.
  }
  throw new UsageError(`${path} must be JSON with "name", "version" and "command".`)
}

async function filesOf(folder: string, prefix = ''): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    if (IGNORED.has(entry.name)) continue
    const name = `${prefix}${entry.name}`
    if (entry.isDirectory()) found.push(...(await filesOf(folder, `${name}/`)))
    else if (entry.isFile()) found.push(name)
    else throw new UsageError(`${join(folder, name)} is neither a file nor a folder; an artifact holds nothing else.`)
  }
  return found
}
