import type { Environment } from '@hotswap/distributed-kernel-sdk'

/** In promotion order. */
export const ENVIRONMENTS: readonly Environment[] = ['Development', 'QA', 'Staging', 'Production']
