import type { Consent, ConsentProvision, Period } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { devicesNamed, readConsent } from '../../src/access/consent.ts'
import { type Deny, lessDenied, type Permit, subtract } from '../../src/access/consent-permit.ts'
import { standardExtensions, systems } from '../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'

const classes = openCodeClasses()
const isSource = (id: string) => id.startsWith('source')

const kind = (code: string, system: string = systems.omh) => ({ coding: [{ system, code }] })
const heartRate = [kind('omh:heart-rate')]
const from = (...ids: readonly string[]) =>
  ids.map(id => ({ meaning: 'related' as const, reference: { reference: `Device/${id}` } }))
const recipient = (reference: string, code = 'IRCP') => [{ role: { coding: [{ code }] }, reference: { reference } }]

const study = { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: 'ResearchStudy/s' } }

const consent = (provision: readonly ConsentProvision[], more: Partial<Consent> = {}): Consent => ({
  resourceType: 'Consent',
  status: 'active',
  scope: { coding: [{ code: 'research' }] },
  category: [],
  dateTime: '2026-05-01T10:00:00Z',
  policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
  extension: [study],
  provision: { type: 'deny', provision: [...provision] },
  ...more,
})

const permit = (more: ConsentProvision = {}): ConsentProvision => ({ type: 'permit', code: heartRate, ...more })
const deny = (more: ConsentProvision = {}): ConsentProvision => ({ type: 'deny', ...more })

const rootOf = (more: ConsentProvision, ...provision: readonly ConsentProvision[]) =>
  consent([], { provision: { type: 'deny', provision: [permit(), ...provision], ...more } })

const read = (one: Consent) => readConsent(one, { classes, isSource })

const ofClass = (...codes: readonly string[]) => codes.map(code => ({ system: resourceTypes, code }))
const resourceTypes = 'http://hl7.org/fhir/resource-types'

/** `heart-rate@source1 data valid`, with days only. */
const print = ({ kind, device, data, valid }: Permit): string =>
  `${kind.replace('omh:', '').replace(`${resourceTypes}|`, '')}${device === undefined ? '' : `@${device}`} ${span(data)} ${span(valid)}`
const span = ({ low, high }: { low: string; high: string }) => `${day(low)}..${day(high)}`
const day = (text: string) => (text.endsWith('infinity') ? '' : text.slice(0, 10))

const permits = (...provision: readonly ConsentProvision[]) => read(consent(provision))?.permits.map(print)

t.test('a permit gives a row for each kind and source, from the moment of signing', async t => {
  t.strictSame(permits(permit()), ['heart-rate 2026-05-01.. ..'])
  t.strictSame(permits(permit({ code: [...heartRate, kind('omh:body-weight')], data: from('source1', 'source2') })), [
    'heart-rate@source1 2026-05-01.. ..',
    'heart-rate@source2 2026-05-01.. ..',
    'body-weight@source1 2026-05-01.. ..',
    'body-weight@source2 2026-05-01.. ..',
  ])
  t.strictSame(permits(permit({ dataPeriod: { start: '2026', end: '2026-06' } })), [
    'heart-rate 2026-01-01..2026-07-01 ..',
  ])
  t.strictSame(permits(permit({ dataPeriod: { end: '2026-06' } })), ['heart-rate 2026-05-01..2026-07-01 ..'])
  t.strictSame(permits(permit({ period: { start: '2026-05-02', end: '2026-05-03' } })), [
    'heart-rate 2026-05-01.. 2026-05-02..2026-05-04',
  ])
  t.equal(read(consent([permit()]))?.permits[0]?.data.low, '2026-05-01T10:00:00.000Z')
  t.strictSame(read(consent([permit()]))?.grantee, { kind: 'study', id: 's' })
})

