/** Where the API is, seen from this page: it stands behind a stage's path on a gateway without a domain of its own. */
export const ROOT = new URL('.', document.baseURI).pathname.replace(/\/$/, '')

export const API = `${window.location.origin}${ROOT}`
