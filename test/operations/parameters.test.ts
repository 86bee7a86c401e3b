import t from 'tap'
import { operations } from '../../src/operations/operations.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const post = async (url: string, parameter: readonly unknown[], bearer = 'everything') => {
  const answer = await server.inject({
    method: 'POST',
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
    payload: JSON.stringify({ resourceType: 'Parameters', parameter }),
  })
  return { status: answer.statusCode, issue: answer.json().issue?.[0] }
}

await server.inject({
  method: 'PUT',
  url: '/fhir/Patient/ann',
  headers: { authorization: 'Bearer everything' },
  payload: { resourceType: 'Patient', id: 'ann' },
})

const genders = { name: 'url', valueUri: 'http://hl7.org/fhir/ValueSet/administrative-gender' }
const average = [
  { name: 'subject', valueUri: 'Patient/ann' },
  { name: 'statistic', valueCode: 'average' },
]
const heartRate = { name: 'coding', valueCoding: { system: 'http://loinc.org', code: '8867-4' } }

t.test('every operation refuses parameters that R4 does not have', async t => {
  const posted = operations.filter(({ methods, takesBundle }) => methods.includes('POST') && !takesBundle)
  t.ok(posted.length >= 20, `${posted.length} operations`)
  for (const { name, at, types } of posted) {
    const type = types === 'all' ? 'Patient' : types[0]
    const place = at.system ? '' : at.type ? `${type}/` : `${type}/ann/`
    const { status, issue } = await post(`${place}$${name}`, [{ name: 'x', valueCoding: 5 }])
    t.match({ status, issue }, { status: 400, issue: { code: 'structure' } }, `${place}$${name}`)
    t.match(issue?.expression, ['Parameters.parameter[0].value'], `${place}$${name}`)
  }
})

t.test('a value of another type than its parameter has is refused, and not ignored', async t => {
  const validateCode = 'ValueSet/$validate-code'
  const stats = 'Observation/$stats'
  for (const [url, parameter, said] of [
    [validateCode, [genders, { name: 'coding', valueCoding: null }], /Parameters.parameter\[1\]/],
    [validateCode, [genders, { name: 'coding', valueCoding: { code: 5 } }], /\[1\].value.code/],
    [validateCode, [genders, { name: 'coding', valueCoding: { code: 'male', display: 5 } }], /\[1\].value.display/],
    [validateCode, [genders, { name: 'codeableConcept', valueCodeableConcept: { coding: 5 } }], /\[1\].value.coding/],
    [
      validateCode,
      [genders, { name: 'codeableConcept', valueCodeableConcept: { coding: 'abc' } }],
      /\[1\].value.coding/,
    ],
    [
      validateCode,
      [genders, { name: 'codeableConcept', valueCodeableConcept: { coding: [null] } }],
      /\[1\].value.coding/,
    ],
    [validateCode, [genders, { name: 'coding', valueString: 'male' }], /"coding" takes a valueCoding here/],
    [validateCode, [genders, { name: 'coding', valueCoding: { display: 'Male' } }], /Say which code is meant/],
    [stats, [...average, { name: 'coding', valueCoding: null }], /Parameters.parameter\[2\]/],
    [stats, [...average, { name: 'coding', valueString: '8867-4' }], /"coding" takes a valueCoding here/],
    [stats, [...average, heartRate, { name: 'period', valuePeriod: 5 }], /\[3\].value/],
    [stats, [...average, heartRate, { name: 'period', valueString: '2026' }], /"period" takes a valuePeriod here/],
    [
      stats,
      [...average, heartRate, ...['2025', '2026'].map(start => ({ name: 'period', valuePeriod: { start } }))],
      /"period" is given more than once/,
    ],
  ] as const) {
    const { status, issue } = await post(url, parameter)
    t.ok([400, 422].includes(status), `${status} ${JSON.stringify(parameter)}`)
    t.match(`${issue?.expression} ${issue?.diagnostics}`, said, JSON.stringify(parameter))
  }
})

