import type { Patient, Person } from '@medplum/fhirtypes'
import t from 'tap'
import { isAnotherHuman } from '../../../src/storage/study/another-human.ts'
import * as w from '../model/world.ts'

const { database, importer, put, close } = await w.openWorld()
t.teardown(close)

const born = (id: string, birthDate?: string): Patient => ({
  ...(w.registered(id, 'lab') as Patient),
  ...(birthDate === undefined ? {} : { birthDate }),
})
const account = (id: string, ...patients: readonly string[]): Person => ({
  resourceType: 'Person',
  id,
  link: patients.map(one => ({ target: { reference: `Patient/${one}` } })),
})
const isAnother = (person: string, patient: string) => isAnotherHuman(database, { person, patient })

await put(
  w.organization('lab'),
  born('father', '1950-01-02'),
  born('son', '1980-05-06'),
  born('son-elsewhere', '1980-05-06'),
  born('of-a-year', '1980'),
  born('of-a-month', '1980-05'),
  born('of-no-day'),
  account('of-nobody'),
  account('of-son', 'son'),
  account('of-unknown', 'of-a-year', 'of-a-month', 'of-no-day'),
)

t.test('records with two birth dates are of two humans, and records with one are not', async t => {
  t.equal(await isAnother('of-son', 'father'), true)
  t.equal(await isAnother('of-son', 'son-elsewhere'), false)
  t.equal(await isAnother('of-son', 'nothing-of-the-kind'), false)
  t.equal(await isAnother('of-nobody', 'father'), false)
})

t.test('a year, a month or no birth date distinguishes nobody', async t => {
  for (const patient of ['of-a-year', 'of-a-month', 'of-no-day']) t.equal(await isAnother('of-son', patient), false)
  t.equal(await isAnother('of-unknown', 'father'), false)
})

t.test('a Patient who is linked already stays linked, whatever was corrected since', async t => {
  await put(born('first', '1980-05-06'), born('second', '1980-06-05'), account('of-two', 'first', 'second'))
  t.equal(await isAnother('of-two', 'second'), false)
  t.equal(await isAnother('of-two', 'son'), true, 'and counts for others')
  await put(born('second', '1980-05-06'))
  t.equal(await isAnother('of-two', 'son'), false, 'as it is now')
})

t.test('the last birth date of a deleted Patient counts', async t => {
  await put(born('gone', '1950-01-02'), account('of-gone', 'gone'))
  await importer.write([{ kind: 'delete', type: 'Patient', id: 'gone' }])
  t.equal(await isAnother('of-gone', 'son'), true)
  t.equal(await isAnother('of-gone', 'father'), false)
})