t.test('the root provision bounds the time of all', async t => {
  const bounded = consent([permit({ dataPeriod: { start: '2025' } })], {
    provision: {
      period: { end: '2027' },
      dataPeriod: { start: '2026-02', end: '2026-03' },
      provision: [permit({ dataPeriod: { start: '2025' } }), permit({ period: { start: '2026-06' } })],
    },
  })
  t.strictSame(read(bounded)?.permits.map(print), [
    'heart-rate 2026-02-01..2026-04-01 ..2028-01-01',
    'heart-rate 2026-02-01..2026-04-01 2026-06-01..2028-01-01',
  ])
})

t.test('every spelling of a kind means that kind, and a narrower code does not', async t => {
  t.strictSame(permits(permit({ code: [kind('8867-4', systems.loinc)] })), ['heart-rate 2026-05-01.. ..'])
  t.strictSame(permits(permit({ code: [kind('omh:heart-rate:2.0')] })), ['heart-rate 2026-05-01.. ..'])
  t.equal(classes.kindOf(systems.loinc, '99504-3'), 'omh:blood-glucose')
  t.strictSame(permits(permit({ code: [kind('99504-3', systems.loinc)] })), [])
  t.strictSame(
    permits(
      permit({
        code: [{ coding: [kind('99504-3', systems.loinc), kind('omh:blood-glucose')].flatMap(({ coding }) => coding) }],
      }),
    ),
    [],
    'nor beside the kind itself',
  )
})

t.test('a class without a code permits a whole type of other resources', async t => {
  const typed = (...codes: readonly string[]): ConsentProvision => ({ type: 'permit', class: ofClass(...codes) })
  t.strictSame(permits(typed('Condition', 'QuestionnaireResponse')), [
    'Condition 2026-05-01.. ..',
    'QuestionnaireResponse 2026-05-01.. ..',
  ])
  t.strictSame(read(consent([typed('Condition')]))?.permits[0]?.expression, 'Consent.provision.provision[0].class[0]')
  t.strictSame(permits({ ...typed('Condition'), dataPeriod: { start: '2026-01', end: '2026-01' } }), [
    'Condition 2026-01-01..2026-02-01 ..',
  ])
  t.strictSame(permits(typed('BodyStructure')), ['BodyStructure .. ..'], 'a type without a time has none')
  t.strictSame(permits({ ...typed('BodyStructure'), dataPeriod: { start: '2026' } }), [], 'and lies in no period')
  t.strictSame(
    read(rootOf({ dataPeriod: { start: '2026-01' } }, typed('BodyStructure')))?.permits.map(print),
    ['heart-rate 2026-01-01.. ..'],
    'nor in one of the root',
  )
  for (const [why, provision] of [
    ['Observations are shared by their kinds', typed('Observation')],
    ['and so are devices', typed('Device')],
    ['nor who the patient is', typed('Patient')],
    ['what is in no compartment', typed('Location')],
    ['no type', typed('Nonsense')],
    ['one of two is not ours', typed('Condition', 'Observation')],
    ['another system', { type: 'permit', class: [{ system: 'urn:x', code: 'Condition' }] }],
    ['certain instances', { ...typed('Condition'), data: from('source1') }],
    ['certain codes', { ...typed('Condition'), code: heartRate }],
  ] as const)
    t.strictSame(permits(provision as ConsentProvision), [], why)
  t.strictSame(permits(permit({ class: ofClass('Observation') })), ['heart-rate 2026-05-01.. ..'])
})