t.test(
  'a primitive value of another type is refused, with the name of the parameter and the type that it takes',
  async t => {
    const [flag, number] = [{ valueBoolean: true }, { valueInteger: 5 }]
    const [words, day] = [{ valueString: '5' }, { valueDate: '2026-03-01' }]
    const [text, whole] = ['valueString, valueCode or valueUri', 'valueInteger, valuePositiveInt or valueUnsignedInt']
    const date = 'valueDate, valueDateTime or valueInstant'
    const summary = {
      subject: [flag, text],
      start: [words, date],
      end: [number, date],
      timezone: [flag, text],
    } as const
    const wrong: Readonly<Record<string, Readonly<Record<string, readonly [object, string]>>>> = {
      'Observation/$cgm-summary': { ...summary, code: [flag, text], unit: [number, text] },
      'Observation/$daily-summary': { ...summary, code: [number, text] },
      'Observation/$glucose-profile': { ...summary, unit: [flag, text] },
      'Observation/$series': { ...summary, points: [words, whole], step: [flag, text], at: [flag, text] },
      'Observation/$completeness': { ...summary, study: [flag, text], most: [words, whole] },
      'Observation/ann/$points': {
        start: [words, date],
        end: [flag, date],
        _count: [words, whole],
        _offset: [flag, whole],
      },
      'Observation/$lastn': { max: [words, whole], code: [flag, text] },
      'Observation/$stats': {
        subject: [number, text],
        code: [flag, text],
        duration: [words, 'valueDecimal, valueInteger or valuePositiveInt'],
        statistic: [flag, text],
        include: [words, 'valueBoolean'],
        limit: [flag, whole],
      },
      'Patient/ann/$everything': {
        start: [words, date],
        _since: [flag, date],
        _type: [number, text],
        _count: [words, whole],
      },
      'Group/ann/$everything': { end: [flag, date], _pretty: [words, 'valueBoolean'] },
      'ValueSet/$expand': {
        url: [flag, text],
        filter: [number, text],
        offset: [words, whole],
        activeOnly: [words, 'valueBoolean'],
      },
      'ValueSet/$validate-code': {
        url: [flag, text],
        code: [flag, text],
        system: [day, text],
        display: [number, text],
      },
      'CodeSystem/$validate-code': { url: [day, text], code: [number, text], version: [number, text] },
      'Patient/$validate': { mode: [flag, text], profile: [day, text] },
      'Subscription/$status': { id: [number, text], status: [flag, text] },
      'Subscription/ann/$events': {
        eventsSinceNumber: [flag, 'valueString, valueInteger or valuePositiveInt'],
        content: [number, text],
      },
      'Subscription/$get-ws-binding-token': { id: [flag, text] },
    }
    for (const [url, parameters] of Object.entries(wrong))
      for (const [name, [value, taken]] of Object.entries(parameters)) {
        const [given] = Object.keys(value)
        t.has(
          await post(url, [{ name, ...value }]),
          {
            status: 400,
            issue: {
              code: 'invalid',
              diagnostics: `"${name}" takes a ${taken} here, not a ${given}`,
              expression: [`Parameters.parameter('${name}')`],
            },
          },
          `${url} ${name}`,
        )
      }
  },
)

t.test('types that are written alike are taken for each other, and so is a number of an event as text', async t => {
  t.match(
    await post('Observation/$lastn', [
      { name: 'max', valueInteger: 1 },
      { name: 'patient', valueUri: 'Patient/ann' },
      { name: 'date', valueDate: '2026-03-01' },
    ]),
    { status: 200 },
  )
  t.match(await post('Patient/ann/$everything', [{ name: '_since', valueDate: '2026-03-01' }]), { status: 200 })
  t.match(
    await post('ValueSet/$expand', [
      { ...genders, name: 'url' },
      { name: 'count', valueUnsignedInt: 1 },
    ]),
    {
      status: 200,
    },
  )
  const asked = [{ name: 'eventsSinceNumber', valueString: '1' }]
  t.match(await post('Subscription/ann/$events', asked), { status: 404 })
})

