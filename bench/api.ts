import { Agent, request } from 'node:http'

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
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const call = (method: string, path: string, body?: string) =>
    new Promise<string>((resolve, reject) => {
      const url = new URL(
        path.startsWith('http') ? new URL(path).pathname + new URL(path).search : `${base}${path}`,
        base,
      )
      const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': fhirJson }) }
      const sent = request(url, { method, agent, headers }, answer => {
        const parts: Buffer[] = []
        answer.on('data', part => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString()
          const { statusCode = 0 } = answer
          if (statusCode >= 200 && statusCode < 300) resolve(text)
          else reject(new Error(`${method} ${path} answered ${statusCode}: ${text.slice(0, 1000)}`))
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  return {
    get: path => call('GET', path),
    put: (path, body) => call('PUT', path, JSON.stringify(body)),
    post: (path, body) => call('POST', path, body),
    delete: path => call('DELETE', path),
    close: () => agent.destroy(),
  }
}

const fhirJson = 'application/fhir+json'
