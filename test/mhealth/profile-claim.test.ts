import t, { type Test } from 'tap'
import { systems } from '../../src/fhir/canonical.ts'
import { checkProfiles } from '../../src/fhir/profile/profiles.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { bodySchemas } from '../../src/mhealth/schema/table.ts'
import { sampleBody } from '../support/sample-body.ts'
import { at, heartRate, point, receive, upload } from './upload.ts'

const registry = loadRegistry()
const vital = (name: string) => `http://hl7.org/fhir/StructureDefinition/${name}`
const cgm = (name: string) => `http://hl7.org/fhir/uv/cgm/StructureDefinition/cgm-sensor-reading-${name}-per-volume`
const profiles = [
  ...['bp', 'heartrate', 'resprate', 'oxygensat', 'bodytemp', 'bodyheight', 'bodyweight', 'bmi'].map(vital),
  ...['mass', 'moles'].map(cgm),
]

/** The profiles with which `$validate` finds nothing wrong. */
const obeyedBy = async (resource: Record<string, unknown>): Promise<readonly string[]> => {
  const obeyed: string[] = []
  for (const url of profiles) {
    const issues = await checkProfiles(registry, resource, [url], async () => undefined)
    if (issues.every(({ severity }) => severity === 'warning')) obeyed.push(url)
  }
  return obeyed
}

const isClaimedAsValid = async (test: Test, name: string, sent: object): Promise<readonly string[]> => {
  const { resource } = receive(sent, 'accept-with-warning')
  const { profile = [], ...meta } = resource.meta ?? {}
  const valid = resource.effectivePeriod === undefined ? await obeyedBy({ ...resource, meta }) : []
  test.same(profile, valid, name)
  return profile
}

t.test('for every schema in every version, exactly the profiles that $validate confirms are claimed', async t => {
  const claimed = new Set<string>()
  for (const row of bodySchemas)
    for (const version of row.versions) {
      const body = sampleBody(row, version) as Record<string, unknown>
      const moment = { ...body, effective_time_frame: at }
      const plain = Object.fromEntries(
        Object.entries(moment).filter(
          ([name]) =>
            name.endsWith('_time_frame') ||
            !/(_to_|location|posture|position|oxygen_(flow|therapy)|body_site)/.test(name),
        ),
      )
      for (const [name, one] of Object.entries({ body, plain }))
        for (const url of await isClaimedAsValid(
          t,
          `${row.name}:${version} ${name}`,
          upload(point(`${row.name}:${version}`, one)),
        ))
          claimed.add(url)
    }
  t.same([...claimed].map(url => url.split('/').at(-1)).sort(), [
    'bmi',
    'bodyheight',
    'bodytemp',
    'bodyweight',
    'bp',
    'heartrate',
    'oxygensat',
    'resprate',
  ])
})

const sugar = (unit: string) =>
  point('omh:blood-glucose:4.0', {
    blood_glucose: { value: 6, unit },
    specimen_source: 'interstitial fluid',
    effective_time_frame: at,
  })

t.test('readings of a sensor claim the profile of the CGM guide', async t => {
  t.same(await isClaimedAsValid(t, 'mass', upload(sugar('mg/dL'))), [cgm('mass')])
  t.same(await isClaimedAsValid(t, 'moles', upload(sugar('mmol/L'))), [cgm('moles')])
})

t.test('what the client says beside the document counts as well, and the profiles that it claims stay', async t => {
  const category = (code: string) => ({ coding: [{ system: systems.observationCategory, code }] })
  const part = { code: { text: 'x' } }
  const quantity = { value: 64, system: systems.ucum, code: '/min' }
  const beside: readonly Record<string, unknown>[] = [
    { subject: undefined },
    { category: [category('activity')] },
    { category: [category('vital-signs'), category('activity')] },
    { category: [{ coding: [...category('vital-signs').coding, ...category('activity').coding] }] },
    { component: [{ ...part, valueString: 'x' }] },
    { component: [part] },
    { component: [{ ...part, dataAbsentReason: { text: 'x' } }] },
    { component: [{ ...part, valueQuantity: { ...quantity, unit: 'x' } }] },
    { component: [{ ...part, valueQuantity: { ...quantity, unit: 'x', code: 'L/min' } }] },
    { valueQuantity: quantity },
    { valueQuantity: { ...quantity, unit: 'x' } },
    { valueQuantity: { value: 64, unit: 'beats/min' } },
    { effectiveDateTime: '2026-03' },
    { effectiveDateTime: '2026-03-01' },
    {
      code: {
        coding: [
          { system: systems.omh, code: 'omh:heart-rate:2.0' },
          { system: systems.loinc, code: '2339-0' },
        ],
      },
    },
    { status: 'entered-in-error' },
  ]
  for (const more of beside) await isClaimedAsValid(t, JSON.stringify(more), upload(heartRate(), more))
  const pressure = point('omh:blood-pressure:4.0', {
    systolic_blood_pressure: { value: 120, unit: 'mmHg' },
    diastolic_blood_pressure: { value: 80, unit: 'mmHg' },
    effective_time_frame: at,
  })
  const systolic = {
    code: { coding: [{ system: systems.loinc, code: '8480-6' }] },
    valueQuantity: { value: 120, unit: 'mmHg', system: systems.ucum, code: 'mm[Hg]' },
  }
  t.same(await isClaimedAsValid(t, 'a pressure', upload(pressure)), [vital('bp')])
  for (const more of [{ component: [systolic, systolic] }, { valueQuantity: systolic.valueQuantity }])
    t.same(await isClaimedAsValid(t, `a pressure with ${Object.keys(more)}`, upload(pressure, more)), [])
  const meta = { profile: ['urn:mine', vital('bp')] }
  t.same(receive(upload(heartRate(), { meta })).resource.meta.profile, [...meta.profile, vital('heartrate')])
})