t.test('a deny reaches types by their class, and with codes all those it does not clearly leave out', async t => {
  const condition: ConsentProvision = { type: 'permit', class: ofClass('Condition') }
  const both = [condition, permit()]
  const types = ['Condition 2026-05-01.. ..']
  const kinds = ['heart-rate 2026-05-01.. ..']
  t.strictSame(permits(...both, deny()), [])
  t.strictSame(permits(...both, deny({ class: ofClass('Condition') })), kinds)
  t.strictSame(permits(...both, deny({ class: ofClass('Procedure') })), [...types, ...kinds])
  t.strictSame(permits(...both, deny({ class: ofClass('Observation') })), types)
  t.strictSame(permits(...both, deny({ class: ofClass('Observation'), code: heartRate })), types)
  t.strictSame(permits(...both, deny({ class: ofClass('Observation', 'Condition') })), [], 'both')
  t.strictSame(
    permits(...both, deny({ code: [kind('omh:body-weight')] })),
    kinds,
    'codes of other types cannot be told apart',
  )
  t.strictSame(permits(...both, deny({ class: ofClass('Condition'), code: [kind('omh:body-weight')] })), kinds)
  t.strictSame(permits(...both, deny({ class: ofClass('Device') })), [], 'a class that is not ours denies all')
  t.strictSame(permits(...both, deny({ class: ofClass('Procedure', 'Device') })), [], 'also among others that are')
  t.strictSame(permits(...both, deny({ class: [{ code: 'Condition' }] })), [], 'so does one without its system')
  t.strictSame(permits(condition, deny({ class: ofClass('Condition'), data: from('source1') })), [])
  t.strictSame(permits(condition, deny({ class: ofClass('Condition'), dataPeriod: { start: '2026-06' } })), [
    'Condition 2026-05-01..2026-06-01 ..',
  ])
})

t.test('a permit that cannot be read grants nothing, and does not affect others', async t => {
  const unreadable: readonly (readonly [string, ConsentProvision])[] = [
    ['without a kind', { type: 'permit' }],
    ['an unknown code', permit({ code: [kind('1-8', systems.loinc)] })],
    ['one of two codes unknown', permit({ code: [...heartRate, kind('1-8', systems.loinc)] })],
    [
      'two kinds in one concept',
      permit({ code: [{ coding: [...kind('omh:heart-rate').coding, ...kind('omh:body-weight').coding] }] }),
    ],
    ['a source that is no Device', permit({ data: [{ meaning: 'related', reference: { reference: 'Group/1' } }] })],
    [
      'a source elsewhere',
      permit({ data: [{ meaning: 'related', reference: { reference: 'https://x.example/Device/1' } }] }),
    ],
    [
      'one of two sources no Device',
      permit({ data: [...from('source1'), { meaning: 'related', reference: { reference: 'Group/1' } }] }),
    ],
    ['no source though data is there', permit({ data: [] })],
    ['security labels', permit({ securityLabel: [{ code: 'R' }] })],
    ['another purpose', permit({ purpose: [{ code: 'HMARKT' }] })],
    ['another action', permit({ action: [{ coding: [{ code: 'disclose' }] }] })],
    ['another class', permit({ class: [{ code: 'Condition' }] })],
    ['an actor in another role', permit({ actor: recipient('Organization/o', 'PRCP') })],
    [
      'one of two actors in another role',
      permit({ actor: [...recipient('Organization/o'), ...recipient('Organization/o', 'PRCP')] }),
    ],
    [
      'an actor in a role of words',
      permit({ actor: [{ role: { text: 'IRCP' }, reference: { reference: 'Organization/o' } }] }),
    ],
    ['a recipient that is no organization', permit({ actor: recipient('Patient/p') })],
    ['an end that is not known', permit({ dataPeriod: { start: '2026', _end: {} } as Period })],
    ['a beginning of reading that is not known', permit({ period: { _start: {} } as Period })],
    ['a modifier extension', permit({ modifierExtension: [{ url: 'x' }] } as ConsentProvision)],
    ['what extends its type', permit({ _type: { extension: [{ url: 'x' }] } } as ConsentProvision)],
  ]
  for (const [why, provision] of unreadable)
    t.strictSame(permits(provision, permit()), ['heart-rate 2026-05-01.. ..'], why)
  t.strictSame(
    permits(permit({ provision: [permit({ code: [kind('omh:body-weight')] })] })),
    ['heart-rate 2026-05-01.. ..'],
    'a permit in a permit',
  )
  const neverSigned = consent([permit(), { type: 'permit', class: ofClass('BodyStructure') }])
  delete neverSigned.dateTime
  t.strictSame(read(neverSigned)?.permits, [], 'never signed')
})

