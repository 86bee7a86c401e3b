import type { OperationDefinition } from '@medplum/fhirtypes'
import t from 'tap'
import { readDefinitions } from '../../src/fhir/definition/definition-file.ts'
import { operations } from '../../src/operations/operations.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const send = async (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, bearer = 'everything') => {
  const answer = await server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}` },
    ...(payload === undefined ? {} : { payload }),
  })
  return { status: answer.statusCode, body: answer.json() }
}

const colours = 'http://x.example/colours'
await send('PUT', 'CodeSystem/colours', {
  resourceType: 'CodeSystem',
  id: 'colours',
  status: 'active',
  content: 'complete',
  url: colours,
  version: '2',
  concept: [
    { code: 'red', display: 'Red', concept: [{ code: 'crimson', display: 'Crimson red' }] },
    { code: 'blue', display: 'Blue' },
  ],
})
const reds = {
  resourceType: 'ValueSet',
  id: 'reds',
  status: 'active',
  url: 'http://x.example/reds',
  compose: { include: [{ system: colours, filter: [{ property: 'concept', op: 'is-a', value: 'red' }] }] },
}
await send('PUT', 'ValueSet/reds', reds)

const red = { system: colours, code: 'red', display: 'Red' }
const crimson = { system: colours, code: 'crimson', display: 'Crimson red' }

t.test('$expand lists the codes of a stored value set, a posted one, or one of R4', async t => {
  const contains = async (url: string, body?: object) =>
    (await send(body === undefined ? 'GET' : 'POST', url, body)).body.expansion.contains
  t.same(await contains('ValueSet/reds/$expand'), [red, crimson])
  t.same(await contains(`ValueSet/$expand?url=${reds.url}`), [red, crimson])
  t.same(await contains(`ValueSet/reds/$expand?url=${reds.url}`), [red, crimson], 'named twice')
  const parameter = [{ name: 'valueSet', resource: { ...reds, url: 'urn:posted' } }]
  t.same(await contains('ValueSet/$expand', { resourceType: 'Parameters', parameter }), [red, crimson])
  t.same(await contains('ValueSet/$expand', { ...reds, url: 'urn:posted' }), [red, crimson], 'as the body itself')
  t.same(await contains('ValueSet/$expand?count=1', { ...reds, url: 'urn:posted' }), [red])
  const posted = await send('POST', `ValueSet/$validate-code?code=blue&system=${colours}`, reds)
  t.match(posted.body.parameter, [{ name: 'result', valueBoolean: false }])
  const genders = await contains('ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender')
  t.same(
    genders.map(({ code }: { code: string }) => code),
    ['male', 'female', 'other', 'unknown'],
  )
})

t.test('each filter of a value set takes the codes that it says', async t => {
  const system = 'urn:test:letters'
  await send('PUT', 'CodeSystem/letters', {
    resourceType: 'CodeSystem',
    id: 'letters',
    status: 'active',
    content: 'complete',
    url: system,
    concept: [
      {
        code: 'A',
        display: 'Alpha',
        concept: [
          { code: 'B', concept: [{ code: 'C' }] },
          { code: 'D', display: 'Delta', property: [{ code: 'inactive', valueBoolean: true }] },
        ],
      },
      { code: 'E', property: [{ code: 'parent', valueCode: 'D' }] },
      { code: 'F', property: [{ code: 'child', valueCode: 'G' }] },
      { code: 'G' },
    ],
  })
  const codesOf = async (property: string, op: string, value: string): Promise<string> => {
    const include = [{ system, filter: [{ property, op, value }] }]
    const posted = { resourceType: 'ValueSet', status: 'active', compose: { include } }
    const { expansion } = (await send('POST', 'ValueSet/$expand', posted)).body
    return (expansion.contains ?? []).map(({ code }: { code: string }) => code).join('')
  }
  for (const [property, op, value, codes] of [
    ['concept', 'is-a', 'A', 'ABCDE'],
    ['concept', 'is-a', 'F', 'FG'],
    ['concept', 'is-a', 'unknown', ''],
    ['concept', 'descendent-of', 'A', 'BCDE'],
    ['concept', 'is-not-a', 'B', 'ADEFG'],
    ['concept', 'generalizes', 'C', 'ABC'],
    ['concept', '=', 'B', 'B'],
    ['code', 'in', 'A, C', 'AC'],
    ['code', 'not-in', 'A,C', 'BDEFG'],
    ['display', '=', 'Delta', 'D'],
    ['display', 'exists', 'true', 'AD'],
    ['parent', '=', 'D', 'E'],
    ['parent', '=', 'A', 'BD'],
    ['parent', 'exists', 'true', 'BCDEG'],
    ['inactive', '=', 'true', 'D'],
    ['inactive', 'exists', 'false', 'ABCEFG'],
  ] as const)
    t.equal(await codesOf(property, op, value), codes, `${property} ${op} ${value}`)
})

t.test('concepts may have properties that are decimals', async t => {
  const text = `{"resourceType":"CodeSystem","status":"active","content":"complete","url":"urn:test:weights","concept":[
    {"code":"light","property":[{"code":"weight","valueDecimal":1.10},{"code":"of","valueCoding":{"code":"things"}}]}]}`
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir/CodeSystem/$validate-code?code=light',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: text,
  })
  t.match([answer.statusCode, answer.json().parameter], [200, [{ name: 'result', valueBoolean: true }]])
})

t.test('$expand returns the requested part, and the total', async t => {
  const { body } = await send('GET', 'ValueSet/reds/$expand?filter=RED&offset=1&count=1')
  t.match(body, { resourceType: 'ValueSet', expansion: { total: 2, offset: 1, contains: [crimson] } })
  t.equal(body.compose, undefined)
  t.same(body.expansion.parameter, [
    { name: 'filter', valueString: 'RED' },
    { name: 'offset', valueInteger: 1 },
    { name: 'count', valueInteger: 1 },
  ])
  t.notOk('parameter' in (await send('GET', 'ValueSet/reds/$expand')).body.expansion)
  t.same((await send('GET', 'ValueSet/reds/$expand?filter=crimson red')).body.expansion.contains, [crimson])
  for (const none of ['count=0', 'offset=2', 'filter=blue', 'filter=crimson blue'])
    t.notOk('contains' in (await send('GET', `ValueSet/reds/$expand?${none}`)).body.expansion, none)
  t.match((await send('GET', 'ValueSet/reds/$expand?filter=crim')).body.expansion, { total: 1 })
})

const shades = 'http://x.example/shades'
const darkGreen = { language: 'de-AT', value: 'Dunkelgrün' }
await send('PUT', 'CodeSystem/shades', {
  resourceType: 'CodeSystem',
  id: 'shades',
  status: 'active',
  content: 'complete',
  url: shades,
  concept: [
    { code: 'dark', display: 'Dark green', designation: [{ language: 'fr', value: 'Vert foncé' }, darkGreen] },
    { code: 'puce', display: 'Puce', property: [{ code: 'inactive', valueBoolean: true }] },
    { code: 'teal', display: 'Teal', property: [{ code: 'status', valueCode: 'retired' }] },
    { code: 'any', display: 'Any shade', property: [{ code: 'notSelectable', valueBoolean: true }] },
  ],
})
const compose = { include: [{ system: colours }, { system: shades }] }
await send('PUT', 'ValueSet/all', { resourceType: 'ValueSet', id: 'all', status: 'active', url: 'urn:all', compose })
const expandAll = async (query: string) => (await send('GET', `ValueSet/all/$expand?${query}`)).body
const codesOf = ({ expansion }: { expansion: { contains: readonly { code: string }[] } }) =>
  expansion.contains.map(({ code }) => code).join(' ')

t.test('$expand accepts parameters that ask for what it does: a flat list of codes to choose', async t => {
  const whole = await expandAll('')
  t.equal(codesOf(whole), 'red crimson blue dark puce teal')
  for (const name of [
    'excludeNested',
    'excludeNotForUI',
    'excludePostCoordinated',
    'includeDesignations',
    'activeOnly',
  ]) {
    for (const value of name === 'activeOnly' || name === 'includeDesignations' ? ['false'] : ['true', 'false']) {
      const { expansion } = await expandAll(`${name}=${value}`)
      t.same(expansion.contains, whole.expansion.contains, `${name}=${value}`)
      t.same(expansion.parameter, [{ name, valueBoolean: value === 'true' }])
    }
  }
  const { status, body } = await send('GET', 'ValueSet/all/$expand?excludeNested=1')
  t.match([status, body.issue[0].diagnostics], [400, 'excludeNested is true or false, not "1"'])
})

t.test('$expand leaves out inactive codes, or those of a code system, if asked to', async t => {
  t.equal(codesOf(await expandAll('activeOnly=true')), 'red crimson blue dark')
  t.equal(codesOf(await expandAll(`exclude-system=${shades}`)), 'red crimson blue')
  const resource = {
    ...reds,
    compose: {
      include: [{ system: 'http://loinc.org' }, { system: shades, concept: [{ code: 'puce' }, { code: 'dark' }] }],
    },
  }
  const posted = (query: string) => send('POST', `ValueSet/$expand?${query}`, resource)
  t.match((await posted('activeOnly=true')).body.issue, [{ diagnostics: /loinc.org is not held here/ }])
  t.equal(codesOf((await posted('exclude-system=http://loinc.org&activeOnly=true')).body), 'dark')
  const { status, body } = await posted(`exclude-system=${shades}|1`)
  t.match([status, body.issue[0].diagnostics], [400, /name it without "\|"/])
  const named = { ...reds, compose: { include: [{ system: 'http://loinc.org', concept: [{ code: '8867-4' }] }] } }
  const unknown = await send('POST', 'ValueSet/$expand?activeOnly=true', named)
  t.match(
    [unknown.status, unknown.body.issue[0].diagnostics],
    [400, /Which codes of http:\/\/loinc.org are active is not/],
  )
})

t.test('a value set that excludes inactive codes has none of them', async t => {
  const codes = async (inactive: boolean | undefined, include: readonly object[]) => {
    const resource = { ...reds, url: 'urn:posted', compose: { inactive, include } }
    return codesOf((await send('POST', 'ValueSet/$expand', resource)).body)
  }
  t.equal(await codes(undefined, [{ system: shades }]), 'dark puce teal')
  t.equal(await codes(true, [{ system: shades }]), 'dark puce teal')
  t.equal(await codes(false, [{ system: shades }]), 'dark')
  const named = [{ system: shades, concept: [{ code: 'puce' }, { code: 'dark' }] }]
  t.equal(await codes(false, [...named, { system: 'http://loinc.org', concept: [{ code: '8867-4' }] }]), 'dark 8867-4')
})

t.test('$expand can add designations, another language, and the value set’s definition', async t => {
  const dark = async (query: string) =>
    (await expandAll(query)).expansion.contains.find(({ code }: { code: string }) => code === 'dark')
  t.same((await dark('includeDesignations=true')).designation, [{ language: 'fr', value: 'Vert foncé' }, darkGreen])
  t.same((await expandAll('includeDesignations=true')).expansion.contains[0], red, 'which has none')
  t.same((await expandAll('displayLanguage=it')).expansion.parameter, [{ name: 'displayLanguage', valueCode: 'it' }])
  t.equal((await dark('displayLanguage=de')).display, 'Dunkelgrün')
  t.equal((await dark('displayLanguage=fr-CH')).display, 'Vert foncé')
  t.equal((await dark('displayLanguage=it')).display, 'Dark green')
  t.equal(codesOf(await expandAll('displayLanguage=de&filter=dunkel')), 'dark')
  t.same((await expandAll('includeDefinition=true')).compose, compose)
  t.equal((await expandAll('includeDefinition=false')).compose, undefined)
})

t.test('$validate-code says whether a code is in it, and its display', async t => {
  const result = async (url: string, body?: object) =>
    (await send(body === undefined ? 'GET' : 'POST', url, body)).body.parameter
  const inReds = `ValueSet/$validate-code?url=${reds.url}`
  const right = [
    { name: 'result', valueBoolean: true },
    { name: 'display', valueString: 'Red' },
  ]
  t.same(await result(`${inReds}&system=${colours}&code=red`), right)
  t.same(await result('ValueSet/reds/$validate-code?code=red&display=red'), right)
  t.same(await result(`${inReds}&system=${colours}&code=blue`), [
    { name: 'result', valueBoolean: false },
    { name: 'message', valueString: `${colours}|blue is not in the value set ${reds.url}` },
  ])
  t.same(await result(`${inReds}&system=urn:other&code=red`), [
    { name: 'result', valueBoolean: false },
    { name: 'message', valueString: `urn:other|red is not in the value set ${reds.url}` },
  ])
  t.same(await result('CodeSystem/colours/$validate-code?code=red&display=Blue'), [
    { name: 'result', valueBoolean: false },
    { name: 'message', valueString: `The display of ${colours}|red is "Red"` },
    { name: 'display', valueString: 'Red' },
  ])
  const concept = {
    coding: [
      { system: 'urn:other', code: 'red' },
      { system: colours, code: 'red' },
    ],
  }
  const parameter = [
    { name: 'url', valueUri: reds.url },
    { name: 'codeableConcept', valueCodeableConcept: concept },
  ]
  t.same(await result('ValueSet/$validate-code', { resourceType: 'Parameters', parameter }), right)
})

t.test('a display is right in any language in which the code system has it', async t => {
  const judged = async (display: string, where: string) =>
    (await send('GET', `${where}/$validate-code?${new URLSearchParams({ code: 'dark', display })}`)).body.parameter
  for (const where of ['CodeSystem/shades', 'ValueSet/all']) {
    for (const right of ['Dark green', 'dunkelgrün', 'Vert foncé'])
      t.same(
        await judged(right, where),
        [
          { name: 'result', valueBoolean: true },
          { name: 'display', valueString: 'Dark green' },
        ],
        right,
      )
    t.same(await judged('Hellgrün', where), [
      { name: 'result', valueBoolean: false },
      {
        name: 'message',
        valueString: `The display of ${where === 'ValueSet/all' ? '' : `${shades}|`}dark is "Dark green"`,
      },
      { name: 'display', valueString: 'Dark green' },
    ])
  }
})

t.test('a code that is given in several ways is refused, since they may be different codes', async t => {
  const coding = { name: 'coding', valueCoding: { system: colours, code: 'red' } }
  const concept = { name: 'codeableConcept', valueCodeableConcept: { coding: [{ system: colours, code: 'blue' }] } }
  for (const parameter of [
    [coding, { name: 'code', valueCode: 'blue' }],
    [coding, concept],
    [coding, { ...coding, valueCoding: { system: colours, code: 'blue' } }],
    [concept, concept],
  ])
    for (const url of ['ValueSet/reds/$validate-code', 'CodeSystem/colours/$validate-code']) {
      const { status, body } = await send('POST', url, { resourceType: 'Parameters', parameter })
      t.equal(status, 400, url)
      t.match(body.issue?.[0].diagnostics, /Say in one way which code is meant: code/)
    }
})

t.test('what a value set includes is looked up once, and no more codes than are allowed for a search', async t => {
  const expand = async (include: object, count: number) => {
    const resource = {
      resourceType: 'ValueSet',
      status: 'draft',
      url: 'urn:many',
      compose: { include: Array(count).fill(include) },
    }
    const parameter = [{ name: 'valueSet', resource }]
    return send('POST', 'ValueSet/$expand', { resourceType: 'Parameters', parameter })
  }
  t.same((await expand({ valueSet: [reds.url] }, 20_000)).body.expansion?.contains, [red, crimson])
  t.same((await expand({ system: colours }, 20_000)).body.expansion?.total, 3)
  const large = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
  for (const [include, count] of [
    [{ system: large }, 20_000],
    [{ valueSet: ['http://terminology.hl7.org/ValueSet/v3-ActCode'] }, 20_000],
    [{ system: colours, concept: [{ code: 'red' }] }, 30_000],
  ] as const) {
    const { status, body } = await expand(include, count)
    t.equal(status, 400)
    t.match(body.issue, [{ code: 'too-costly', diagnostics: 'To list these codes takes more than 1000000 steps' }])
  }
})

t.test('the value sets of one search are limited in their number of codes', async t => {
  const codes = Array.from({ length: 2000 }, (_, index) => ({ code: `c${index}` }))
  const many = {
    ...reds,
    id: 'many',
    url: 'http://x.example/many',
    compose: { include: [{ system: 'urn:c', concept: codes }] },
  }
  t.equal((await send('PUT', 'ValueSet/many', many)).status, 201)
  const search = (times: number) => send('GET', `Observation?${`code:in=${many.url}&`.repeat(times)}`)
  t.equal((await search(25)).status, 200)
  const { status, body } = await search(26)
  t.equal(status, 400)
  t.match(body.issue, [{ code: 'too-costly', diagnostics: /at most 50000 codes in all/ }])
})

t.test('what cannot be answered is refused with the reason', async t => {
  const refusals: Readonly<Record<string, readonly [number, RegExp]>> = {
    'ValueSet/$expand': [400, /Say which one is meant by its url, or post a valueSet/],
    'ValueSet/$expand?url=http://x.example/none': [404, /The value set http:\/\/x.example\/none is not known here/],
    'ValueSet/none/$expand': [404, /not known/],
    'ValueSet/reds/$expand?url=http://x.example/blues': [
      400,
      /^url is "http:\/\/x.example\/blues", and the one that is asked about is http:\/\/x.example\/reds, version unknown$/,
    ],
    [`ValueSet/reds/$expand?url=${reds.url}|3`]: [400, /^url says version 3, and the one/],
    'ValueSet/reds/$validate-code?valueSetVersion=3&code=red': [400, /^valueSetVersion is "3", and the one/],
    [`CodeSystem/colours/$validate-code?url=${colours}&version=1&code=red`]: [
      400,
      /^version is "1", and .*, version 2$/,
    ],
    'ValueSet/reds/$expand?date=2020-01-01': [400, /\$expand has no parameter "date"/],
    'ValueSet/reds/$expand?count=x': [400, /count is a whole number, not "x"/],
    'ValueSet/reds/$expand?profile=x': [
      400,
      /\$expand has no parameter "profile"; it has: url, valueSetVersion, filter/,
    ],
    'ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/observation-codes': [400, /http:\/\/loinc.org is not held here/],
    'ValueSet/reds/$validate-code': [400, /Say which code is meant/],
    'ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender&valueSetVersion=3&code=male': [
      404,
      /administrative-gender\|3 is not known here/,
    ],
    'CodeSystem/$validate-code?url=http://loinc.org&code=1': [404, /http:\/\/loinc.org is not known here/],
    [`CodeSystem/$validate-code?url=${colours}&version=1&code=red`]: [404, /colours\|1 is not known here/],
    [`CodeSystem/$validate-code?url=${colours}|1&version=1&code=red`]: [404, /colours\|1 is not known here/],
    [`CodeSystem/$validate-code?url=${colours}|1&version=2&code=red`]: [400, /url says version 1, and version says 2/],
    'ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1&valueSetVersion=3': [
      400,
      /The url says version 4.0.1, and valueSetVersion says 3/,
    ],
  }
  for (const [url, [status, message]] of Object.entries(refusals)) {
    const answer = await send('GET', url)
    t.equal(answer.status, status, url)
    t.match(answer.body.issue?.[0].diagnostics ?? answer.body.issue?.[0].details?.text, message, url)
  }
  const posted = { resourceType: 'Parameters', parameter: [{ name: 'valueSet', resource: { ...reds, compose: 'x' } }] }
  t.equal((await send('POST', 'ValueSet/$expand', posted)).status, 400)
})

t.test('the documentation of an operation names each parameter of its R4 definition that is refused', async t => {
  const definitions = new Map(
    [...readDefinitions<OperationDefinition & { url: string }>('profiles-resources.json', ['OperationDefinition'])].map(
      one => [one.url, one.parameter ?? []],
    ),
  )
  const ofCodes = operations.filter(({ types }) => types.includes('ValueSet') || types.includes('CodeSystem'))
  t.equal(ofCodes.length, 3)
  for (const { name, types, definition, documentation } of ofCodes) {
    const taken = definitions.get(definition)?.filter(({ use }) => use === 'in') ?? []
    t.not(taken.length, 0, definition)
    const refusals = documentation
      .split('. ')
      .filter(sentence => sentence.includes('refused'))
      .join(' ')
    for (const parameter of taken) {
      const { body } = await send('GET', `${types[0]}/$${name}?${parameter.name}=x`)
      if (!body.issue[0].diagnostics.includes(`has no parameter "${parameter.name}"`)) continue
      t.match(refusals, new RegExp(`(^|[ ,])${parameter.name}([ ,;]|$)`), `${types[0]}/$${name}: ${parameter.name}`)
    }
  }
})
