import { Client } from 'undici'

/** One keep-alive connection to the FHIR API, with one token. */
export type Api = {
  readonly get: (pathOrUrl: string) => Promise<string>
  readonly put: (path: string, body: object) => Promise<string>
  readonly post: (path: string, body: string) => Promise<string>
  readonly delete: (path: string) => Promise<string>
  readonly close: () => void
}

/** Each call answers the body's text; any status but 2xx throws. */
export const openApi = (base: string, token: string): Api => {
  const { origin, pathname } = new URL(base)
  const client = new Client(origin)
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', pathOrUrl: string, body?: string): Promise<string> => {
    const path = pathOrUrl.startsWith('http') ? pathOrUrl.slice(origin.length) : `${pathname}${pathOrUrl}`
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': fhirJson }) }
    const answer = await client.request({ method, path, headers, body: body ?? null })
    const text = await answer.body.text()
    if (answer.statusCode >= 200 && answer.statusCode < 300) return text
    throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text.slice(0, 1000)}`)
  }
  return {
    get: path => call('GET', path),
    put: (path, body) => call('PUT', path, JSON.stringify(body)),
    post: (path, body) => call('POST', path, body),
    delete: path => call('DELETE', path),
    close: () => void client.destroy(),
  }
}

const fhirJson = 'application/fhir+json'
