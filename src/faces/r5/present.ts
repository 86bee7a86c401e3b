import { parseJson } from '../../fhir/json.ts'
import { type BundleText, bundleChunks } from '../../interactions/bundle/bundle-text.ts'
import type { Body, FhirResponse } from '../../interactions/interaction.ts'
import { asRecord, asText, type JsonRecord } from '../../mhealth/json-tree.ts'
import { entryToR5, toR5 } from './resource.ts'

/** The answers of our interactions as today's R5 clients read them. */
export const presentR5 = (response: FhirResponse): FhirResponse => present(response, withId)

/** The same for older clients, which take an entry with anything beside its resource for the resource itself. */
export const presentBareR5 = (response: FhirResponse): FhirResponse =>
  present(response, entry => {
    const { fullUrl, search, ...rest } = withId(entry)
    return rest
  })

const present = (response: FhirResponse, present: PresentEntry): FhirResponse => {
  const { body } = response
  return body === undefined ? response : { ...response, body: bodyToR5(body, present) }
}

type PresentEntry = (entry: JsonRecord) => JsonRecord

const bodyToR5 = (body: Body, present: PresentEntry): Body => {
  switch (body.kind) {
    case 'text':
      return { kind: 'text', text: JSON.stringify(toR5(recordIn(body.text))) }
    case 'chunks':
      return { kind: 'chunks', chunks: bundleToR5(body.chunks, present) }
    case 'lines':
    case 'outcome':
      return body
  }
}

/** Clients read `entry` and `link` of every Bundle, even if they are empty. */
const bundleToR5 = ({ head: { link = [], ...head }, entries }: BundleText, present: PresentEntry): BundleText =>
  bundleChunks({ ...head, link }, translated(entries, present), { emptyLists: 'kept' })

const translated = function* (entries: Iterable<string>, present: PresentEntry): Generator<string> {
  for (const entry of entries) yield JSON.stringify(present(entryToR5(recordIn(entry))))
}

/** Clients read what became of an upload from the resource of its entry, so that at least its id is put there. */
const withId = (entry: JsonRecord): JsonRecord => {
  const location = asText(asRecord(entry.response)?.location)
  if (location === undefined || entry.resource !== undefined) return entry
  const [type, id] = location.split('/').slice(-4)
  return { resource: { resourceType: type, id }, ...entry }
}

const recordIn = (text: string): JsonRecord => asRecord(parseJson(text)) ?? {}
