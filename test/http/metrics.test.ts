import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { parse } from 'yaml'
import { resourceTypes } from '../../src/fhir/definition/resource-type.ts'
import { routes } from '../../src/operations/operations.ts'
import { at, point, upload } from '../mhealth/upload.ts'
import { fhirServer } from '../support/fhir-server.ts'
import { openStudies } from '../support/study.ts'

const secret = 'a1'.repeat(32)
const world = await openStudies({ METRICS_TOKEN: secret }, { pauseMs: 20, retries: 0 })
const { server, send, institution, study, participant, patientToken, token } = world
t.teardown(() => server.close())

/** Every value of every label. */
const knownValues: Readonly<Record<string, ReadonlySet<string>>> = {
  door: new Set(['fhir', 'r5', 'api', 'omh', 'oauth', 'static', 'health', 'websocket', 'pages', 'none']),
  interaction: new Set([
    ...routes.map(({ name, path }) => (name === 'operation' ? path.slice(path.indexOf('$')) : name)),
    ...['operation', 'sign-in', 'token', 'none', 'other'],
  ]),
  type: new Set([...resourceTypes, 'none']),
  status: new Set([
    '101',
    '200',
    '201',
    '202',
    '204',
    '303',
    '400',
    '401',
    '403',
    '404',
    '405',
    '410',
    '412',
    '415',
    '422',
    'left',
  ]),
  le: new Set(['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '30', '+Inf']),
  outcome: new Set(['accepted', 'repaired', 'duplicate', 'refused']),
  event: new Set(['audit-sealed', 'clocks-differ', 'derived-by-older-map']),
  pool: new Set(['requests', 'searches', 'dictionary', 'records', 'sealing', 'subscriptions']),
  figure: new Set(['bytes', 'unsealed', 'jobs', 'letters', 'backup']),
  queue: new Set([
    'async-request',
    'invitation',
    'letter',
    'patient-import',
    'staff-invitation',
    'study-action',
    'subscription',
  ]),
  state: new Set(['waiting', 'retrying', 'active', 'failed', 'used', 'idle']),
}

const read = (authorization?: string) =>
  server.inject({ url: '/metrics', headers: authorization === undefined ? {} : { authorization } })

type Sample = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number }

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
const samplesIn = (text: string): readonly Sample[] =>
  text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', said = '']) => [label, said])
      return { name, labels: Object.fromEntries(pairs), value: Number(value) }
    })

const samples = async () => samplesIn((await read(`Bearer ${secret}`)).body)

const figure = async (name: string, labels: Readonly<Record<string, string>> = {}) =>
  (await samples()).find(
    one => one.name === name && Object.entries(labels).every(([label, said]) => one.labels[label] === said),
  )?.value

t.test('without METRICS_TOKEN there is nothing at /metrics, as at any other address', async t => {
  const without = await fhirServer()
  t.teardown(() => without.close())
  for (const headers of [{}, { authorization: 'Bearer everything' }, { authorization: 'Bearer ' }]) {
    const { statusCode, body } = await without.inject({ url: '/metrics', headers })
    t.equal(statusCode, 404)
    t.match(body, /Nothing is at \/metrics/)
  }
})

t.test(
  'with it, they are answered to that token alone, and to no token of a person, an app or an administrator',
  async t => {
    const administrator = await token({ subject: { kind: 'administrator' }, scope: 'user/*.cruds' })
    const others = [
      undefined,
      'Bearer',
      'Bearer everything',
      `Bearer ${administrator}`,
      `Bearer ${secret}0`,
      `Basic ${secret}`,
    ]
    for (const authorization of [...others, `Bearer ${secret.slice(1)}`]) {
      const { statusCode, headers, body } = await read(authorization)
      t.same([statusCode, headers['www-authenticate']], [401, 'Bearer realm="metrics"'], authorization ?? 'nothing')
      t.notMatch(body, /sharewell_/)
    }
    const { statusCode, headers } = await read(`Bearer ${secret}`)
    t.same([statusCode, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
    t.equal(headers['cache-control'], 'no-store')
    t.equal((await server.inject({ method: 'POST', url: '/metrics' })).statusCode, 405)
  },
)

t.test('that token opens nothing else', async t => {
  for (const url of ['/fhir/Patient', '/fhir/Observation/1', '/FHIR/R5/Patient', '/api/v1/patients'])
    t.equal((await server.inject({ url, headers: { authorization: `Bearer ${secret}` } })).statusCode, 401, url)
})

t.test('requests are counted by door, interaction, type and status, and timed', async t => {
  const asked = [
    ['GET', '/fhir/Patient?name=ann', { interaction: 'search-type', type: 'Patient', status: '200' }],
    ['GET', '/fhir/Patient/nobody-there', { interaction: 'read', type: 'Patient', status: '404' }],
    ['GET', '/fhir/Patient/nobody-there/$everything', { interaction: '$everything', type: 'Patient', status: '404' }],
    ['GET', '/fhir/Nonsense/1', { interaction: 'none', type: 'none', status: '404' }],
  ] as const
  for (const [method, url, labels] of asked) {
    const before = (await figure('sharewell_http_requests_total', { door: 'fhir', ...labels })) ?? 0
    await server.inject({ method, url, headers: { authorization: 'Bearer everything' } })
    t.equal(await figure('sharewell_http_requests_total', { door: 'fhir', ...labels }), before + 1, url)
  }
  await server.inject({ url: '/fhir/r5/Observation/1' })
  const r5 = { door: 'r5', interaction: 'read', type: 'Observation', status: '401' }
  t.equal(await figure('sharewell_http_requests_total', r5), 1)
  const timed = { door: 'fhir', interaction: '$everything' }
  t.equal(await figure('sharewell_http_request_duration_seconds_bucket', { ...timed, le: '+Inf' }), 1)
  t.equal(await figure('sharewell_http_requests_in_flight'), 1, 'this one')
})

t.test('what came in is counted by what became of it, and what was refused by what was tried', async t => {
  const { organization, manager } = await institution('metering')
  const sugar = await study(manager, organization, 'Sugar', ['omh:blood-glucose'])
  const ann = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], 'Ann')
  const app = await patientToken(ann, 'patient/*.cruds')
  const glucose = (value: unknown) =>
    upload(point('omh:blood-glucose:4.0', { blood_glucose: { value, unit: 'mg/dL' }, effective_time_frame: at }), {
      subject: { reference: `Patient/${ann}` },
    })
  const post = (resource: object) => send(app, 'POST', 'Observation', resource)
  const uploads = async (outcome: string) => (await figure('sharewell_uploads_total', { outcome })) ?? 0
  const refused = async () =>
    (await figure('sharewell_attempts_refused_total', { interaction: 'read', status: '404' })) ?? 0
  const before = [await uploads('accepted'), await uploads('duplicate'), await uploads('refused')]
  await post(glucose(95))
  await post(glucose(95))
  await post(glucose('much'))
  const after = [await uploads('accepted'), await uploads('duplicate'), await uploads('refused')]
  t.same(
    after.map((count, place) => count - (before[place] ?? 0)),
    [1, 1, 1],
  )
  const stored = (await post(glucose(97))).json()
  const accepted = await uploads('accepted')
  await send(app, 'PUT', `Observation/${stored.id}`, { ...stored, status: 'corrected' })
  t.equal(await uploads('accepted'), accepted + 1, 'a next version that is put, too')
  const refusedBefore = await refused()
  await send(app, 'GET', 'Patient/somebody-else')
  t.equal(await refused(), refusedBefore + 1)
})

