import type { Coding, Consent, ConsentProvision, ConsentProvisionActor, Period } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { readConsent } from '../../src/access/consent.ts'
import { consentProfile, standardExtensions, systems } from '../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { wrongShape } from '../support/consent-shape.ts'

const classes = openCodeClasses()
const read = (consent: Consent) => readConsent(consent, { classes, isSource: () => true })

const concept = (system: string, ...codes: readonly string[]) => ({ coding: codes.map(code => ({ system, code })) })
const scope = (code: string) => concept('http://terminology.hl7.org/CodeSystem/consentscope', code)
const actor = (reference: string, role = 'IRCP'): ConsentProvisionActor => ({
  role: concept('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', role),
  reference: { reference },
})
const study = { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: 'ResearchStudy/s' } }
const resourceTypes = 'http://hl7.org/fhir/resource-types'

const consent = (provision: ConsentProvision, more: Partial<Consent> = {}): Consent => ({
  resourceType: 'Consent',
  status: 'active',
  extension: [study],
  scope: scope('research'),
  category: [concept(systems.loinc, '59284-0')],
  patient: { reference: 'Patient/p' },
  dateTime: '2026-05-01T10:00:00Z',
  policyRule: concept(systems.consentPolicy, 'deny-unless-permitted'),
  provision,
  ...more,
})
const permit = (more: ConsentProvision = {}): ConsentProvision => ({
  type: 'permit',
  code: [concept(systems.omh, 'omh:heart-rate')],
  ...more,
})
const giving = (more: ConsentProvision) => consent({ type: 'deny', provision: [permit(more)] })
const treating = (provision: ConsentProvision) => {
  const { extension: _, ...rest } = consent(provision, { scope: scope('patient-privacy') })
  return rest as Consent
}

/** Mostly absent, so that a whole with many such parts has the shape often enough. */
const seldom = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 6 }, { arbitrary: value, weight: 1 })
const some = (...values: readonly string[]) => fc.subarray([...values], { minLength: 1 })

const limits = fc
  .record({
    period: seldom(fc.constantFrom<Period>({ start: '2026' }, { end: '2027-05' })),
    dataPeriod: seldom(fc.constant<Period>({ start: '2026-02', end: '2026-03' })),
    actor: seldom(
      fc.tuple(fc.constantFrom('Organization/o', 'Organization/q', 'Practitioner/d'), fc.constantFrom('IRCP', 'PRCP')),
    ),
    purpose: seldom(some('HRESCH', 'TREAT', 'HMARKT')),
  })
  .map(({ actor: named, purpose, ...times }) => ({
    ...times,
    actor: named && [actor(...named)],
    purpose: purpose?.map(code => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code })),
  }))

const anyPermit = fc
  .record({
    limits,
    action: seldom(some('access', 'disclose')),
    code: fc.option(some('omh:heart-rate', 'omh:body-weight'), { nil: undefined }),
    types: seldom(some('Observation', 'Condition', 'Procedure', 'Device')),
    data: seldom(some('Device/a', 'Device/b', 'Group/g', 'https://x.example/Device/c')),
    securityLabel: seldom(fc.constant<Coding[]>([{ code: 'R' }])),
    provision: seldom(fc.constant<ConsentProvision[]>([permit()])),
  })
  .map(({ limits, action, code, types, data, securityLabel, provision }) =>
    present({
      type: 'permit',
      ...limits,
      action: action && [concept('http://terminology.hl7.org/CodeSystem/consentaction', ...action)],
      code: code?.map(one => concept(systems.omh, one)),
      class: types?.map(one => ({ system: resourceTypes, code: one })),
      data: data?.map(reference => ({ meaning: 'related', reference: { reference } })),
      securityLabel,
      provision,
    }),
  )

const anyConsent = fc
  .record({ limits, provision: fc.array(anyPermit, { minLength: 1, maxLength: 2 }), isResearch: fc.boolean() })
  .map(({ limits, provision, isResearch }) => {
    const root = present({ type: 'deny', ...limits, provision })
    return isResearch ? consent(root) : treating(root)
  })

const present = (provision: { readonly [name in keyof ConsentProvision]: ConsentProvision[name] | undefined }) =>
  Object.fromEntries(Object.entries(provision).filter(([, value]) => value !== undefined)) as ConsentProvision

t.test('a Consent of the shape that is published gives each of its permits', async t => {
  let conforming = 0
  await fc.assert(
    fc.asyncProperty(anyConsent, async one => {
      if ((await wrongShape(one)).length > 0) return true
      conforming += 1
      // Where a permit and the limits of all have no time in common it gives nothing; that is a question of dates, and not of the shape.
      const permits = read(withoutTimes(one))?.permits ?? []
      const given = new Set(permits.map(({ expression }) => expression.split('.').slice(0, 3).join('.')))
      return given.size === one.provision?.provision?.length
    }),
    { numRuns: 100 },
  )
  t.ok(conforming > 0 && conforming < 100, `${conforming} of 100 have the shape`)
})

