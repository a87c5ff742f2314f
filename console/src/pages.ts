/** The screens and their addresses; the API serves the page at each of them (`PAGES` in chalicelib/routes/console.py). */
export const PAGES = {
  overview: '/',
  account: '/account',
  deployments: '/deployments',
  newDeployment: '/deployments/new',
  deployment: '/deployments/:executionId',
  approvals: '/approvals',
  approval: '/approvals/:executionId',
  environment: '/environments/:environment',
  node: '/nodes/:nodeId',
  modules: '/modules',
  module: '/modules/:name',
  audit: '/audit',
} as const
