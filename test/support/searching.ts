import type { Bundle } from '@medplum/fhirtypes'
import { fhirWorld } from './fhir-server.ts'

/** Resources with ids of one's own, and the ids that searches find among them. */
export const openSearching = async () => {
  const { server, database, url } = await fhirWorld()
  const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
  const put = async (...resources: readonly { readonly resourceType: string; readonly id: string }[]) => {
    const entry = resources.map(resource => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }))
    const payload = { resourceType: 'Bundle', type: 'batch', entry }
    const bundle: Bundle = (await server.inject({ method: 'POST', url: '/fhir', headers, payload })).json()
    const refused = (bundle.entry ?? []).filter(({ response }) => !response?.status.startsWith('20'))
    if (refused.length > 0) throw new Error(JSON.stringify(refused))
  }
  const search = async (url: string): Promise<Bundle> => {
    const answer = await server.inject({ url, headers })
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`)
    return answer.json()
  }
  /** In the order in which they came, page after page. */
  const ordered = async (query: string): Promise<readonly string[]> => {
    const found: string[] = []
    for (let url: string | undefined = `/fhir/${query}`; url !== undefined; ) {
      const bundle: Bundle = await search(url)
      found.push(...(bundle.entry ?? []).map(({ resource }) => resource?.id ?? ''))
      const next = bundle.link?.find(({ relation }) => relation === 'next')?.url
      url = next?.slice(next.indexOf('/fhir'))
    }
    return found
  }
  /** The ids, sorted, as one text. */
  const found = async (query: string): Promise<string> => [...(await ordered(query))].sort().join(' ')
  return { server, database, url, put, search: (query: string) => search(`/fhir/${query}`), ordered, found }
}
