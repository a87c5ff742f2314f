import type { Call } from '../client.ts'
import type { QueryOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { Paged } from '../pages.ts'
import type { AuditChain, AuditRecord, Seal } from '../types.ts'

/** Whose records, or which day's: one of the two. */
export type AuditQuery =
  | { readonly subject: string; readonly after?: number; readonly limit?: number }
  | {
      readonly day: string
      readonly limit?: number
      readonly actor?: string
      readonly action?: string
      readonly outcome?: 'allowed' | 'refused'
    }

/** Who did what. */
export class Audit {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** What happened to one subject, oldest first, or on one day (`2026-11-21`), newest first. */
  list(query: AuditQuery, options?: RequestOptions): Paged<AuditRecord> {
    return 'subject' in query ? this.#ofSubject(query, options) : this.#ofDay(query, options)
  }

  /** Whether a subject's chain of records is whole. */
  async verify(subject: string, options?: RequestOptions): Promise<AuditChain> {
    return this.#call('verifyAuditChain', { query: { subject } }, options)
  }

  /** Signed checkpoints with everything they sealed, oldest first; what the stand-alone verifier reads. */
  checkpoints(query: QueryOf<'listCheckpoints'> = {}, options?: RequestOptions): Paged<Seal> {
    const { after = 0, limit } = query
    return new Paged(async (cursor) => {
      const page = await this.#call('listCheckpoints', { query: { after: Number(cursor), limit } }, options)
      return { items: page.checkpoints, cursor: page.checkpoints.length === 0 ? null : String(page.nextAfter) }
    }, String(after))
  }

  /** Whether signed checkpoints are whole: signatures, order, and that nothing they sealed is missing. */
  async verifyCheckpoints(
    query: QueryOf<'verifyAuditCheckpoints'> = {},
    options?: RequestOptions,
  ): Promise<ResultOf<'verifyAuditCheckpoints'>> {
    return this.#call('verifyAuditCheckpoints', { query }, options)
  }

  #ofSubject(query: { subject: string; after?: number; limit?: number }, options?: RequestOptions): Paged<AuditRecord> {
    const { subject, after = 0, limit = 50 } = query
    return new Paged(async (cursor) => {
      const page = await this.#call('listAuditRecords', { query: { subject, after: Number(cursor), limit } }, options)
      const isLast = page.records.length < limit || page.nextAfter === null
      return { items: page.records, cursor: isLast ? null : String(page.nextAfter) }
    }, String(after))
  }

  #ofDay(query: Extract<AuditQuery, { day: string }>, options?: RequestOptions): Paged<AuditRecord> {
    return new Paged(async (cursor) => {
      const page = await this.#call('listAuditRecords', { query: { ...query, cursor } }, options)
      return { items: page.records, cursor: page.cursor }
    })
  }
}
