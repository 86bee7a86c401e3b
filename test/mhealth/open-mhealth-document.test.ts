import { readFileSync } from 'node:fs'
import t from 'tap'
import { openMhealthMaps } from '../../src/fhir/open-mhealth-maps.ts'
import { type Limits, limitsByField } from '../../src/mhealth/plausibility.ts'
import { type Rule, validationPolicies, verdicts } from '../../src/mhealth/policy.ts'
import { repairCodes } from '../../src/mhealth/repair.ts'
import { markdownTable, writtenPart } from '../support/written-part.ts'

const file = 'docs/open-mhealth.md'
const findings: { readonly concept: readonly { readonly code: string; readonly definition: string }[] } = JSON.parse(
  readFileSync('fhir-profiles/CodeSystem-document-finding.json', 'utf8'),
)
const definitionOf = (code: string) => findings.concept.find(one => one.code === code)?.definition ?? ''
const code = (text: string) => `\`${text}\``
const ruleNames = Object.keys(verdicts) as Rule[]

t.test('every finding has a code that is published, and none is published that is not found', async t => {
  const found = [...new Set([...repairCodes, ...ruleNames.filter(rule => rule !== 'repaired')])]
  t.strictSame(findings.concept.map(one => one.code).toSorted(), found.toSorted())
})

t.test('docs/open-mhealth.md has a verdict for each finding and policy (--update writes it)', async t => {
  const wordOf = { refuse: 'refused', warn: 'warning' } as const
  const verdictsOf = (rule: Rule) => validationPolicies.map(policy => wordOf[verdicts[rule][policy]])
  const repaired = repairCodes.map(one => [code(one), definitionOf(one), ...verdictsOf('repaired')])
  const others = ruleNames
    .filter(rule => rule !== 'repaired' && rule !== 'time-zone-missing')
    .map(rule => [code(rule), definitionOf(rule), ...verdictsOf(rule)])
  t.strictSame(verdicts['time-zone-missing'], verdicts.repaired, 'it stands in the table once')
  const table = markdownTable(['finding', 'what', ...validationPolicies], [...repaired, ...others])
  t.equal(writtenPart(file, 'findings', table), table)
})

t.test('docs/open-mhealth.md lists what is repaired (--update writes it)', async t => {
  const variants = openMhealthMaps.ucum.group
    .filter(({ source }) => source.endsWith('/open-mhealth-unit-variant'))
    .flatMap(({ element }) => element.map(({ code: from, target }) => [code(from), target[0]?.code ?? ''] as const))
  const byUnit = Map.groupBy(variants, ([, to]) => to)
  const table = markdownTable(
    ['sent', 'read as', 'finding'],
    [
      ...[...byUnit].map(([to, from]) => [from.map(([one]) => one).join(', '), code(to), code('unit-spelling')]),
      ['`during` as relation to sleep', '`during sleep`', code('answer-spelling')],
      ['`unknown`, `unspecified`, `none`, `n/a` or nothing, as an answer', 'no answer', code('answer-empty')],
      ['a time without a zone', 'the same in UTC', code('time-zone-missing')],
      ['start, end and duration that agree, to the second', 'start and end', code('duration-beside-interval')],
      [
        'a date with a part of the day where the schema wants times',
        'a window of time in UTC: night 0–6, morning 6–12, afternoon 12–18, evening 18–24',
        code('part-of-day'),
      ],
    ],
  )
  t.equal(writtenPart(file, 'repairs', table), table)
})

t.test('docs/open-mhealth.md lists the bounds of what is plausible (--update writes it)', async t => {
  const boundsOf = (units: Limits) =>
    Object.entries(units)
      .map(([unit, [low, high]]) => `${low} to ${high} ${unit}`)
      .join('; ') || 'not below zero'
  const byBounds = Map.groupBy(limitsByField, ([, units]) => boundsOf(units))
  const rows = [...byBounds].map(([bounds, fields]) => [fields.map(([field]) => code(field)).join(', '), bounds])
  const table = markdownTable(['field', 'possible'], rows)
  t.equal(writtenPart(file, 'limits', table), table)
})
