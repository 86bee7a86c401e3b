import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'
import { longTexts } from '../support/long-texts.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const send = (method: 'GET' | 'POST', url: string, payload?: object, bearer = 'everything') =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}` },
    ...(payload === undefined ? {} : { payload }),
  })

const tag = (code: string) => ({ system: 'urn:tags', code })
const security = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }
const patient = (
  await send('POST', 'Patient', { resourceType: 'Patient', meta: { tag: [tag('a')], security: [security] } })
).json()
await send('POST', 'Patient', { resourceType: 'Patient', meta: { tag: [tag('a'), tag('b')] } })
await send('POST', 'Basic', {
  resourceType: 'Basic',
  code: { text: 'x' },
  meta: { tag: [tag('c')], profile: ['urn:profile'] },
})

const valueMeta = async (url: string) => {
  const answer = (await send('GET', url)).json()
  t.match(answer, { resourceType: 'Parameters', parameter: [{ name: 'return' }] }, url)
  return answer.parameter[0].valueMeta
}

t.test('$meta of a resource is its meta, as in a read', async t => {
  t.same(await valueMeta(`Patient/${patient.id}/$meta`), patient.meta)
})

t.test('$meta can be requested by POST as well', async t => {
  const empty = { resourceType: 'Parameters' }
  for (const url of ['$meta', 'Patient/$meta', `Patient/${patient.id}/$meta`]) {
    const [got, posted] = [await send('GET', url), await send('POST', url, empty)]
    t.strictSame([posted.statusCode, posted.json()], [200, got.json()], url)
    t.equal((await send('POST', url)).statusCode, 200, url)
  }
  t.match((await send('POST', '$meta', { resourceType: 'Patient' })).json(), { issue: [{ code: 'structure' }] })
})

t.test('$meta of a type has each label of its resources once, but neither versions nor times', async t => {
  t.same(await valueMeta('Patient/$meta'), { tag: [tag('a'), tag('b')], security: [security] })
})

t.test('without labels nothing is returned, rather than an empty element', async t => {
  t.strictSame((await send('GET', 'Slot/$meta')).json(), { resourceType: 'Parameters' })
})

t.test('$meta of the server has those of all types', async t => {
  t.same(await valueMeta('$meta'), {
    profile: ['urn:profile'],
    tag: [tag('a'), tag('b'), tag('c')],
    security: [security],
  })
})

const change = async (name: string, id: string, meta: object, bearer?: string) =>
  send(
    'POST',
    `Patient/${id}/$${name}`,
    { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] },
    bearer,
  )

t.test('a code of one system is not that of another, or of none', async t => {
  const labels = [tag('x'), { system: 'urn:others', code: 'x' }, { code: 'x' }]
  const { id } = (await send('POST', 'Patient', { resourceType: 'Patient', meta: { tag: [labels[0]] } })).json()
  const tagAfter = async (name: string, given: readonly object[]) =>
    (await change(name, id, { tag: given })).json().parameter[0].valueMeta.tag
  t.same(await tagAfter('meta-add', labels.slice(1)), labels)
  t.same(await tagAfter('meta-delete', [{ system: 'urn:others', code: 'x' }]), [labels[0], labels[2]])
  t.same(await tagAfter('meta-delete', [{ code: 'x' }]), [labels[0]])
})

t.test('labels make no resource larger than a body may be', async t => {
  const { id } = (await send('POST', 'Patient', { resourceType: 'Patient' })).json()
  const add = (code: string) =>
    change('meta-add', id, {
      tag: longTexts(17_000_000).map((display, index) => ({ ...tag(`${code}${index}`), display })),
    })
  t.equal((await add('one')).statusCode, 200)
  const refused = await add('two')
  t.equal(refused.statusCode, 413)
  t.match(refused.json(), { issue: [{ code: 'too-long' }] })
  t.equal((await change('meta-delete', id, { tag: [tag('one0')] })).statusCode, 200)
})

t.test('$meta-add and $meta-delete change the labels, in a new version, and nothing else', async t => {
  const { id } = (
    await send('POST', 'Patient', { resourceType: 'Patient', meta: { tag: [tag('d')] }, gender: 'female' })
  ).json()
  const added = await change('meta-add', id, { tag: [tag('e'), tag('d')], security: [security] })
  t.match(added.json(), {
    resourceType: 'Parameters',
    parameter: [{ name: 'return', valueMeta: { versionId: '2', security: [security] } }],
  })
  t.same(
    added
      .json()
      .parameter[0].valueMeta.tag.map(({ code }: { code: string }) => code)
      .sort(),
    ['d', 'e'],
  )
  t.match((await send('GET', `Patient/${id}`)).json(), { gender: 'female', meta: { versionId: '2' } })
  t.match(
    (await change('meta-add', id, { tag: [tag('e')] })).json().parameter[0].valueMeta,
    { versionId: '2' },
    'no change',
  )
  t.same(
    (await change('meta-delete', id, { tag: [tag('d'), tag('e')], security: [security] })).json().parameter[0].valueMeta
      .tag,
    undefined,
  )
})

