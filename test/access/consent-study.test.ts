import type { Consent, ConsentProvision } from '@medplum/fhirtypes'
import t from 'tap'
import { readConsent } from '../../src/access/consent.ts'
import {
  givenToStudy,
  refuseTwoStudies,
  stayingWithStudy,
  studiesNamed,
  withoutStudy,
} from '../../src/access/consent-study.ts'
import { standardExtensions } from '../../src/fhir/canonical.ts'
import type { FhirError } from '../../src/fhir/error.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import * as w from '../storage/model/world.ts'
import { wrongShape } from '../support/consent-shape.ts'

const context = (reference: string) => ({
  url: standardExtensions.consentResearchStudyContext,
  valueReference: { reference },
})
const [sleep, gait, elsewhere] = [
  'ResearchStudy/sleep',
  'ResearchStudy/gait',
  'https://x.example/ResearchStudy/sleep',
].map(reference => context(reference ?? '')) as [
  ReturnType<typeof context>,
  ReturnType<typeof context>,
  ReturnType<typeof context>,
]
const other = { url: 'https://x.example/other', valueCode: 'x' }

type Contexts = readonly (typeof sleep | typeof other)[]
const named = (within: Contexts, beside: Contexts = [], more: ConsentProvision = {}): Consent => {
  const { extension: _, ...rest } = w.consent('', 'ann', 'active', [w.permit('omh:heart-rate', more)])
  return {
    ...rest,
    ...(beside.length === 0 ? {} : { extension: [...beside] }),
    provision: { ...rest.provision, ...(within.length === 0 ? {} : { extension: [...within] }) },
  }
}
const read = (consent: Consent) => readConsent(consent, { classes: openCodeClasses(), isSource: () => true })
const toSleep = { kind: 'study', id: 'sleep' } as const

t.test('a Consent names its study in the provision, or beside it as those of before', async t => {
  for (const [within, beside] of [
    [[sleep], []],
    [[other, sleep], [other]],
    [[], [sleep]],
    [[sleep], [sleep]],
  ] as const) {
    t.same(read(named(within, beside))?.grantee, toSleep)
    t.equal(read(named(within, beside))?.permits.length, 1)
  }
})

t.test('it is given to nobody if it names none, several in one place, or different ones in both', async t => {
  for (const [within, beside] of [
    [[], []],
    [[other], [other]],
    [[sleep, sleep], []],
    [[sleep, gait], []],
    [[], [sleep, gait]],
    [[sleep], [gait]],
    [[sleep], [elsewhere]],
    [[elsewhere], [sleep]],
    [[elsewhere], []],
  ] as const)
    t.equal(read(named(within, beside)), undefined)
})

t.test('it is found by all studies that it names, wherever it names them', async t => {
  t.same(studiesNamed(named([sleep], [gait])), ['sleep', 'gait'])
  t.same(studiesNamed(named([], [gait])), ['gait'])
  t.same(studiesNamed(named([sleep, elsewhere], [other])), ['sleep'])
})

t.test('a permit that is for another study is not for this one', async t => {
  const permits = (extension: Contexts) => read(named([sleep], [], { extension: [...extension] }))?.permits.length
  t.same([permits([sleep]), permits([other])], [1, 1])
  t.same([permits([gait]), permits([sleep, gait]), permits([elsewhere])], [0, 0, 0])
})

t.test('the profile asks for one study that both places agree on, and for none in a permit', async t => {
  const grantee = ['Consent: sharewell-consent-grantee']
  const wrong = async (consent: Consent) => {
    const policyRule = {
      coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/consent-policy', code: 'deny-unless-permitted' }],
    }
    return wrongShape({ ...consent, policyRule })
  }
  for (const one of [named([sleep]), named([], [sleep]), named([sleep], [sleep])]) t.same(await wrong(one), [])
  for (const one of [named([]), named([sleep], [gait]), named([sleep], [elsewhere]), named([], [sleep, gait])])
    t.same(await wrong(one), grantee)
  t.match(await wrong(named([sleep, sleep])), grantee)
  t.same(await wrong(named([sleep], [], { extension: [sleep] })), [
    'Consent.provision.provision[0]: sharewell-consent-study',
  ])
})

t.test('one that names different studies is refused, unless it only ends', async t => {
  const both = named([sleep], [gait])
  const refusal = t.throws(() => refuseTwoStudies(both)) as FhirError
  t.match(refusal, { status: 422 })
  t.strictSame(refusal.issues, [
    {
      code: 'business-rule',
      expression: 'Consent.provision.extension',
      message:
        'Consent.provision.extension names ResearchStudy/sleep as its study, and Consent.extension ResearchStudy/gait: a Consent is given to one study, which it names in its provision',
    },
  ])
  for (const status of ['inactive', 'entered-in-error'] as const)
    t.doesNotThrow(() => refuseTwoStudies({ ...both, status }))
  for (const one of [named([sleep], [sleep]), named([sleep]), named([], [gait]), named([sleep, gait])])
    t.doesNotThrow(() => refuseTwoStudies(one))
})

t.test('the study stays in the provision if the next version names none', async t => {
  const next = named([other])
  t.same(stayingWithStudy(next, named([sleep])), named([sleep, other]))
  for (const [kept, before] of [
    [named([gait]), named([sleep])],
    [named([], [gait]), named([sleep])],
    [next, named([], [sleep])],
    [next, named([sleep, gait])],
  ] as const)
    t.equal(stayingWithStudy(kept, before), kept)
  const { provision: _, ...without } = next
  t.equal(stayingWithStudy(without, named([sleep])), without, 'there is nothing that it could be in')
})

t.test('a provision is given to one study only', async t => {
  t.strictSame(givenToStudy('sleep', { extension: [gait, other], type: 'deny' }), {
    extension: [sleep, other],
    type: 'deny',
  })
  t.strictSame(withoutStudy({ extension: [gait], type: 'deny' }), { type: 'deny' })
})
