import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { amongPatients, openDuplicates, openLinesBefore } from '../../../src/studies/patient/duplicate-patients.ts'

const patient = (family: string, ...identifier: readonly string[]): Patient => ({
  resourceType: 'Patient',
  name: [{ family }],
  birthDate: '1970-01-01',
  identifier: identifier.map(one => {
    const [value = '', system] = one.split('|').reverse()
    return { value, ...(system !== undefined && { system }) }
  }),
})
const linesBefore = (...patients: readonly Patient[]) => {
  const lineBefore = openLinesBefore()
  return patients.map((one, at) => lineBefore(at + 2, one))
}

t.test(
  'in one list an identifier without a system counts as the same as one with any, whichever comes first',
  async t => {
    t.same(linesBefore(patient('A', '1'), patient('B', 'urn:x|1'), patient('C', 'urn:y|1')), [undefined, 2, 2])
    t.same(linesBefore(patient('A', 'urn:x|1'), patient('B', 'urn:y|1'), patient('C', '1')), [undefined, undefined, 2])
    t.same(linesBefore(patient('A', 'urn:x|1'), patient('B', 'urn:y|1'), patient('C', 'urn:y|1')), [
      undefined,
      undefined,
      3,
    ])
    t.same(linesBefore(patient('A', 'urn:x|1'), patient('B', 'urn:x|2')), [undefined, undefined])
  },
)

t.test('the first matching line is named, whatever matches', async t => {
  t.same(linesBefore(patient('A'), patient('B', '1'), patient('a', '1')), [undefined, undefined, 2])
})

t.test('in one list people of one name are the same only if they were born on the same day', async t => {
  const later = { ...patient('A'), birthDate: '1970-01-02' }
  t.same(linesBefore(patient('A'), later, patient('A'), later), [undefined, undefined, 2, 3])
})

t.test('a name is the same without its punctuation and blanks', async t => {
  t.same(linesBefore(patient("O'Brien"), patient('OBrien'), patient('O Brien'), patient('Brien')), [
    undefined,
    2,
    2,
    undefined,
  ])
})

t.test('a name is the same however its letters are typed, and marks that are letters tell names apart', async t => {
  const alike = [
    ['Weiß', 'WEISS', 'Weiſs'],
    ['Søren', 'Soren'],
    ['Yıldız', 'YILDIZ', 'Yildiz'],
    ['Ægir', 'Aegir'],
    ['כהן', '\u200fכֹּהֵן'],
    ['محمد', 'مُحَمَّد'],
    ['Nguyễn', 'Nguye\u0302\u0303n'],
  ]
  for (const names of alike)
    t.same(linesBefore(...names.map(name => patient(name))), [undefined, ...names.slice(1).map(() => 2)], names.join())
  const apart = ['रीता', 'रति', 'มาลี', 'มาลา', 'かがわ', 'かかわ', '—', '?', '😀']
  t.same(
    linesBefore(...apart.map(name => patient(name))),
    apart.map(() => undefined),
  )
})

/** Everybody, whatever is asked for. */
const found = async (there: readonly Patient[], asked: readonly Patient[], options?: { readonly most: number }) =>
  (await openDuplicates(async () => there, options)(asked)).map(duplicates =>
    duplicates.map(({ patient, by }) => [patient.id, by]),
  )

t.test('somebody who exists already is found by any name with the birth date, and by an identifier once', async t => {
  const there: readonly Patient[] = [
    { ...patient('Ó Máille', '1'), id: 'of-day' },
    { ...patient('O Maille'), id: 'of-another-day', birthDate: '1970-01-02' },
    { ...patient('Married'), id: 'of-two-names', name: [{ family: 'Married' }, { family: 'o maille' }] },
    { ...patient('B', 'urn:x|1', '1'), id: 'of-number' },
    { ...patient('B', 'urn:x|2'), id: 'of-another-number' },
  ]
  t.strictSame(await found(there, [patient('o-maille', 'urn:x|1'), patient('C')]), [
    [
      ['of-day', 'identifier'],
      ['of-number', 'identifier'],
      ['of-two-names', 'name'],
    ],
    [],
  ])
  t.strictSame(await found(there, [patient('O Maille', '1')], { most: 2 }), [
    [
      ['of-day', 'identifier'],
      ['of-number', 'identifier'],
    ],
  ])
})

