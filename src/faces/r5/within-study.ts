import type { ResearchStudy } from '@medplum/fhirtypes'
import { unlessRefused } from '../../fhir/error.ts'
import { bundleChunks } from '../../interactions/bundle/bundle-text.ts'
import type { Context, FhirResponse, Handler, TypeRequest } from '../../interactions/interaction.ts'
import { parseSearch } from '../../search/parse.ts'
import { groupOf } from '../api/studies.ts'

const byStudy = 'patient._has:Group:member:_id'

/**
 * With the Group of a study, staff find what the study was given by consents, as with a token that is narrowed to it. That includes people whose
 * Patient they do not see, as in a coded study. A search by any other Group is by its members, and so is one by several at once.
 */
export const withinStudy =
  (search: Handler<TypeRequest>): Handler<TypeRequest> =>
  async (request, context) => {
    const [group, ...others] = new Set(request.query.getAll(byStudy).map(one => one.replace(/^Group\//, '')))
    const study = group && others.length === 0 ? await studyOf(group, context) : undefined
    if (!group || study === undefined) return search(request, context)
    const query = new URLSearchParams([...request.query].filter(([name]) => name !== byStudy))
    return naming(group, await search({ ...request, query }, context.within(study)))
  }

/** The id of the study, if the caller may search it, or is narrowed to it. */
const studyOf = async (group: string, context: Context): Promise<string | undefined> => {
  const { caller, registry, store } = context
  if (caller.practitioner === undefined) return undefined
  const own = await context.findOwnStudy()
  if (own !== undefined && groupOf(own) === group) return own.id
  const all = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _count: '1000' }))
  const found = await unlessRefused(() => store.search(all))
  const studies = (found?.entries ?? []).map(({ content }): ResearchStudy => JSON.parse(content))
  // Any study may name the Group of another: which is meant by it cannot be said then.
  const [named, ...others] = studies.filter(study => groupOf(study) === group)
  return others.length === 0 ? named?.id : undefined
}

/** Each link names the study again, since the page itself does not say by whose consent it is given. */
const naming = (group: string, response: FhirResponse): FhirResponse => {
  const { body } = response
  if (body?.kind !== 'chunks') return response
  const { head, entries } = body.chunks
  const link = (head.link ?? []).map(one => ({ ...one, url: withStudy(one.url, group) }))
  return { ...response, body: { ...body, chunks: bundleChunks({ ...head, link }, entries) } }
}

const withStudy = (url: string, group: string): string => {
  const named = new URL(url)
  named.searchParams.set(byStudy, group)
  return named.href
}
