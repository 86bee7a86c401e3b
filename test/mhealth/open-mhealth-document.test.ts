import { readFileSync } from 'node:fs'
import t from 'tap'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { type ConceptMapping, openMhealthMaps } from '../../src/fhir/measured/open-mhealth-maps.ts'
import { type Limits, limitsByField } from '../../src/mhealth/plausibility.ts'
import { type Rule, validationPolicies, verdicts } from '../../src/mhealth/policy.ts'
import { repairCodes } from '../../src/mhealth/repair.ts'
import { bodySchemas } from '../../src/mhealth/schema/table.ts'
import { sampleBody } from '../support/sample-body.ts'
import { markdownTable, writtenPart } from '../support/written-part.ts'
import { point, receive, upload } from './upload.ts'

const file = 'docs/open-mhealth.md'
const findings: { readonly concept: readonly { readonly code: string; readonly definition: string }[] } = JSON.parse(
  readFileSync('fhir-profiles/CodeSystem-document-finding.json', 'utf8'),
)
const definitionOf = (code: string) => findings.concept.find(one => one.code === code)?.definition ?? ''
const code = (text: string) => `\`${text}\``
const ruleNames = Object.keys(verdicts) as Rule[]

t.test('every finding has a published code, and every published code is a finding', async t => {
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
  t.strictSame(verdicts['time-zone-missing'], verdicts.repaired, 'it is in the table once')
  const table = markdownTable(['finding', 'what', ...validationPolicies], [...repaired, ...others])
  t.equal(writtenPart(file, 'findings', table), table)
})

t.test('docs/open-mhealth.md lists what is repaired (--update writes it)', async t => {
  const variants = openMhealthMaps.ucum.group
    .filter(({ source }) => source.endsWith('/open-mhealth-unit-variant'))
    .flatMap(({ element }) =>
      element.flatMap(({ code: from, target }) =>
        target.map(
          one => [`${code(from)}${one.dependsOn?.map(({ value }) => ` of ${code(value)}`) ?? ''}`, one.code] as const,
        ),
      ),
    )
  const byUnit = Map.groupBy(variants, ([, to]) => to)
  const table = markdownTable(
    ['sent', 'read as', 'finding'],
    [
      ...[...byUnit].map(([to, from]) => [from.map(([one]) => one).join(', '), code(to), code('unit-spelling')]),
      ['`during` as relation to sleep', '`during sleep`', code('answer-spelling')],
      ['`self reported`, `self_reported` as modality', '`self-reported`', code('answer-spelling')],
      ['`unknown`, `unspecified`, `none`, `n/a` or nothing, as an answer', 'no answer', code('answer-empty')],
      ['a time without a zone', 'the same in UTC', code('time-zone-missing')],
      ['a time without seconds', 'the whole minute', code('seconds-missing')],
      ['start, end and duration that agree, to the second', 'start and end', code('duration-beside-interval')],
      [
        'a date with a part of the day where the schema wants times',
        'a time of that date, which has neither hours nor a time zone',
        code('part-of-day'),
      ],
      ['a version of the schema that is a number, such as `2.0`', 'the same as text', code('version-number')],
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

const codeClasses = openCodeClasses()
const schemasOf = (kind: string) => bodySchemas.filter(({ name }) => codeClasses.classOf(undefined, name) === kind)

const samenessOf: Readonly<Record<string, string>> = {
  equivalent: 'the same',
  narrower: 'narrower',
  wider: 'wider',
  relatedto: 'related',
}

const conditionOf = ({ property, value }: { readonly property: string; readonly value: string }): string =>
  `${code(property.slice(property.indexOf('#') + 1))} is ${value}`

const codeRows = (kind: string, name: string, { group }: ConceptMapping): readonly (readonly string[])[] =>
  group
    .flatMap(({ element }) => element.filter(one => one.code === kind))
    .flatMap(({ target }) => target)
    .map(one => {
      const { code: target, equivalence, dependsOn = [] } = one
      const display = 'display' in one ? ` ${one.display}` : ''
      const conditions = dependsOn.map(conditionOf).join(' and ')
      const what = samenessOf[equivalence] ?? equivalence
      const when = conditions === '' ? (equivalence === 'narrower' ? ', never derived' : '') : `, where ${conditions}`
      return [`${name} ${code(target)}${display}`, `${what}${when}`]
    })

const everywhere = new Set(['resourceType', 'identifier', 'issued', 'subject', 'device', 'status', 'extension', 'meta'])

/** One line for each element, so that it can be read and compared. */
const json = (record: Readonly<Record<string, unknown>>): string => {
  const lines = Object.entries(record).map(([name, value]) =>
    Array.isArray(value) && value.length > 1 && name !== 'coding'
      ? `  "${name}": [\n${value.map(one => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]`
      : `  "${name}": ${JSON.stringify(value)}`,
  )
  return `\`\`\`json\n{\n${lines.join(',\n')}\n}\n\`\`\``
}

const faceOf = (schema: string, body: unknown) => {
  const { resource } = receive(upload(point(schema, body)), 'strict')
  const profile = resource.meta?.profile
  return {
    ...(profile === undefined ? {} : { meta: { profile } }),
    ...Object.fromEntries(
      Object.entries(resource as Record<string, unknown>).filter(([name]) => !everywhere.has(name)),
    ),
  }
}

t.test(
  'docs/open-mhealth.md shows the document, the FHIR face and the codes of each kind (--update writes it)',
  async t => {
    const sections = codeClasses.kinds().flatMap(({ key, display }) => {
      const schemas = schemasOf(key)
      const last = schemas.findLast(({ versions }) => versions.some(one => !one.startsWith('0.'))) ?? schemas.at(-1)
      if (last === undefined) throw new Error(`${key} has no schema`)
      const version = last.versions.at(-1) ?? ''
      const alias = codeClasses.spellings(key).find(one => one.code.startsWith('OMHealthResource.'))
      const codes = [
        ...schemas.map(({ name, versions }) => [`${code(name)}, version ${versions.join(', ')}`, 'the schema']),
        ...(alias === undefined ? [] : [[`scope ${code(alias.code)}`, 'the same']]),
        ...codeRows(key, 'LOINC', openMhealthMaps.loinc),
        ...codeRows(key, 'SNOMED CT', openMhealthMaps.snomed),
      ]
      const body = sampleBody(last, version)
      return [
        `### ${display}`,
        markdownTable(['code', 'of the kind'], codes),
        `A body of ${code(`${last.name}:${version}`)}, and the Observation:`,
        json(body as Record<string, unknown>),
        json(faceOf(`${last.name}:${version}`, body)),
      ]
    })
    const text = sections.join('\n\n')
    t.equal(writtenPart(file, 'kinds', text), text)
  },
)