t.test('labels that are there already stay as they are, and in their order, also those without a code', async t => {
  const words = [{ display: 'one' }, { display: 'other' }]
  const here = [tag('f'), tag('g'), ...words]
  const { id } = (await send('POST', 'Patient', { resourceType: 'Patient', meta: { tag: here } })).json()
  const metaAfter = async (name: string, given: readonly object[]) =>
    (await change(name, id, { tag: given })).json().parameter[0].valueMeta
  t.match(await metaAfter('meta-add', [{ ...tag('g'), display: 'G' }]), { versionId: '1', tag: here }, 'no change')
  t.same((await metaAfter('meta-add', [tag('h'), tag('h'), tag('f')])).tag, [...here, tag('h')])
  t.same((await metaAfter('meta-delete', [{ display: 'one' }])).tag, [
    tag('f'),
    tag('g'),
    { display: 'other' },
    tag('h'),
  ])
})

t.test('profiles are added to those that are there, each once, and removed by their URL', async t => {
  const meta = { profile: ['urn:profile:a'] }
  const { id } = (await send('POST', 'Basic', { resourceType: 'Basic', code: { text: 'x' }, meta })).json()
  const profilesAfter = async (name: string, profile: readonly string[]) => {
    const parameter = [{ name: 'meta', valueMeta: { profile } }]
    const answer = await send('POST', `Basic/${id}/$${name}`, { resourceType: 'Parameters', parameter })
    return answer.json().parameter[0].valueMeta.profile
  }
  const both = ['urn:profile:a', 'urn:profile:b']
  t.same(await profilesAfter('meta-add', ['urn:profile:b', 'urn:profile:a', 'urn:profile:b']), both)
  t.same(await profilesAfter('meta-delete', ['urn:profile:c', 'urn:profile:a']), ['urn:profile:b'])
})

t.test('of many labels the named ones are removed, each looked at once', async t => {
  const profiles = (name: string) => Array.from({ length: 60_000 }, (_, index) => `urn:${name}:${index}`)
  const body = { resourceType: 'Patient', meta: { profile: profiles('a') } }
  const { id } = (await send('POST', 'Patient', body)).json()
  const kept = await change('meta-delete', id, { profile: [...profiles('b'), 'urn:a:7'] })
  t.equal(kept.statusCode, 200)
  t.same(kept.json().parameter[0].valueMeta.profile, profiles('a').toSpliced(7, 1))
})

t.test('labels are only changed on what may be updated, and only if they are labels', async t => {
  t.equal((await change('meta-add', patient.id, { tag: [tag('x')] }, 'reader')).statusCode, 403)
  t.equal((await change('meta-add', 'nobody', { tag: [tag('x')] })).statusCode, 404)
  const wrong = await change('meta-add', patient.id, { versionId: '2' })
  t.equal(wrong.statusCode, 400)
  t.match(wrong.json().issue[0].diagnostics, /valueMeta with profile, tag or security/)
  t.equal((await change('meta-add', patient.id, { tag: [{ system: '' }] })).statusCode, 422)
  const part = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }
  const asPart = await change('meta-add', patient.id, { tag: [part] })
  t.match(
    [asPart.statusCode, asPart.json().issue[0].diagnostics],
    [422, /This is a part of a resource/],
    'as any write',
  )
  const right = { name: 'meta', valueMeta: { tag: [tag('x')] } }
  for (const [said, parameter] of [
    [/valueMeta with profile, tag or security/, undefined],
    [/"meta" takes a valueMeta here/, [{ name: 'meta', valueString: 'x' }]],
    [/"meta" is given more than once/, [right, right]],
    [/\$meta-\w+ has no parameter "tag"; it has: meta/, [right, { name: 'tag', valueCode: 'x' }]],
    [/expected an object \(Coding\), found a string/, [{ name: 'meta', valueMeta: { tag: [tag('x'), 'x'] } }]],
    [/expected a canonical URL/, [{ name: 'meta', valueMeta: { tag: [tag('x')], profile: [{}] } }]],
  ] as const)
    for (const name of ['meta-add', 'meta-delete']) {
      const url = `Patient/${patient.id}/$${name}`
      const answer = await send('POST', url, { resourceType: 'Parameters', parameter })
      t.match([answer.statusCode, answer.json().issue[0].diagnostics], [400, said], name)
    }
  t.same(await valueMeta(`Patient/${patient.id}/$meta`), patient.meta)
})

t.test('$meta of a type needs a scope to search it', async t => {
  t.equal((await send('GET', 'Patient/$meta', undefined, 'reader')).statusCode, 403)
  t.equal((await send('GET', `Patient/${patient.id}/$meta`, undefined, 'reader')).statusCode, 200)
})

t.test('an operation in a Bundle is carried out like any other entry', async t => {
  const entry = [{ request: { method: 'GET', url: `Patient/${patient.id}/$meta` } }]
  for (const type of ['batch', 'transaction']) {
    const answer = (await send('POST', '', { resourceType: 'Bundle', type, entry })).json()
    t.match(answer.entry, [{ resource: { resourceType: 'Parameters' }, response: { status: '200 OK' } }], type)
  }
})
