import t from 'tap'
import { fetchLaunchedPatient } from '../../../src/auth/ehr/launched-patient.ts'

const issuer = 'https://ehr.example.org/fhir'
const asked: unknown[] = []
const fetched = (otherwise: object, { id = 'p1', status = 200 } = {}) =>
  fetchLaunchedPatient(
    {
      send: async request => {
        asked.push(request)
        return { status, body: JSON.stringify({ resourceType: 'Patient', id, ...otherwise }), header: () => undefined }
      },
    },
    { issuer, id, accessToken: 'token' },
  )
const identifier = [{ system: `${issuer}/Patient`, value: 'p1' }]
const nobody = { resourceType: 'Patient' as const, identifier }

t.test('only name, birth date, gender and the id at the EHR are taken of the Patient of a launch', async t => {
  const known = {
    name: [{ use: 'official' as const, text: 'Chidi Abara', family: 'Abara', given: ['Chidi', 'A.'] }],
    gender: 'male' as const,
    birthDate: '1984-05',
  }
  const more = { identifier: [{ system: 'https://mrn.example.org', value: '7' }], link: [{}], active: false }
  t.strictSame(await fetched({ ...known, ...more }), { ...nobody, ...known })
  t.strictSame(asked, [
    {
      url: `${issuer}/Patient/p1`,
      method: 'GET',
      headers: { accept: 'application/fhir+json', authorization: 'Bearer token' },
    },
  ])
})

t.test('each gender of FHIR and each use of a name is kept', async t => {
  for (const gender of ['male', 'female', 'other', 'unknown'] as const)
    t.strictSame(await fetched({ gender }), { ...nobody, gender })
  for (const use of ['usual', 'official', 'temp', 'nickname', 'anonymous', 'old', 'maiden'] as const) {
    const name = [{ use, text: 'Chidi' }]
    t.strictSame((await fetched({ name })).name, name)
  }
})

t.test('an invalid name, gender or date is left out', async t => {
  t.strictSame(await fetched({ name: 'Chidi', gender: 'm', birthDate: 1984 }), nobody)
  for (const birthDate of ['1984-02-30', '1984-13', '05/06/1984', '1984-05-06T00:00:00Z', ['1984']])
    t.strictSame(await fetched({ birthDate }), nobody, `${birthDate}`)
  const wrong = { use: 'nick', text: ' ', family: 'x'.repeat(201), given: [7, ''], prefix: ['Dr'] }
  t.strictSame(await fetched({ name: [wrong, null, 'Chidi', ['Chidi']] }), nobody, 'nor is an empty name saved')
  t.strictSame(await fetched({ name: [{ given: ['Chidi', 7] }] }), { ...nobody, name: [{ given: ['Chidi'] }] })
  const many = Array.from({ length: 7 }, (_, at) => ({ text: `Name ${at}` }))
  t.strictSame((await fetched({ name: many })).name, many.slice(0, 5))
})

t.test('a Patient with another id is nobody, and a path is not requested', async t => {
  const other = { message: /something else than the Patient of the launch/ }
  for (const otherwise of [{ id: 'p2' }, { resourceType: 'Person' }]) await t.rejects(fetched(otherwise), other)
  await t.rejects(fetched({}, { status: 404 }), { message: /answered 404/ })
  const before = asked.length
  for (const id of ['', '../Practitioner/x', 'p1?_format=xml', 'p'.repeat(65), 'p1\n'])
    await t.rejects(fetched({}, { id }), { message: /names no id of a Patient/ }, id)
  t.equal(asked.length, before)
})