t.test('a permit for reading and for research gives it, whatever else it is for', async t => {
  const given = ['heart-rate 2026-05-01.. ..']
  const coding = (...codes: readonly string[]) => codes.map(code => ({ code }))
  t.strictSame(permits(permit({ action: [{ coding: coding('disclose') }, { coding: coding('access') }] })), given)
  t.strictSame(permits(permit({ purpose: coding('HMARKT', 'HRESCH') })), given)
  t.strictSame(permits(permit({ purpose: coding('TREAT') })), [], 'a study does not treat')
  t.strictSame(permits(permit({ class: ofClass('Condition', 'Observation') })), given)
  t.strictSame(permits(permit({ id: 'a', extension: [{ url: 'urn:x' }] })), given, 'and whatever else it is called')
  t.strictSame(
    read(consent([permit()], { scope: { coding: coding('local', 'research') } }))?.permits.map(print),
    given,
    'also where codes of others say it too',
  )
  t.strictSame(
    read(rootOf({ purpose: coding('TREAT') }, permit({ purpose: coding('HRESCH') })))?.permits.map(print),
    given,
    'the purpose of the root is that of what names none',
  )
})

t.test('a consent of another shape has no grantee', async t => {
  const shapes: readonly (readonly [string, Consent])[] = [
    ['another scope', consent([permit()], { scope: { coding: [{ code: 'adr' }] } })],
    [
      'another scope, with a recipient',
      consent([permit({ actor: recipient('Organization/o') })], { scope: { coding: [{ code: 'treatment' }] } }),
    ],
    ['no study', consent([permit()], { extension: [] })],
    ['a study named for something else', consent([permit()], { extension: [{ ...study, url: 'urn:x' }] })],
    ['two studies', consent([permit()], { extension: [study, study] })],
    [
      'a study elsewhere',
      consent([permit()], {
        extension: [{ ...study, valueReference: { reference: 'https://x.example/ResearchStudy/s' } }],
      }),
    ],
    ['another rule', consent([permit()], { policyRule: { coding: [{ code: 'OPTIN' }] } })],
    ['a rule in words', consent([permit()], { policyRule: { text: 'deny-unless-permitted' } })],
    ['no scope that is coded', consent([permit()], { scope: { text: 'research' } })],
    ['a root that permits', consent([], { provision: { type: 'permit', code: heartRate } })],
    ['a root that permits what is in it', consent([], { provision: { type: 'permit', provision: [permit()] } })],
    ['a root whose end is not known', rootOf({ period: { start: '2026', _end: {} } as Period })],
    ['a root whose data end nobody knows when', rootOf({ dataPeriod: { start: '2026', _end: {} } as Period })],
    ['a root with codes', consent([], { provision: { type: 'deny', code: heartRate, provision: [permit()] } })],
    ['modifier extensions', consent([permit()], { modifierExtension: [{ url: 'x' }] })],
    ['rules that it was made by', consent([permit()], { implicitRules: 'https://x.example/rules' })],
    ['treatment without a recipient', consent([permit()], { scope: { coding: [{ code: 'patient-privacy' }] } })],
  ]
  for (const [why, one] of shapes) t.equal(read(one), undefined, why)
  const { provision: _, ...without } = consent([])
  t.equal(read(without), undefined, 'no provision')
  t.equal(read({ ...without, scope: { coding: [{ code: 'patient-privacy' }] } }), undefined, 'nor any recipient')
})

