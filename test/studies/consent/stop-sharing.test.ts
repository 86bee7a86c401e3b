import type { Consent, ConsentProvision } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { without } from '../../../src/studies/consent/stop-sharing.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'

const classes = openCodeClasses()
const line = (code: string, source?: string) => ({ kind: classes.kindOf(systems.omh, code) ?? '', source })
const [hearts, steps, weight] = ['omh:heart-rate', 'omh:step-count', 'omh:body-weight']

const given = clinicalConsent('ann', { to: 'Practitioner/carol', kinds: [] })
const [template] = clinicalConsent('ann', { to: 'Practitioner/carol', kinds: ['…'] }).provision?.provision ?? []
const of = (
  codes: readonly string[],
  sources: readonly string[] = [],
  more: ConsentProvision = {},
): ConsentProvision => ({
  ...template,
  code: codes.map(code => ({ coding: [{ system: systems.omh, code }] })),
  ...(sources.length > 0 && {
    data: sources.map(id => ({ meaning: 'instance' as const, reference: { reference: `Device/${id}` } })),
  }),
  ...more,
})
const consentOf = (...provision: readonly ConsentProvision[]): Consent => ({
  ...given,
  provision: { ...given.provision, provision: [...provision] },
})
const left = (provisions: readonly ConsentProvision[], ...lines: readonly ReturnType<typeof line>[]) =>
  without(consentOf(...provisions), lines, classes)

t.test('of a permit of several kinds those go on that were not stopped', async t => {
  t.strictSame(left([of([hearts, steps, weight])], line(steps)), consentOf(of([hearts, weight])))
})

t.test('a kind that is stopped from one source goes on from the others, and other kinds from all', async t => {
  t.strictSame(
    left([of([hearts, steps], ['band', 'ring', 'phone'])], line(hearts, 'ring')),
    consentOf(of([steps], ['band', 'ring', 'phone']), of([hearts], ['band', 'phone'])),
  )
})

t.test('each permit of what is stopped ends, and no other', async t => {
  const provisions = [
    of([hearts]),
    of([steps]),
    of([hearts], [], { dataPeriod: { start: '2026' } }),
    of([hearts], ['band']),
  ]
  t.strictSame(left(provisions, line(hearts)), consentOf(of([steps]), of([hearts], ['band'])))
})

t.test('what is denied stays denied, also where the permit around it ends', async t => {
  const [deny, nested] = [of([weight], [], { type: 'deny' }), of([steps], ['ring'], { type: 'deny' })]
  t.strictSame(
    left([deny, of([hearts], [], { provision: [nested] }), of([steps])], line(hearts)),
    consentOf(deny, nested, of([steps])),
  )
})
