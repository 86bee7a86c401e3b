import type { Organization, Patient, PractitionerRole } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import { openPermitsOf } from '../../storage/study/open-permits.ts'
import { careGranteesOf } from './care-asked.ts'
import type { Carer } from './care-draft.ts'
import { type CareGrantee, findCareGrantee } from './care-grantee.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'

export type KnownCarer = CareGrantee & {
  /** Whether something is shared with them now. */
  readonly isGiven: boolean
}

/**
 * Those whom somebody's own records name and with whom they could share: where they are registered, who treats them, the organizations of their
 * studies, and whoever has been given something before. Nobody else is looked up.
 */
export const knownCarers = async (parts: OwnParts, record: OwnRecord): Promise<readonly KnownCarer[]> => {
  const given = await careGranteesOf(record)
  const carers = [...(await namedInRecord(record)), ...given.map(({ carer }) => carer)]
  const open = new Set((await openPermitsOf(parts.accounts.database, record.patient)).map(({ consent }) => consent))
  const isGiven = ({ kind, id }: Carer) =>
    given.some(one => one.carer.kind === kind && one.carer.id === id && open.has(one.consent))
  const once = [...new Map(carers.map(one => [`${one.kind}/${one.id}`, one])).values()]
  const found = await Promise.all(once.map(one => findCareGrantee(record, one)))
  return found.flatMap(one => (one === undefined ? [] : [{ ...one, isGiven: isGiven(one) }]))
}

/** All organizations that a patient may read are named by their records. */
const namedInRecord = async (record: OwnRecord): Promise<readonly Carer[]> => {
  const organizations = await record.find<Organization>('Organization', { _count: '100' })
  const patients = await record.find<Patient>('Patient', { _count: '100' }, record.ofHuman)
  const treating = patients.flatMap(({ generalPractitioner = [] }) => generalPractitioner)
  const practitioners = await Promise.all(
    treating.map(async reference => {
      const role = namedId(reference, 'PractitionerRole')
      if (role === undefined) return namedId(reference, 'Practitioner')
      return namedId((await record.read<PractitionerRole>('PractitionerRole', role))?.practitioner, 'Practitioner')
    }),
  )
  return [
    ...practitioners.flatMap((id): readonly Carer[] => (id === undefined ? [] : [{ kind: 'practitioner', id }])),
    ...organizations.map(({ id = '' }): Carer => ({ kind: 'organization', id })),
  ]
}
