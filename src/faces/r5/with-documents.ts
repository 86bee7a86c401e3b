import { standardExtensions } from '../../fhir/canonical.ts'
import { type BundleText, bundleChunks } from '../../interactions/bundle-text.ts'
import type { Context, FhirResponse, Handler, TypeRequest } from '../../interactions/interaction.ts'
import { openPage } from '../../interactions/paging.ts'

/**
 * Today's clients read `valueAttachment` of every Observation that they find, and take a page without any for the last one:
 * what has no document is left out, and of pages with nothing else the next one is answered. A search that says which
 * part of the resources it wants finds all.
 */
export const withDocuments =
  (search: Handler<TypeRequest>): Handler<TypeRequest> =>
  async (request, context) => {
    const { query: asked } = await openPage(request.query, request.type, context)
    const found = await search(request, context)
    return asked.has('_summary') || asked.has('_elements') ? found : documentsIn(found, request, context, search)
  }

const documentsIn = async (
  first: FhirResponse,
  request: TypeRequest,
  context: Context,
  search: Handler<TypeRequest>,
): Promise<FhirResponse> => {
  for (let response = first; ; ) {
    if (response.body?.kind !== 'chunks') return response
    const { head, entries } = response.body.chunks
    const kept = [...entries].filter(isForClients)
    const next = head.link?.find(({ relation }) => relation === 'next')
    if (kept.length > 0 || next === undefined)
      return { ...response, body: { kind: 'chunks', chunks: bundleOf(head, kept) } }
    response = await search({ ...request, query: new URL(next.url).searchParams }, context)
  }
}

const bundleOf = ({ link = [], ...head }: BundleText['head'], entries: readonly string[]): BundleText =>
  bundleChunks({ ...head, link }, entries)

/** Entries lie ready as text. What was included, or is told, is no match. */
const isForClients = (entry: string): boolean =>
  !entry.endsWith('"search":{"mode":"match"}}') || entry.includes(`"${standardExtensions.observationValue}"`)