t.test('without a study a consent is given to its only recipient, for treatment', async t => {
  const given = (root: ConsentProvision) =>
    read(consent([], { scope: { coding: [{ code: 'patient-privacy' }] }, provision: root }))
  const clinician = given({
    actor: recipient('Practitioner/doc'),
    provision: [permit({ purpose: [{ code: 'TREAT' }] })],
  })
  t.strictSame(clinician?.grantee, { kind: 'practitioner', id: 'doc' })
  t.strictSame(clinician?.permits.map(print), ['heart-rate 2026-05-01.. ..'])
  const hospital = given({ provision: [permit({ actor: recipient('Organization/h') })] })
  t.strictSame(hospital?.grantee, { kind: 'organization', id: 'h' })
  t.strictSame(
    given({ actor: recipient('Practitioner/doc'), provision: [permit({ purpose: [{ code: 'HRESCH' }] })] })?.permits,
    [],
  )
  const two = {
    provision: [permit({ actor: recipient('Organization/h') }), permit({ actor: recipient('Organization/i') })],
  }
  t.equal(given(two), undefined, 'two recipients')
  const namesakes = {
    provision: [permit({ actor: recipient('Organization/h') }), permit({ actor: recipient('Practitioner/h') })],
  }
  t.equal(given(namesakes), undefined, 'two with one id')
  t.equal(given({ provision: [permit({ actor: recipient('Patient/p') })] }), undefined, 'one that is neither')
  t.strictSame(
    given({
      provision: [permit({ actor: recipient('Organization/h') }), permit({ code: [kind('omh:body-weight')] })],
    })?.permits.map(print),
    ['heart-rate 2026-05-01.. ..'],
    'what names no recipient is given to nobody',
  )
})

t.test('recipients of a consent to a study are kept, since the study must be among them', async t => {
  t.strictSame(read(consent([permit({ actor: recipient('Organization/o') })]))?.permits[0]?.recipients, ['o'])
  t.strictSame(read(consent([permit()]))?.permits[0]?.recipients, [])
})

t.test('a deny beats permits: exactly if the remainder can be expressed, completely if not', async t => {
  const weight = permit({ code: [kind('omh:body-weight')] })
  t.strictSame(permits(permit(), weight, deny({ code: heartRate })), ['body-weight 2026-05-01.. ..'])
  t.strictSame(permits(permit(), weight, deny()), [], 'without a code it denies all')
  t.strictSame(permits(permit(), weight, deny({ code: [kind('1-8', systems.loinc)] })), [], 'unreadable: denies all')
  t.strictSame(permits(permit(), weight, deny({ code: [...heartRate, kind('1-8', systems.loinc)] })), [], 'one of two')
  t.strictSame(permits(permit(), weight, { code: heartRate }), ['body-weight 2026-05-01.. ..'], 'no type is a deny')
  t.strictSame(
    permits(permit({ code: [kind('omh:blood-glucose')] }), deny({ code: [kind('99504-3', systems.loinc)] })),
    [],
    'a narrower code',
  )
  t.strictSame(
    permits(permit({ data: from('source1', 'source2') }), deny({ code: heartRate, data: from('source1') })),
    ['heart-rate@source2 2026-05-01.. ..'],
  )
  t.strictSame(
    permits(permit({ data: from('source1') }), deny({ data: from('phone') })),
    [],
    'a device that is no source',
  )
  t.strictSame(permits(permit({ data: from('source2') }), deny({ data: from('source1', 'phone') })), [], 'one of two')
  const noDevice = { meaning: 'related' as const, reference: { reference: 'Group/1' } }
  t.strictSame(
    permits(permit({ data: from('source2') }), deny({ data: [...from('source1'), noDevice] })),
    [],
    'something that is no device may be any',
  )
  t.strictSame(permits(permit(), deny({ data: from('source1') })), [], 'all sources but one cannot be expressed')
  t.strictSame(permits(permit(), deny({ data: from('source1'), dataPeriod: { start: '2026-06' } })), [], 'at any time')
  t.strictSame(permits(permit(), deny({ code: heartRate, dataPeriod: { start: '2026-06', end: '2026-07' } })), [
    'heart-rate 2026-05-01..2026-06-01 ..',
    'heart-rate 2026-08-01.. ..',
  ])
  t.strictSame(permits(permit(), deny({ period: { start: '2026-06', end: '2026-07' } })), [
    'heart-rate 2026-05-01.. ..2026-06-01',
    'heart-rate 2026-05-01.. 2026-08-01..',
  ])
  t.strictSame(
    permits(permit(), deny({ dataPeriod: { start: '2026-06', end: '2026-07' }, period: { start: '2027' } })),
    [
      'heart-rate 2026-05-01..2026-06-01 ..',
      'heart-rate 2026-08-01.. ..',
      'heart-rate 2026-06-01..2026-08-01 ..2027-01-01',
    ],
  )
  t.strictSame(
    permits(permit({ provision: [deny({ dataPeriod: { start: '2026-06' } })] })),
    ['heart-rate 2026-05-01..2026-06-01 ..'],
    'a deny inside a permit',
  )
  t.strictSame(
    permits(permit(), deny({ code: heartRate, securityLabel: [{ code: 'R' }] })),
    [],
    'what narrows a deny is not read',
  )
})