const withoutTimes = (one: Consent): Consent => {
  const timeless = ({ period: _, dataPeriod: __, ...rest }: ConsentProvision): ConsentProvision => rest
  const { provision = {} } = one
  return { ...one, provision: { ...timeless(provision), provision: provision.provision?.map(timeless) ?? [] } }
}

t.test('what gives nothing is not of that shape, and the answer says where', async t => {
  const root = (more: ConsentProvision) => consent({ type: 'deny', provision: [permit()], ...more })
  const inner = 'Consent.provision.provision[0]: sharewell-consent-'
  const cases: readonly (readonly [string, Consent, readonly string[]])[] = [
    [
      'another scope',
      consent({ provision: [permit({ actor: [actor('Organization/o')] })] }, { scope: scope('adr') }),
      ['Consent: sharewell-consent-grantee'],
    ],
    ['no study', consent({ provision: [permit()] }, { extension: [] }), ['Consent: sharewell-consent-grantee']],
    [
      'a study elsewhere',
      consent(
        { provision: [permit()] },
        {
          extension: [{ ...study, valueReference: { reference: 'https://x.example/ResearchStudy/s' } }],
        },
      ),
      ['Consent: sharewell-consent-grantee'],
    ],
    [
      'treatment by nobody',
      treating({ provision: [permit()] }),
      ['Consent: sharewell-consent-grantee', `${inner}recipient`],
    ],
    [
      'treatment by two',
      treating({ provision: [permit({ actor: [actor('Organization/h'), actor('Practitioner/d')] })] }),
      ['Consent: sharewell-consent-grantee'],
    ],
    [
      'a rule in words',
      consent({ provision: [permit()] }, { policyRule: { text: 'deny-unless-permitted' } }),
      [
        `Consent.policyRule: ${consentProfile} asks that it have {"coding":[{"system":"${systems.consentPolicy}","code":"deny-unless-permitted"}]}`,
      ],
    ],
    ['a root that permits', root({ type: 'permit' }), [`Consent.provision.type: ${consentProfile} fixes it to "deny"`]],
    [
      'a root with codes',
      root({ code: [concept(systems.omh, 'omh:heart-rate')] }),
      [`Consent.provision.code: ${consentProfile} allows 0 of Consent.provision.code, found 1`],
    ],
    [
      'an end of all that is not known',
      root({ period: { _end: { id: 'x' } } as Period }),
      ['Consent.provision: sharewell-consent-period'],
    ],
    ['no kind', giving({ code: undefined } as unknown as ConsentProvision), [`${inner}what`]],
    ['kinds of another class', giving({ class: [{ system: resourceTypes, code: 'Condition' }] }), [`${inner}what`]],
    [
      'a source that is no Device',
      giving({ data: [{ meaning: 'related', reference: { reference: 'Group/1' } }] }),
      [`${inner}source`],
    ],
    ['security labels', giving({ securityLabel: [{ code: 'R' }] }), [`${inner}plain`]],
    ['another purpose', giving({ purpose: [{ code: 'TREAT' }] }), [`${inner}purpose`]],
    ['another action', giving({ action: [{ coding: [{ code: 'disclose' }] }] }), [`${inner}action`]],
    ['another role', giving({ actor: [actor('Organization/o', 'PRCP')] }), [`${inner}recipient`]],
    ['a recipient that is no organization', giving({ actor: [actor('Practitioner/d')] }), [`${inner}recipient`]],
    [
      'an end that is not known',
      giving({ dataPeriod: { start: '2026', _end: { id: 'x' } } as Period }),
      [`${inner}period`],
    ],
    ['a permit in a permit', giving({ provision: [permit()] }), [`${inner}flat`]],
  ]
  t.same(await wrongShape(giving({})), [])
  for (const [why, one, wrong] of cases) t.same(await wrongShape(one), wrong, why)
  const { dateTime: _, ...unsigned } = giving({})
  t.same(await wrongShape(unsigned), [`Consent.dateTime: ${consentProfile} needs 1 of Consent.dateTime, found 0`])
})

t.test('a deny may have any shape, since one that cannot be read takes everything away', async t => {
  const denied = consent({
    provision: [permit(), { type: 'deny', securityLabel: [{ code: 'R' }], action: [{ text: 'x' }] }],
  })
  t.same(await wrongShape(denied), [])
  t.same(read(denied)?.permits, [])
})
