import type { Consent, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import t from 'tap'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openNewcomers } from '../../support/newcomers.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { consent } from '../../support/study.ts'

const world = await openNewcomers()
const { server, create, update, send, kinds, organization, manager, hearts, newcomer, placeOf, said } = world
t.teardown(() => server.close())

const history = async (url: string): Promise<readonly ResearchSubject[]> =>
  (await send(manager, 'GET', `${url}/_history`))
    .json()
    .entry.map(({ resource }: { resource: ResearchSubject }) => resource)

const onlyStaff = { url: extensions.access, valueCode: 'staff' }

const narrow = async (id: string): Promise<void> => {
  const stored: ResearchStudy = (await send(manager, 'GET', `ResearchStudy/${id}`)).json()
  await update(manager, { ...stored, extension: [...(stored.extension ?? []), onlyStaff] } as ResearchStudy)
}

t.test('whoever signs is on the study until they take it all back, and each change is a version', async t => {
  const { place, own, gives } = await newcomer('Ann')
  t.strictSame(await said(place), ['1', 'candidate', undefined], 'nobody takes part who has given nothing')
  const given = await gives(['omh:heart-rate'])
  const reference = `Consent/${given.id}`
  t.strictSame(await said(place), ['2', 'on-study', reference], 'a part is given')
  await update(own, {
    ...given,
    provision: consent('', hearts.id, organization, kinds).provision,
    dateTime: new Date().toISOString(),
  } as Consent)
  t.strictSame(
    await said(place),
    ['2', 'on-study', reference],
    'what else they give, or take back, is said by the Consent',
  )
  await update(own, { ...given, status: 'inactive' } as Consent)
  t.strictSame(await said(place), ['3', 'candidate', reference], 'they may still sign again')
  const again = await gives()
  t.strictSame(await said(place), ['4', 'on-study', `Consent/${again.id}`])
  t.strictSame(
    (await history(`ResearchSubject/${place}`)).map(({ status, consent }) => [status, consent?.reference]),
    [
      ['on-study', `Consent/${again.id}`],
      ['candidate', reference],
      ['on-study', reference],
      ['candidate', undefined],
    ],
  )
})

t.test('who is asked, and who declines, stays a candidate, and the Consent says which', async t => {
  const { patient, place, own } = await newcomer('Bea')
  const asked = await create(manager, {
    ...consent(patient, hearts.id, organization, kinds),
    status: 'proposed',
  } as Consent)
  t.strictSame(await said(place), ['2', 'candidate', `Consent/${asked.id}`])
  await update(own, { ...asked, status: 'rejected' } as Consent)
  t.strictSame(await said(place), ['2', 'candidate', `Consent/${asked.id}`])
})

t.test('staff who end it for them, by telephone, take them off the study', async t => {
  const { place, gives } = await newcomer('Cay')
  const given = await gives()
  const extension = [
    ...(given.extension ?? []),
    { url: inactivationReason, valueCodeableConcept: { text: 'By telephone' } },
  ]
  await update(manager, { ...given, status: 'inactive', extension } as Consent)
  t.strictSame(await said(place), ['3', 'candidate', `Consent/${given.id}`])
})

t.test('a Consent that is deleted or was an error is named no more', async t => {
  const { place, own, gives } = await newcomer('Dan')
  const first = await gives()
  await update(own, { ...first, status: 'inactive' } as Consent)
  const second = await gives()
  t.strictSame(await said(place), ['4', 'on-study', `Consent/${second.id}`])
  t.equal((await send(own, 'DELETE', `Consent/${second.id}`)).statusCode, 204)
  t.strictSame(await said(place), ['5', 'candidate', `Consent/${first.id}`])
  await update(own, { ...first, status: 'entered-in-error' } as Consent)
  t.strictSame(await said(place), ['6', 'candidate', undefined])
})

t.test('a narrative that was made from another status is removed', async t => {
  const { place, gives } = await newcomer('Ida')
  const text = { status: 'generated' as const, div: '<div xmlns="http://www.w3.org/1999/xhtml">A candidate</div>' }
  await update(manager, { ...(await placeOf(place)), text } as ResearchSubject)
  await gives()
  t.equal((await placeOf(place)).text, undefined)
})

t.test('whose records turn out to be those of one human is on the study by what either gave', async t => {
  const [one, other] = [await newcomer('Jo'), await newcomer('Joanna')]
  const given = await one.gives()
  t.equal((await said(other.place))[1], 'candidate')
  const link = [one, other].map(({ patient }) => ({ target: { reference: `Patient/${patient}` } }))
  await create('everything', { resourceType: 'Person', link })
  for (const { place } of [one, other]) t.strictSame((await said(place)).slice(1), ['on-study', `Consent/${given.id}`])
})

