import type { FastifyInstance } from 'fastify'
import type { Example, Resource } from './examples.ts'

const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }

/** What is stored, with its time, and why the rest was refused. */
export type Loaded = { readonly stored: readonly Resource[]; readonly refused: Readonly<Record<string, string>> }

/** With update as create, with their own ids, in batches. */
export const load = async (server: FastifyInstance, examples: readonly Example[]): Promise<Loaded> => {
  const stored: Resource[] = []
  const refused: Record<string, string> = {}
  for (const batch of batchesOf(examples)) {
    const { entry } = await post(server, batch)
    for (const [index, { response }] of entry.entries()) {
      const example = batch[index]
      if (example === undefined) throw new Error('more answers than entries')
      if (response.status.startsWith('201')) stored.push(withTime(example.resource, response.lastModified))
      else refused[example.key] = reasonOf(response)
    }
  }
  return { stored, refused }
}

/** What the server created by itself beside what it was given, such as the Group of a ResearchStudy. */
export const readAll = async (server: FastifyInstance, type: string): Promise<readonly Resource[]> => {
  const { entry = [] } = (await server.inject({ url: `/fhir/${type}?_count=1000`, headers })).json()
  return entry.map(({ resource }: { readonly resource: Resource }) => resource)
}

type Answered = {
  readonly status: string
  readonly lastModified?: string
  readonly outcome?: { readonly issue: readonly { readonly severity: string; readonly diagnostics?: string }[] }
}

const batchesOf = (examples: readonly Example[]): readonly (readonly Example[])[] => {
  const batches: Example[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const example of examples) {
    if (size + example.text.length > 2_500_000 || (batches.at(-1)?.length ?? 0) >= 200) {
      batches.push([])
      size = 0
    }
    batches.at(-1)?.push(example)
    size += example.text.length
  }
  return batches
}

const post = async (server: FastifyInstance, batch: readonly Example[]) => {
  const entries = batch.map(({ key, text }) => `{"resource":${text},"request":{"method":"PUT","url":"${key}"}}`)
  const payload = `{"resourceType":"Bundle","type":"batch","entry":[${entries.join()}]}`
  const answer = await server.inject({ method: 'POST', url: '/fhir', headers, payload })
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body}`)
  return answer.json() as { readonly entry: readonly { readonly response: Answered }[] }
}

const withTime = (resource: Resource, lastUpdated: string | undefined): Resource => ({
  ...resource,
  // An imported Subscription is off until somebody requests it.
  ...(resource.resourceType === 'Subscription' ? { status: 'off' } : {}),
  meta: { ...(resource.meta as object | undefined), lastUpdated },
})

const reasonOf = ({ status, outcome }: Answered): string =>
  outcome?.issue.find(({ severity }) => severity === 'error')?.diagnostics ?? status
