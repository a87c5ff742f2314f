import { digestOf, type Sign } from '../artifact.ts'
import type { Call } from '../client.ts'
import type { BodyOf, QueryOf, ResultOf } from '../http/operation.ts'
import type { Sender } from '../http/sender.ts'
import type { RequestOptions } from '../options.ts'
import { Paged, whole } from '../pages.ts'
import type { Environment, ModuleVersion } from '../types.ts'

/** A version to publish: its zip, and who signs it. Without a signature it can be registered, but never deployed. */
export interface Publication {
  readonly name: string
  readonly version: string
  readonly zip: Uint8Array
  readonly sign?: Sign | undefined
}

/** Modules and their versions. */
export class Modules {
  readonly #call: Call
  readonly #sender: Sender

  constructor(call: Call, sender: Sender) {
    this.#call = call
    this.#sender = sender
  }

  /** Modules by name, each with the version that was registered last. */
  list(query: QueryOf<'listModules'> = {}, options?: RequestOptions): Paged<ModuleVersion> {
    return new Paged(async (cursor) => {
      const page = await this.#call('listModules', { query: { ...query, cursor } }, options)
      return { items: page.modules, cursor: page.cursor }
    }, query.cursor ?? undefined)
  }

  /** The versions of a module. */
  listVersions(name: string, options?: RequestOptions): Paged<ModuleVersion> {
    return whole(async () => (await this.#call('listModuleVersions', { path: { name } }, options)).versions)
  }

  /** One version. */
  async getVersion(name: string, version: string, options?: RequestOptions): Promise<ModuleVersion> {
    return this.#call('getModuleVersion', { path: { name, version } }, options)
  }

  /** Registers a version and gets a link to upload its bytes to. `publish` does all of it. */
  async register(
    name: string,
    body: BodyOf<'registerVersion'>,
    options?: RequestOptions,
  ): Promise<ResultOf<'registerVersion'>> {
    return this.#call('registerVersion', { path: { name }, body }, options)
  }

  /** Puts a version's bytes where `register` said. */
  async upload(uploadUrl: string, zip: Uint8Array, options?: RequestOptions): Promise<void> {
    await this.#sender.put(uploadUrl, zip, 'application/octet-stream', options)
  }

  /** Hashes, signs, registers and uploads a version. The same bytes again change nothing. */
  async publish({ name, version, zip, sign }: Publication, options?: RequestOptions): Promise<ModuleVersion> {
    const digest = await digestOf(zip)
    const signature = await sign?.({ name, version, digest, size: zip.byteLength })
    const registered = await this.register(name, { version, digest, size: zip.byteLength, ...signature }, options)
    await this.upload(registered.uploadUrl, zip, options)
    return this.getVersion(name, version, options)
  }

  /** What was rolled back and may not come back until it is released. */
  listQuarantine(name: string, options?: RequestOptions): Paged<ResultOf<'listQuarantine'>['quarantines'][number]> {
    return whole(async () => (await this.#call('listQuarantine', { path: { name } }, options)).quarantines)
  }

  /** Lets a version that was put in quarantine be deployed again. */
  async release(
    name: string,
    version: string,
    body: BodyOf<'releaseModuleVersion'>,
    options?: RequestOptions,
  ): Promise<ModuleVersion> {
    return this.#call('releaseModuleVersion', { path: { name, version }, body }, options)
  }

  /** Lets a version that was rolled back come to an environment again. */
  async releaseQuarantine(
    name: string,
    environment: Environment,
    body: BodyOf<'releaseQuarantine'>,
    options?: RequestOptions,
  ): Promise<ResultOf<'releaseQuarantine'>> {
    return this.#call('releaseQuarantine', { path: { name, environment }, body }, options)
  }

  /** Lets nobody deploy this version any more. */
  async quarantine(
    name: string,
    version: string,
    body: BodyOf<'quarantineVersion'>,
    options?: RequestOptions,
  ): Promise<ModuleVersion> {
    return this.#call('quarantineVersion', { path: { name, version }, body }, options)
  }
}
