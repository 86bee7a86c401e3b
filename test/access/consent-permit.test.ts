import t from 'tap'
import { type Deny, isBounded, isCoveredBy, type Permit, subtract } from '../../src/access/consent-permit.ts'

const wide: Permit = {
  kind: 'omh:heart-rate',
  device: undefined,
  data: { low: '2026-01-01T00:00:00.000Z', high: '2026-06-01T00:00:00.000Z' },
  valid: { low: '2026-02-01T00:00:00.000Z', high: 'infinity' },
  recipients: [],
  expression: 'Consent.provision.provision[0].code[0]',
}
const ofSource: Permit = { ...wide, device: 'source1' }

const data = (low: string, high: string): Permit => ({ ...wide, data: { low, high } })
const valid = (low: string, high: string): Permit => ({ ...wide, valid: { low, high } })

t.test('one permit is covered by another if it opens nothing that the other does not', async t => {
  for (const [why, one, other] of [
    ['itself', wide, wide],
    ['one source of all', ofSource, wide],
    ['the same source', ofSource, ofSource],
    ['data of a shorter time', data('2026-01-02T00:00:00.000Z', '2026-05-31T00:00:00.000Z'), wide],
    [
      'the same data, its times told to the microsecond',
      data('2026-01-01T00:00:00.000000Z', '2026-06-01T00:00:00.000000Z'),
      wide,
    ],
    ['told to the millisecond', wide, data('2026-01-01T00:00:00.000000Z', '2026-06-01T00:00:00.000000Z')],
    ['for a shorter time', valid('2026-03-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'), wide],
  ] as const)
    t.ok(isCoveredBy(one, other), why)
  for (const [why, one, other] of [
    ['another kind', { ...wide, kind: 'omh:body-weight' }, wide],
    ['all sources', wide, ofSource],
    ['another source', { ...wide, device: 'source2' }, ofSource],
    ['earlier data', data('2025-12-31T00:00:00.000Z', '2026-05-01T00:00:00.000Z'), wide],
    ['later data', data('2026-02-01T00:00:00.000Z', '2026-06-02T00:00:00.000Z'), wide],
    ['sooner', valid('2026-01-31T00:00:00.000Z', 'infinity'), wide],
    ['for longer', wide, valid('2026-02-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z')],
  ] as const)
    t.notOk(isCoveredBy(one, other), why)
})

t.test('a deny leaves what was measured before and after, and the time before and after it', async t => {
  const ever = { low: '-infinity', high: 'infinity' }
  const deny = (given: Partial<Deny>): Deny => ({
    isOf: () => true,
    devices: undefined,
    data: ever,
    valid: ever,
    ...given,
  })
  const march = { low: '2026-03-01T00:00:00.000Z', high: '2026-04-01T00:00:00.000Z' }
  const { low, high } = wide.data
  const around = [data(low, march.low), data(march.high, high)]
  t.strictSame(subtract([wide], deny({})), [])
  t.strictSame(subtract([wide], deny({ isOf: kind => kind !== wide.kind })), [wide], 'of other kinds')
  t.strictSame(subtract([wide], deny({ data: march })), around)
  t.strictSame(subtract([wide], deny({ valid: march })), [
    valid(wide.valid.low, march.low),
    valid(march.high, 'infinity'),
  ])
  t.strictSame(subtract([wide], deny({ data: { low: high, high: 'infinity' } })), [wide], 'what comes after')
  t.strictSame(subtract([wide], deny({ valid: { low: '-infinity', high: wide.valid.low } })), [wide], 'what is over')
  const devices = new Set(['source1'])
  t.strictSame(
    subtract([ofSource], deny({ devices, data: march })),
    around.map(one => ({ ...one, device: 'source1' })),
  )
  t.strictSame(subtract([wide], deny({ devices, data: march })), [], 'no permit means all sources but one')
  const other = { ...wide, device: 'source2' }
  t.strictSame(subtract([other], deny({ devices })), [other])
})

t.test('an end of which only an extension tells is not open, and one with a value is known', async t => {
  const _end = {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
  }
  t.equal(isBounded(), true)
  t.equal(isBounded({ start: '2026' }), true)
  t.equal(isBounded({ start: '2026', _end } as object), false)
  t.equal(isBounded({ start: '2026', end: '2027', _end } as object), true)
})
