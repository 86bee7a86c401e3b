import { bundleChunks, bundleEntry } from '../interactions/bundle/bundle-text.ts'
import type { FhirResponse } from '../interactions/interaction.ts'
import type { Stored } from '../storage/store.ts'

/** Everything that was found, as one Bundle without pages. https://hl7.org/fhir/R4/bundle.html#searchset */
export const searchsetOf = (
  found: readonly Stored[],
  { base, self }: { readonly base: string; readonly self: string },
): FhirResponse => ({
  status: 200,
  body: {
    kind: 'chunks',
    chunks: bundleChunks(
      { type: 'searchset', total: found.length, link: [{ relation: 'self', url: `${base}/${self}` }] },
      found.map(({ type, id, content }) =>
        bundleEntry(`${base}/${type}/${id}`, content, { search: { mode: 'match' } }),
      ),
    ),
  },
})