t.test('the state of the database, of the record and of the queues is read when it is asked for', async t => {
  while ((await figure('sharewell_audit_unsealed')) !== 0) await pause(20)
  const found = new Map((await samples()).map(({ name, value }) => [name, value]))
  t.equal(found.get('sharewell_database_up'), 1)
  t.ok((found.get('sharewell_database_bytes') ?? 0) > 1_000_000)
  t.equal(found.get('sharewell_audit_unsealed_seconds'), 0)
  t.notOk(found.has('sharewell_last_backup_timestamp_seconds'), 'none was ever recorded')
  t.equal(await figure('sharewell_jobs', { queue: 'subscription', state: 'waiting' }), 0)
  t.equal(await figure('sharewell_database_connections_most', { pool: 'requests' }), 10)
  for (const pool of ['dictionary', 'records', 'sealing', 'subscriptions'])
    t.ok((await figure('sharewell_database_connections_most', { pool })) ?? 0, pool)
})

t.test('no label has a value that is not known beforehand, whatever is asked', async t => {
  const secrets = ['Ann', 'nobody-there', 'somebody-else', 'a-made-up-study']
  for (const url of [
    '/fhir/Patient/a-made-up-study',
    '/fhir/$a-made-up-study',
    '/studies/a-made-up-study',
    '/a-made-up-study',
  ])
    for (const method of ['GET', 'POST', 'DELETE'] as const) await server.inject({ method, url })
  await server.inject({ method: 'POST', url: '/oauth/a-made-up-study' })
  const own = (await samples()).filter(({ name }) => name.startsWith('sharewell_'))
  const valuesOf = (label: string) => new Set(own.flatMap(({ labels }) => labels[label] ?? []))
  for (const [label, known] of Object.entries(knownValues))
    t.strictSame(
      [...valuesOf(label)].filter(value => !known.has(value)),
      [],
      label,
    )
  t.strictSame(
    [...new Set(own.flatMap(({ labels }) => Object.keys(labels)))].filter(label => !(label in knownValues)),
    [],
    'and there is no other label',
  )
  const text = (await read(`Bearer ${secret}`)).body
  t.strictSame(
    secrets.filter(one => text.includes(one)),
    [],
  )
})

t.test('figures of the process have only labels of Node', async t => {
  const others = (await samples()).filter(({ name }) => !name.startsWith('sharewell_'))
  t.ok(others.some(({ name }) => name === 'process_resident_memory_bytes'))
  t.strictSame([...new Set(others.flatMap(({ labels }) => Object.keys(labels)))].sort(), [
    'kind',
    'le',
    'major',
    'minor',
    'patch',
    'space',
    'type',
    'version',
  ])
  t.strictSame(
    others.filter(({ name }) => !/^(process|nodejs)_/.test(name)),
    [],
  )
})

t.test(
  'Prometheus reads them as docs/operating.md configures it, and each of its alarms asks for what is there',
  async t => {
    const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'operating.md'), 'utf8')
    const [scraping, alarms] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => parse(text))
    const [{ metrics_path: url = '/metrics', authorization, static_configs: at }] = scraping.scrape_configs
    t.match(at, [{ targets: ['127.0.0.1:8080'] }])
    t.equal(authorization.credentials_file, '/etc/prometheus/sharewell.token')
    const answer = await server.inject({
      url,
      headers: { authorization: `${authorization.type ?? 'Bearer'} ${secret}` },
    })
    t.equal(answer.statusCode, 200)
    const described = new Set([...answer.body.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name))
    const asked = alarms.groups.flatMap(({ rules }: { rules: readonly { expr: string }[] }) =>
      rules.flatMap(
        ({ expr }) => expr.match(/\bsharewell_\w+/g)?.map(name => name.replace(/_(bucket|sum|count)$/, '')) ?? [],
      ),
    )
    t.ok(asked.length >= 5)
    t.strictSame(
      asked.filter((name: string) => !described.has(name)),
      [],
    )
  },
)
