import type { Caller } from '../../access/caller.ts'
import { parseSearch } from '../../search/parse.ts'
import type { QuarantinedDocument } from '../../storage/quarantine/quarantine-asked.ts'
import { codesOf, openStudyPlaces, placeOf } from '../../studies/people/study-places.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'

/** Of whom a refused document is: a patient or, for a reader who may not read the Patient, somebody in one of its studies, by their code. */
export const whoseDocument = async (
  { registry, openStoreFor }: PageOptions,
  caller: Caller,
  { studies, patient }: { readonly studies: QuarantinedDocument['studies']; readonly patient: string },
): Promise<Html> => {
  const store = openStoreFor(caller)
  const named = await store.search(parseSearch(registry, 'Patient', new URLSearchParams({ _id: patient })))
  if (named.entries.length > 0) return html`<a href="/patients/${patient}">this patient</a>`
  const reference = `Patient/${patient}`
  for (const study of studies) {
    const places = (await openStudyPlaces({ store, registry, study })([reference])).get(reference) ?? []
    const place = placeOf(places)
    if (place !== undefined)
      return html`<a href="/studies/${study}/people/${place.id}">${codesOf(places).join(', ') || 'somebody in the study'}</a>`
  }
  return html`a patient whose record you may not see`
}
