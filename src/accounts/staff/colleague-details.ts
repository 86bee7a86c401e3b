import type { Practitioner } from '@medplum/fhirtypes'
import { changesPractitioner } from '../../access/questions.ts'
import { nameText } from '../../fhir/display-name.ts'
import { type Reach, reachOf, withReach } from '../contact/reach.ts'
import type { Organizer } from '../organization/organizer.ts'

/** As what patients and colleagues know somebody who works here: what the Practitioner says, and not the account. */
export type ColleagueDetails = Pick<Reach, 'phone' | 'email'> & { readonly name: string }

export type ShownDetails = { readonly details: ColleagueDetails; readonly version: string }

/** Whether they may put right what it says of them: over FHIR, the same people may change the Practitioner. */
export const changesDetails = async ({ find, caller }: Organizer, practitioner: string): Promise<boolean> => {
  const { entries } = await find<Practitioner>(
    'Practitioner',
    { _id: practitioner },
    { where: changesPractitioner(caller) },
  )
  return entries.length > 0
}

export const readDetails = async ({ read }: Organizer, practitioner: string): Promise<ShownDetails> => {
  const { resource, version } = await read<Practitioner>('Practitioner', practitioner)
  const { phone, email } = reachOf(resource)
  return { details: { name: nameText(resource.name?.[0]), phone, email }, version }
}

/** A name that is changed becomes a text without parts. */
export const changeDetails = (
  { write }: Organizer,
  shown: { readonly id: string; readonly version: string },
  sent: ColleagueDetails,
): Promise<string> =>
  write({
    kind: 'patch',
    type: 'Practitioner',
    id: shown.id,
    ifMatch: shown.version,
    change: stored => withReach(withName(stored as Practitioner, sent.name.trim()), sent),
  })

const withName = (practitioner: Practitioner, text: string): Practitioner => {
  const [first, ...others] = practitioner.name ?? []
  if (nameText(first) === text) return practitioner
  return { ...practitioner, name: [{ ...(first?.use && { use: first.use }), text }, ...others] }
}
