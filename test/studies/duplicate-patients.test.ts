import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { openLinesBefore } from '../../src/studies/duplicate-patients.ts'

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

t.test('the first line before is named, by whatever it is the same', async t => {
  t.same(linesBefore(patient('A'), patient('B', '1'), patient('a', '1')), [undefined, undefined, 2])
})
