import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants({ PHONE_COUNTRY: 'CH' })
const { server, database, people, lab, create, send } = world
t.teardown(() => server.close())

const person = {
  given: '',
  family: 'Meier',
  birthDate: '1970-05-31',
  identifiers: '',
  email: '',
  gender: '',
  language: '',
}
const register = (mobile: string, family = person.family) =>
  people.member.send('/patients/new', { ...person, family, mobile }, '/patients/new')
const recordOf = async (id: string): Promise<Patient> => (await send('everything', 'GET', `Patient/${id}`)).json()
const mobilesOf = async (id: string) => (await recordOf(id)).telecom?.map(({ value }) => value)
const idIn = (location = '') => location.split(/[/?]/)[2] ?? ''
const recorded = async (value: string) =>
  (
    await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family: 'Elsewhere' }],
      birthDate: '1970-05-31',
      telecom: [{ system: 'phone', use: 'mobile', value }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
  ).id
const unsent = 'No text messages go there: it lacks its country code, or has too few or too many digits.'

t.test('a number as it is dialled there is stored with its country code, and shown in groups', async t => {
  const made = await register('079 123 45 67')
  const id = idIn(made.location)
  t.same(await mobilesOf(id), ['+41791234567'])
  const shown = wordsOf(await people.member.get(`/patients/${id}`))
  t.match(shown, 'Phone +41 79 123 45 67')
  t.notMatch(shown, unsent)
})

t.test('a number that cannot be one there is refused with an example of each way', async t => {
  for (const mobile of ['079 123 45 6', '07700 900123']) {
    const refused = await register(mobile)
    t.match(
      [refused.status, wordsOf(refused)],
      [
        422,
        'Enter the mobile number with its country code, such as +41 78 123 45 67, or as it is dialled within the country (Switzerland), such as 078 123 45 67',
      ],
      mobile,
    )
  }
  t.match(wordsOf(await register('+44 7700 90012')), 'with its country code, such as +44 7400 123456, or as it')
})

t.test('in a list of patients it is read in the same way', async t => {
  const content = 'family,birth_date,mobile\nBlanc,1970-05-31,079 123 45 68\nNoir,1970-05-31,079 123 45 6\n'
  const file = { field: 'file', name: 'p.csv', content }
  const { location = '' } = await people.member.sendFile('/patients/imports', file, '/patients/imports')
  const lines = await database.any(sql.fragment`
    SELECT patient -> 'telecom' AS telecom, problems FROM patient_import_line WHERE import = ${location.split('/')[3] ?? ''} ORDER BY line`)
  t.match(lines, [
    { telecom: [{ value: '+41791234568' }], problems: null },
    {
      telecom: null,
      problems: { mobile: /^“079 123 45 6”\. Enter the mobile number .* dialled within the country \(Switzerland\)/ },
    },
  ])
})

t.test('patients are found by it, however the record has it', async t => {
  const ids = [
    idIn((await register('+41 76 123 45 67', 'Found')).location),
    await recorded('+41 76 123 45 67'),
    await recorded('+410761234567'),
    await recorded('076 123 45 67'),
  ]
  const body = (await people.member.get(`/patients?mobile=${encodeURIComponent('076 123 45 67')}`)).body
  const found = [...new Set([...body.matchAll(/href="\/patients\/([\w-]{30,})/g)].map(([, id]) => id))]
  t.same(found.toSorted(), ids.toSorted())
  t.match(
    wordsOf(await people.member.get('/patients?mobile=076')),
    'Enter the mobile number with its country code, such as +41',
  )
})

t.test(
  'a number of a record from elsewhere is of no country, is not sent to, and stays while it is not changed',
  async t => {
    const id = await recorded('079 123 45 67')
    t.match(wordsOf(await people.member.get(`/patients/${id}`)), `Phone 079 123 45 67 ${unsent}`)
    const page = `/patients/${id}/change`
    const elsewhere = { family: 'Elsewhere', birthDate: '1970-05-31' }
    t.match(await people.member.send(page, { ...elsewhere, mobile: '079 123 45 67', language: 'es' }), { status: 303 })
    t.same(await mobilesOf(id), ['079 123 45 67'])
    t.match(await people.member.send(page, { ...elsewhere, mobile: '0791234567' }), { status: 303 })
    t.same(await mobilesOf(id), ['+41791234567'], 'whoever types it says that it is of here')
  },
)