t.test('what is denied never remains, and nothing else is lost', async () => {
  const days = [
    '-infinity',
    '2026-01-01T00:00:00.000Z',
    '2026-01-02T00:00:00.000Z',
    '2026-01-02T00:00:00.000001Z',
    '2026-01-03T00:00:00.000Z',
    'infinity',
  ]
  const interval = fc
    .tuple(fc.nat(4), fc.nat(4))
    .map(([a, b]) => ({ low: days[Math.min(a, b)] ?? '', high: days[Math.max(a, b) + 1] ?? '' }))
  const permitted = fc
    .record({ data: interval, valid: interval })
    .map(one => ({ kind: 'k', device: undefined, recipients: [], expression: '', ...one }))
  const denied = fc
    .record({ data: interval, valid: interval })
    .map(one => ({ isOf: () => true, devices: undefined, ...one }))
  const cells = days.slice(0, -1).flatMap((_, data) => days.slice(0, -1).map((_, valid) => ({ data, valid })))
  const holds = ({ low, high }: { low: string; high: string }, cell: number) =>
    days.indexOf(low) <= cell && cell < days.indexOf(high)
  const has = (
    one: { data: { low: string; high: string }; valid: { low: string; high: string } },
    cell: { data: number; valid: number },
  ) => holds(one.data, cell.data) && holds(one.valid, cell.valid)
  fc.assert(
    fc.property(permitted, fc.array(denied, { maxLength: 3 }), (one, denies) => {
      const left = denies.reduce<readonly Permit[]>(subtract, [one])
      return cells.every(
        cell => left.some(rest => has(rest, cell)) === (has(one, cell) && !denies.some(deny => has(deny, cell))),
      )
    }),
  )
})

t.test('the devices of all provisions are found', async t => {
  t.strictSame(devicesNamed(consent([permit({ data: from('a'), provision: [deny({ data: from('b') })] })])), ['a', 'b'])
})

t.test('a Consent with too many denies gives nothing, and is not worked through', async t => {
  const day = (index: number) => new Date(Date.UTC(1950, 0, 1 + index)).toISOString().slice(0, 10)
  const denies = (count: number) =>
    Array.from({ length: count }, (_, index) => deny({ dataPeriod: { start: day(2 * index), end: day(2 * index) } }))
  const since = permit({ dataPeriod: { start: '1900-01-01' } })
  t.equal(read(consent([since, ...denies(1000)]))?.permits.length, 1001)
  const nothing = { permits: [], isTooMuch: true }
  t.strictSame(read(consent([since, ...denies(20_000)])), { ...nothing, grantee: { kind: 'study', id: 's' } })
  t.strictSame(read(consent(Array.from({ length: 3001 }, () => since))), {
    ...nothing,
    grantee: { kind: 'study', id: 's' },
  })

  let compared = 0
  const [one] = read(consent([since]))?.permits ?? []
  const counting = denies(20_000).map(({ dataPeriod = {} }): Deny => {
    const data = { low: `${dataPeriod.start}T00:00:00Z`, high: `${dataPeriod.end}T23:59:59Z` }
    const isOf = () => {
      compared += 1
      return true
    }
    return { isOf, devices: undefined, data, valid: { low: '-infinity', high: 'infinity' } }
  })
  t.strictSame(lessDenied(one === undefined ? [] : [one], counting), nothing)
  t.ok(compared > 900_000 && compared <= 1_000_000, String(compared))
})
