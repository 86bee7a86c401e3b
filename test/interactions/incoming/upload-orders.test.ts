import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { point, upload } from '../../mhealth/upload.ts'
import { openRandom } from '../../oracle/random.ts'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const send = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object) =>
  server.inject({
    method,
    url: `/fhir${url && `/${url}`}`,
    headers,
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
const patient = async (id: string) => {
  await send('PUT', `Patient/${id}`, { resourceType: 'Patient', id })
  return id
}

type Sent = {
  readonly uuid: string
  readonly value: number
  /** The minute in which the source last changed it. */
  readonly revised: number
  readonly record?: string
  readonly status?: Observation['status']
  /** Its time is written by a clock two hours ahead. */
  readonly isAbroad?: true
  /** Its source last changed it in a leap second. */
  readonly isLeap?: true
}
/** All of one minute are about one heartbeat. */
const observation = (minute: number, { uuid, value, revised, record, status = 'final', isAbroad, isLeap }: Sent) => {
  const time = (hour: string, of: number) => `2026-03-01T${hour}:${String(of).padStart(2, '0')}:00Z`
  const moment = isAbroad ? time('09', minute).replace('Z', '.000+02:00') : time('07', minute)
  return upload(
    point(
      'omh:heart-rate:2.0',
      { heart_rate: { value, unit: 'beats/min' }, effective_time_frame: { date_time: moment } },
      {
        uuid: `0a6f3c1e-5b7d-4c2a-9${String(minute).padStart(3, '0')}-${Buffer.from(uuid.padEnd(6)).toString('hex')}`,
        acquisition_provenance: {
          source_name: 'pulse meter',
          source_last_modification_date_time: isLeap
            ? time('08', revised).replace(':00Z', ':60Z')
            : time('08', revised),
          ...(record === undefined ? {} : { source_data_point_id: record }),
        },
      },
    ),
    { status },
  )
}

const original: Sent = { uuid: 'first', value: 60, revised: 0 }
const corrected: Sent = { ...original, value: 61, revised: 1 }
const correctedAgain: Sent = { ...original, value: 62, revised: 2 }
const mistake = 'entered-in-error'
const record = 'a17'

/** What apps send about a heartbeat, and what must be stored in the end. */
const stories: readonly (readonly [name: string, sent: readonly Sent[], end: string])[] = [
  ['it was sent once', [original], '60 final'],
  ['it was corrected', [original, corrected], '61 amended'],
  ['it was corrected in a leap second', [original, { ...corrected, isLeap: true }], '61 amended'],
  ['it was corrected twice', [original, corrected, correctedAgain], '62 amended'],
  ['it was a guess before', [{ ...original, status: 'preliminary' }, corrected], '61 final'],
  ['it was taken back', [original, { ...original, status: mistake }], `60 ${mistake}`],
  [
    'it was taken back, as it had been before it was corrected',
    [original, corrected, { ...original, status: mistake }],
    `61 ${mistake}`,
  ],
  ['it was taken back with a newer document', [original, { ...corrected, status: mistake }], `61 ${mistake}`],
  [
    'the vendor’s record of it came under several uuids, and was corrected under two of them',
    [
      { ...original, record },
      { ...original, record, uuid: 'second' },
      { ...corrected, record, uuid: 'second' },
      { ...corrected, record, uuid: 'third' },
    ],
    '61 amended',
  ],
  [
    'the vendor’s record was taken back under another uuid',
    [
      { ...original, record: 'b4' },
      { ...original, record: 'b4', uuid: 'second', status: mistake },
    ],
    `60 ${mistake}`,
  ],
  ['the same was measured, under a new uuid each time', [original, { ...original, uuid: 'other' }], '60 final'],
  [
    'the same was measured, and told once more where the clocks differ',
    [original, { ...original, uuid: 'abroad', isAbroad: true }],
    '60 final',
  ],
]
const everything = stories.flatMap(([, sent], minute) => sent.map(one => observation(minute, one)))
const posted = (resource: object) => ({ resource, request: { method: 'POST', url: 'Observation' } })
const bundleOf = (resources: readonly object[]) => ({
  resourceType: 'Bundle',
  type: 'batch',
  entry: resources.map(posted),
})

const ways: Readonly<Record<string, (resources: readonly object[]) => Promise<readonly { statusCode: number }[]>>> = {
  'one by one': async resources => {
    const answers = []
    for (const one of resources) answers.push(await send('POST', 'Observation', one))
    return answers
  },
  'in one Bundle': async resources => [await send('POST', '', bundleOf(resources))],
  'in eight Bundles at once': async resources =>
    Promise.all(
      Array.from({ length: 8 }, (_, part) =>
        send('POST', '', bundleOf(resources.filter((_, index) => index % 8 === part))),
      ),
    ),
}

/** Everything that is stored, by its minute. */
const stateOf = async (id: string) => {
  const { entry = [] } = (await send('GET', `Observation?patient=${id}&_count=200&_sort=date`)).json()
  return entry.map(({ resource }: { resource: Observation }) => {
    const { status, valueQuantity, effectiveDateTime } = resource
    return `${effectiveDateTime?.slice(14, 16)}: ${Number(valueQuantity?.value)} ${status}`
  })
}
const end = stories.map(([, , what], minute) => `${String(minute).padStart(2, '0')}: ${what}`)

const seed = Number(process.env.UPLOAD_SEED ?? 20260301)
for (const [way, sendAll] of Object.entries(ways))
  for (const round of [1, 2])
    t.test(
      `in whatever order documents come, ${way}, and even repeated, the same is stored in the end (${round})`,
      async t => {
        const ofWhom = await patient(`${way.replaceAll(' ', '-')}-${round}`)
        const random = openRandom(seed, ofWhom)
        const twice = [1, 2].flatMap(() => random.some(everything, everything.length))
        const answers = await sendAll(twice.map(one => ({ ...one, subject: { reference: `Patient/${ofWhom}` } })))
        t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 201))
        t.strictSame(await stateOf(ofWhom), end, `UPLOAD_SEED=${seed}`)
      },
    )

