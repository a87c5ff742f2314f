/** One answer of a list. `cursor` is null on the last page. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor: string | null
}

/**
 * A list of the API. Awaited, it is its first page; `for await` walks over everything, asking for pages as it goes.
 * Nothing is asked before one or the other.
 */
export class Paged<T> implements PromiseLike<Page<T>>, AsyncIterable<T> {
  readonly #load: (cursor: string | undefined) => Promise<Page<T>>
  readonly #start: string | undefined

  constructor(load: (cursor: string | undefined) => Promise<Page<T>>, start?: string) {
    this.#load = load
    this.#start = start
  }

  // biome-ignore lint/suspicious/noThenProperty: `await list()` is its first page; that is the point.
  then<A = Page<T>, B = never>(
    fulfilled?: ((page: Page<T>) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#load(this.#start).then(fulfilled, rejected)
  }

  /** Every page, in order. */
  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    let cursor: string | null | undefined = this.#start
    do {
      const page: Page<T> = await this.#load(cursor)
      yield page
      cursor = page.cursor
    } while (cursor !== null)
  }

  /** Every item, in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* page.items
  }

  /** Every item, or the first `most`, as an array. */
  async all(most = Number.POSITIVE_INFINITY): Promise<T[]> {
    const found: T[] = []
    if (most <= 0) return found
    for await (const item of this) {
      found.push(item)
      if (found.length >= most) break
    }
    return found
  }
}

/** A list the API answers whole. */
export function whole<T>(load: () => Promise<readonly T[]>): Paged<T> {
  return new Paged(async () => ({ items: await load(), cursor: null }))
}
