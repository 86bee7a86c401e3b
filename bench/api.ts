import { Client } from 'undici'

/** One keep-alive connection to the FHIR API, with one token. */
export type Api = {
  readonly get: (pathOrUrl: string) => Promise<string>
  readonly put: (path: string, body: object) => Promise<string>
  readonly post: (path: string, body: string) => Promise<string>
  readonly delete: (path: string) => Promise<string>
  /** How many resources came, one a line; they are read as they come. */
  readonly lines: (path: string) => Promise<number>
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
    lines: async path => {
      const headers = { authorization: `Bearer ${token}`, accept: 'application/fhir+ndjson' }
      const { statusCode, body } = await client.request({ method: 'GET', path: `${pathname}${path}`, headers })
      if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}: ${(await body.text()).slice(0, 1000)}`)
      let lines = 0
      for await (const chunk of body as AsyncIterable<Buffer>) lines += chunk.filter(byte => byte === lineFeed).length
      return lines
    },
    close: () => void client.destroy(),
  }
}

const fhirJson = 'application/fhir+json'
const lineFeed = 10