const inTurn = async (ofWhom: string, ...sent: readonly Sent[]) => {
  const answers = []
  for (const one of sent) {
    const resource = { ...observation(0, one), subject: { reference: `Patient/${ofWhom}` } }
    answers.push(await send('POST', 'Observation', resource))
  }
  return answers.map(
    ({ statusCode, headers }) => `${statusCode} ${/_history\/(\d+)$/.exec(`${headers.location}`)?.[1]}`,
  )
}

t.test('a correction is a version of what it corrects, and late or repeated documents make none', async t => {
  const ofWhom = await patient('versions')
  t.strictSame(await inTurn(ofWhom, original, correctedAgain, original, corrected), [
    '201 1',
    '200 2',
    '200 2',
    '200 2',
  ])
})

t.test('if documents do not say which is newer the last one counts, and none comes back', async t => {
  const ofWhom = await patient('untold')
  const other = { ...original, value: 66 }
  t.strictSame(await inTurn(ofWhom, original, other, original), ['201 1', '200 2', '200 2'])
  t.strictSame(await stateOf(ofWhom), ['00: 66 amended'])
})

t.test('what was entered in error stays so, whatever its source changes after that', async t => {
  const ofWhom = await patient('mistaken')
  await inTurn(ofWhom, original, { ...original, status: mistake }, correctedAgain)
  t.strictSame(await stateOf(ofWhom), ['00: 62 entered-in-error'])
})

t.test('what its patient deleted stays deleted, with whatever uuid it is sent again', async t => {
  const ofWhom = await patient('deleted')
  await inTurn(ofWhom, original)
  const { entry } = (await send('GET', `Observation?patient=${ofWhom}`)).json()
  await send('DELETE', `Observation/${entry[0].resource.id}`)
  t.strictSame(await inTurn(ofWhom, original, { ...original, uuid: 'other' }), ['410 undefined', '410 undefined'])
  t.strictSame(await stateOf(ofWhom), [])
})

t.test('keys belong to each patient', async t => {
  t.strictSame(await inTurn(await patient('one'), { ...original, record }), ['201 1'])
  t.strictSame(await inTurn(await patient('two'), { ...original, record, value: 70 }), ['201 1'])
  t.strictSame([await stateOf('one'), await stateOf('two')], [['00: 60 final'], ['00: 70 final']])
})

t.test('two different readings of one moment are two, if neither uuid nor record says that they are one', async t => {
  const ofWhom = await patient('differing')
  t.strictSame(await inTurn(ofWhom, original, { ...corrected, uuid: 'other' }), ['201 1', '201 1'])
  t.strictSame((await stateOf(ofWhom)).sort(), ['00: 60 final', '00: 61 final'])
  const { entry } = (await send('GET', `Observation?patient=${ofWhom}`)).json()
  t.strictSame(
    entry.map(({ resource }: { resource: Observation }) => [resource.meta?.versionId, resource.meta?.tag]),
    [
      ['1', undefined],
      ['1', undefined],
    ],
    'neither is changed or marked for the other',
  )
})