t.test('what may be given once, and is a resource or a Meta, is refused twice and as anything else', async t => {
  const [resource, tag] = [{ resourceType: 'Patient' }, { system: 'urn:tags', code: 'a' }]
  const [valueSet, meta] = [{ resourceType: 'ValueSet', status: 'active' }, { valueMeta: { tag: [tag] } }]
  for (const [url, given, said] of [
    ['Patient/$validate', { name: 'resource', resource }, 'resource'],
    ['ValueSet/$expand', { name: 'valueSet', resource: valueSet }, 'resource'],
    ['Patient/ann/$meta-add', { name: 'meta', ...meta }, 'valueMeta'],
    ['Patient/ann/$meta-delete', { name: 'meta', ...meta }, 'valueMeta'],
  ] as const) {
    const { name } = given
    const twice = { status: 400, issue: { diagnostics: `"${name}" is given more than once`, expression: [name] } }
    t.match(await post(url, [given, given]), twice, url)
    const other = { status: 400, issue: { diagnostics: `"${name}" takes a ${said} here` } }
    t.match(await post(url, [{ name, valueString: 'x' }]), other, url)
  }
})

t.test('an operation without parameters of its own refuses all others, in the URL and posted', async t => {
  const tags = { name: 'meta', valueMeta: { tag: [{ system: 'urn:tags', code: 'a' }] } }
  const said = (operation: string, has = 'it has none') => ({
    status: 400,
    issue: { diagnostics: `$${operation} has no parameter "x"; ${has}`, expression: ['x'] },
  })
  const extra = { name: 'x', valueString: 'y' }
  for (const place of ['', 'Patient/', 'Patient/ann/']) {
    t.match(await post(`${place}$meta`, [extra]), said('meta'))
    t.match(await post(`${place}$meta?x=y`, []), said('meta'))
    t.match(await post(`${place}$meta?_format=json`, []), { status: 200 })
  }
  for (const name of ['meta-add', 'meta-delete']) {
    t.match(await post(`Patient/ann/$${name}`, [tags, extra]), said(name, 'it has: meta'))
    t.match(await post(`Patient/ann/$${name}?x=y`, [tags]), said(name, 'it has: meta'))
  }
  const payload = { resourceType: 'Bundle', type: 'transaction' }
  const headers = { authorization: 'Bearer everything' }
  const answer = await server.inject({ method: 'POST', url: '/fhir/$submit-cgm-bundle?x=y', headers, payload })
  t.match({ status: answer.statusCode, issue: answer.json().issue[0] }, said('submit-cgm-bundle', 'it has: resource'))
})

t.test('a parameter that can only be posted is refused in a URL with where it belongs', async t => {
  for (const [url, name] of [
    ['ValueSet/$validate-code', 'coding'],
    ['CodeSystem/$validate-code', 'codeableConcept'],
    ['ValueSet/$expand', 'valueSet'],
    ['Observation/$stats', 'period'],
    ['Patient/$validate', 'resource'],
  ] as const) {
    const answer = await server.inject({
      url: `/fhir/${url}?${name}=x`,
      headers: { authorization: 'Bearer everything' },
    })
    t.match(
      [answer.statusCode, answer.json().issue],
      [400, [{ diagnostics: `"${name}" is no primitive value: post it in a Parameters`, expression: [name] }]],
    )
  }
})

t.test('a resource among the parameters is judged by the operation that takes it', async t => {
  const resource = { resourceType: 'Patient', gender: 5 }
  t.match(await post('Patient/$validate', [{ name: 'resource', resource }]), {
    status: 200,
    issue: { severity: 'error', expression: ['Patient.gender'] },
  })
  t.match(
    await post('Patient/$validate', [
      { name: 'resource', resource },
      { name: 'mode', valueCode: 5 },
    ]),
    {
      status: 422,
      issue: { expression: ['Parameters.parameter[1].value'] },
    },
  )
  t.match(await post('Parameters/$validate', [{ name: 'x', valueCode: 5 }]), {
    status: 200,
    issue: { severity: 'error', expression: ['Parameters.parameter[0].value'] },
  })
  const valueSet = { resourceType: 'ValueSet', status: 'active', compose: 'x' }
  t.match(await post('ValueSet/$expand', [{ name: 'valueSet', resource: valueSet }]), {
    status: 400,
    issue: { expression: ['ValueSet.compose'] },
  })
  t.match(await post('Patient/ann/$meta', []), { status: 200 }, 'no parameters')
})
