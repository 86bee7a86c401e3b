import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { FhirError } from '../../../../src/fhir/error.ts'
import { refuseTransition } from '../../../../src/storage/model/consent/consent-status.ts'

type Status = NonNullable<Consent['status']>
const statuses: readonly Status[] = ['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error']

const becoming = (status: Status): Consent => ({ resourceType: 'Consent', status, scope: {}, category: [] })
const isRefused = (before: Status | undefined, status: Status): boolean => {
  try {
    refuseTransition(before, becoming(status))
    return false
  } catch (error) {
    if (error instanceof FhirError) return true
    throw error
  }
}

t.test('what has ended never begins again, what is in force is not asked for anew, and a no stays one', async t => {
  const becomes = (before: Status | undefined) => statuses.filter(status => !isRefused(before, status)).join(' ')
  for (const [before, after] of [
    [undefined, statuses.join(' ')],
    ['draft', statuses.join(' ')],
    ['proposed', 'proposed active rejected inactive entered-in-error'],
    ['active', 'active inactive entered-in-error'],
    ['rejected', 'rejected entered-in-error'],
    ['inactive', 'inactive entered-in-error'],
    ['entered-in-error', 'entered-in-error'],
  ] as const)
    t.equal(becomes(before), after, before ?? 'new')
})

t.test('whoever is refused is told what it was and what it does not become', async t => {
  t.throws(
    () => refuseTransition('inactive', becoming('active')),
    new FhirError('business-rule', 'A Consent that is inactive does not become active', {
      expression: 'Consent.status',
    }),
  )
})
