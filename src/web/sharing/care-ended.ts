import type { Words } from '../../messages/catalogue.ts'
import { careGranteesOf, recordsOf } from '../../studies/consent/care-asked.ts'
import { readGrantee } from '../../studies/consent/care-grantee.ts'
import type { Sharing } from '../../studies/consent/own-sharing.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { carePath } from './care-form.ts'

/**
 * Those whom Consents of the person's care name, and with whom nothing is shared now: it was once, or they were refused, or an app has only proposed it.
 * Each leads to where the person reads what they signed, or shares again.
 */
export const careEnded = async (
  options: PageOptions,
  person: string,
  given: readonly Sharing[],
  { say, code }: Words,
): Promise<Html | false> => {
  const people = await recordsOf(options, person)
  const ended: { readonly at: string; readonly name: string; readonly whose: string }[] = []
  for (const { patient, record, name: whose } of people) {
    const isGiven = (id: string) => given.some(({ consent, human }) => human === patient && consent.id === id)
    const carers = Map.groupBy(await careGranteesOf(record), ({ carer: { kind, id } }) => `${kind}/${id}`)
    for (const [first, ...others] of carers.values()) {
      if (first === undefined || [first, ...others].some(({ consent }) => isGiven(consent))) continue
      const grantee = await readGrantee(record, first.carer)
      if (grantee === undefined) continue
      ended.push({ at: `${carePath(grantee)}?record=${patient}`, name: grantee.name, whose })
    }
  }
  if (ended.length === 0) return false
  const { compare } = new Intl.Collator(code, { numeric: true })
  return html`<h2>${say('care.over')}</h2>
<ul class="list-group list-group-flush mb-4">${ended
    .toSorted((one, other) => compare(one.name, other.name))
    .map(
      ({ at, name, whose }) =>
        html`<li class="list-group-item px-0 py-3"><a href="${at}">${name}</a>${people.length > 1 && html`<div>${whose}</div>`}</li>`,
    )}</ul>`
}
