import t from 'tap'
import { numbered } from '../../../src/storage/prepare/numbers.ts'
import type { ObservationFacts } from '../../../src/storage/prepare/observation-facts.ts'

t.test('an Observation with hundreds of thousands of codes gets the number of each, and the lowest of its own', t => {
  const count = 300_000
  const keys = Array.from({ length: count }, (_, n) => `http://example.org|${n}`)
  const code = (key: string, component: number) => ({
    component,
    key,
    value: undefined,
    unit: undefined,
    isRange: false,
  })
  const facts: ObservationFacts = {
    low: '2026-03-01T00:00:00Z',
    high: '2026-03-01T00:00:00Z',
    kinds: new Set(),
    device: undefined,
    isJoint: false,
    lasting: undefined,
    statistic: 0,
    codes: [...keys.map(key => code(key, 0)), code('of a component', 1)],
  }
  const numbers = {
    patients: new Map([['ann', 7]]),
    kinds: new Map<string, number>(),
    codes: new Map<string, number>([['of a component', 1], ...keys.map((key, n): [string, number] => [key, n + 2])]),
    units: new Map<string, number>(),
    devices: new Map(),
  }
  const said = { subjects: ['ann'], facts, kind: undefined, units: new Set<string>() }
  const codes = numbered(said, numbers).facts?.codes ?? []
  t.match(
    [codes.at(0), codes.at(count - 1), codes.at(count)],
    [
      { codeId: 2, alsoCodeId: undefined },
      { codeId: count + 1, alsoCodeId: 2 },
      { codeId: 1, alsoCodeId: undefined },
    ],
  )
  t.end()
})