t.test('whoever writes the place while the patient signs or withdraws overwrites no answer', async t => {
  const { place, own, gives } = await newcomer('Mia')
  const stored = await placeOf(place)
  const writes = (round: number) => update(manager, { ...stored, assignedArm: `arm ${round}` } as ResearchSubject)
  for (const round of [1, 2, 3, 4, 5]) {
    const [given] = await Promise.all([gives(), writes(round)])
    t.strictSame((await said(place)).slice(1), ['on-study', `Consent/${given.id}`])
    await Promise.all([writes(-round), update(own, { ...given, status: 'inactive' } as Consent)])
    t.strictSame((await said(place)).slice(1), ['candidate', `Consent/${given.id}`])
  }
})

t.test('if only the staff of a study read, its places say nothing of what people answered', async t => {
  const study = await world.study(manager, organization, 'Narrowed', kinds)
  const { place, gives, own } = await newcomer('Jon', study.id)
  const given = await gives()
  t.strictSame(await said(place), ['2', 'on-study', `Consent/${given.id}`])
  await narrow(study.id)
  t.strictSame(await said(place), ['3', 'candidate', undefined])
  await update(own, { ...given, status: 'inactive' } as Consent)
  await gives()
  t.strictSame(await said(place), ['3', 'candidate', undefined])
  await update(manager, {
    ...(await placeOf(place)),
    status: 'on-study',
    consent: { reference: `Consent/${given.id}` },
  } as ResearchSubject)
  t.strictSame(await said(place), ['4', 'on-study', undefined], 'unless staff say so')
})

t.test('once only its staff read a study, each of its places that said an answer has a next version', async t => {
  const study = await world.study(manager, organization, 'Narrowed for several', kinds)
  const [signed, other, silent] = [
    await newcomer('Kim', study.id),
    await newcomer('Lou', study.id),
    await newcomer('May', study.id),
  ]
  await signed.gives()
  const given = await other.gives()
  await update(other.own, { ...given, status: 'inactive' } as Consent)
  await narrow(study.id)
  t.strictSame(await said(signed.place), ['3', 'candidate', undefined])
  t.strictSame(await said(other.place), ['4', 'candidate', undefined])
  t.strictSame(await said(silent.place), ['1', 'candidate', undefined], 'who has said nothing is left alone')
  t.strictSame(
    (await history(`ResearchSubject/${signed.place}`)).map(({ meta, status }) => [meta?.versionId, status]),
    [
      ['3', 'candidate'],
      ['2', 'on-study'],
      ['1', 'candidate'],
    ],
  )
  const found = async (query: string): Promise<readonly string[]> =>
    ((await send(manager, 'GET', `ResearchSubject?study=${study.id}&${query}`)).json().entry ?? [])
      .map(({ resource }: { resource: ResearchSubject }) => resource.id)
      .sort()
  t.strictSame(await found('status=on-study'), [], 'nor does a search say who takes part')
  t.strictSame(await found('status=candidate'), [signed.place, other.place, silent.place].sort())
  t.strictSame(await found(`patient=${signed.patient}`), [signed.place])
})

t.test('whoever signs while a study is narrowed is not told of by their place', async t => {
  const study = await world.study(manager, organization, 'Narrowed meanwhile', kinds)
  const people = await Promise.all(['Ned', 'Oda', 'Pia', 'Quy'].map(name => newcomer(name, study.id)))
  await Promise.all([...people.map(({ gives }) => gives()), narrow(study.id)])
  for (const { place } of people) t.strictSame((await said(place)).slice(1), ['candidate', undefined])
})

t.test(
  'while a study that is narrowed waits for somebody who writes one of its places, others go on in it',
  async t => {
    const study = await world.study(manager, organization, 'Narrowed and waiting', kinds)
    const { place, gives } = await newcomer('Rae', study.id)
    await gives()
    const narrowing = await world.database.transaction(async connection => {
      await connection.any(sql.fragment`SELECT FROM resource_identity WHERE id = ${place} FOR UPDATE`)
      const waiting = narrow(study.id)
      await someoneWaits(connection)
      const { place: later } = await newcomer('Sam', study.id)
      return { waiting, later }
    })
    await narrowing.waiting
    t.strictSame(await said(place), ['3', 'candidate', undefined])
    t.strictSame(await said(narrowing.later), ['1', 'candidate', undefined])
  },
)