t.test('a number of another system is that of somebody else, but one without a system may be of any', async t => {
  const there = ['urn:x|1', 'urn:y|1', '1'].map((one, at) => ({ ...patient(`There ${at}`, one), id: one }))
  t.strictSame(await found(there, [patient('A', 'urn:x|1'), patient('B', '1')]), [
    [
      ['urn:x|1', 'identifier'],
      ['1', 'identifier'],
    ],
    [
      ['urn:x|1', 'identifier'],
      ['urn:y|1', 'identifier'],
      ['1', 'identifier'],
    ],
  ])
})

t.test('if many have one birth date, as when it is unknown, each name is read once', async t => {
  let read = 0
  const there = Array.from({ length: 100 }, (_, number): Patient => {
    const { name = [], ...rest } = patient(`There ${number}`)
    const counted = {
      ...rest,
      id: `there-${number}`,
      get name() {
        read += 1
        return name
      },
    }
    return counted
  })
  const asked = Array.from({ length: 100 }, (_, number) => patient(`There ${number + 99}`))
  t.strictSame(await found(there, asked), [[['there-99', 'name']], ...Array(99).fill([])])
  t.equal(read, there.length)
})

t.test('part after part of a list, those of a birth date that many have are asked for once', async t => {
  const queries: string[] = []
  const there = Array.from({ length: 30 }, (_, number) => ({ ...patient(`There ${number}`), id: `there-${number}` }))
  const rare = { ...patient('Rare'), id: 'rare', birthDate: '1980-02-03' }
  const find = openDuplicates(async query => {
    queries.push(query.toString())
    return [...there, rare].filter(({ birthDate }) =>
      query
        .get('birthdate')
        ?.split(',')
        .includes(birthDate ?? ''),
    )
  })
  const idsOf = async (...asked: readonly Patient[]) =>
    (await find(asked)).map(duplicates => duplicates.map(({ patient: { id } }) => id))
  const alsoRare = { ...patient('Rare'), birthDate: '1980-02-03' }
  t.strictSame(await idsOf(patient('There 1'), alsoRare), [['there-1'], ['rare']])
  t.strictSame(await idsOf(patient('There 2'), patient('Nobody')), [['there-2'], []])
  t.strictSame(await idsOf(alsoRare, patient('There 29')), [['rare'], ['there-29']])
  t.strictSame(queries, ['birthdate=1970-01-01%2C1980-02-03', 'birthdate=1980-02-03'])
})

t.test('among patients who are at hand the same are found as by searching', async t => {
  const there: readonly Patient[] = [
    { ...patient('Ann', 'urn:x|1', '2'), id: 'ann' },
    { ...patient('Ann'), id: 'unnumbered', birthDate: '1971-02-03' },
    { ...patient('Bob', 'urn:y|1'), id: 'bob' },
    { ...patient('Cy', '3'), id: 'cy', birthDate: '1980' },
  ]
  const asked = [
    patient('Ann'),
    patient('Dee', 'urn:x|1'),
    patient('Dee', '1'),
    patient('Dee', 'urn:x|2', 'urn:z|3'),
    { ...patient('ANN'), birthDate: '1971-02-03' },
    patient('Nobody', '4'),
  ]
  const found = await openDuplicates(amongPatients(there))(asked)
  t.same(
    found.map(duplicates => duplicates.map(({ patient, by }) => `${patient.id} by ${by}`)),
    [
      ['ann by name'],
      ['ann by identifier'],
      ['ann by identifier', 'bob by identifier'],
      ['ann by identifier', 'cy by identifier'],
      ['unnumbered by name'],
      [],
    ],
  )
})
