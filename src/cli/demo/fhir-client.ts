import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Bundle, Observation, Resource } from '@medplum/fhirtypes'

export type Answer = {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: any resource may come back, and the story reads into it
  readonly body: any
  readonly durationMs: number
}

/** What any FHIR client with a token can do. */
export type FhirClient = {
  readonly token: string
  readonly get: (path: string) => Promise<Answer>
  /** The request body goes out gzip-encoded, as phone apps send it. Without a path: a Bundle to the base. */
  readonly post: (resource: object, path?: string) => Promise<Answer>
  /** Answers what was created. Throws the server's message if nothing was. */
  readonly create: <R extends Resource>(resource: R) => Promise<R & { readonly id: string }>
  readonly update: <R extends Resource>(resource: R & { readonly id: string }) => Promise<R & { readonly id: string }>
  /** Follows the `next` links to the last page. */
  readonly readAll: (path: string) => Promise<{ readonly found: readonly Observation[]; readonly durationMs: number }>
}

export const openFhirClient = (base: string, token: string, type = 'application/fhir+json'): FhirClient => {
  const send = async (method: string, url: string, resource?: object): Promise<Answer> => {
    const started = performance.now()
    const response = await fetch(url.startsWith(base) ? url : `${base}/${url}`.replace(/\/$/, ''), {
      method,
      headers: {
        accept: type,
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(resource === undefined ? {} : { 'content-type': type, 'content-encoding': 'gzip' }),
      },
      ...(resource === undefined ? {} : { body: await compress(JSON.stringify(resource), { level: 1 }) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      body: text === '' ? undefined : JSON.parse(text),
      durationMs: performance.now() - started,
    }
  }
  const get = (path: string) => send('GET', path)
  const readAll = async (path: string) => {
    const started = performance.now()
    const found: Observation[] = []
    for (let url: string | undefined = path; url !== undefined; ) {
      const page = expectStatus([200], await get(url), `GET ${path}`) as Bundle<Observation>
      found.push(...(page.entry ?? []).flatMap(({ resource }) => resource ?? []))
      url = page.link?.find(({ relation }) => relation === 'next')?.url
    }
    return { found, durationMs: performance.now() - started }
  }
  return {
    token,
    get,
    post: (resource, path = '') => send('POST', path, resource),
    create: async resource => {
      const { resourceType } = resource
      return expectStatus([201], await send('POST', resourceType, resource), `POST ${resourceType}`)
    },
    update: async resource => {
      const path = `${resource.resourceType}/${resource.id}`
      return expectStatus([200], await send('PUT', path, resource), `PUT ${path}`)
    },
    readAll,
  }
}

const compress = promisify(gzip)

const expectStatus = (wanted: readonly number[], { status, body }: Answer, request: string) => {
  if (wanted.includes(status)) return body
  throw new Error(`${request} was answered ${status}: ${diagnosticsOf(body) ?? ''}`)
}

/** The text of the first issue in an OperationOutcome. */
export const diagnosticsOf = (body: Answer['body']): string | undefined =>
  body?.issue?.[0]?.diagnostics ?? body?.issue?.[0]?.details?.text
