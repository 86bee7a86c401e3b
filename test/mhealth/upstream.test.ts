import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { aliasesOf, readOfficialSchemas } from '../../src/mhealth/schema/official.ts'
import { type SchemaRow, type Shape, toJsonSchema } from '../../src/mhealth/schema/row.ts'
import { openSchemas } from '../../src/mhealth/schema/schemas.ts'
import { schemaTable } from '../../src/mhealth/schema/table.ts'
import { sampleBody } from '../support/sample-body.ts'

type Case = {
  readonly namespace: string
  readonly name: string
  readonly version: string
  readonly valid: boolean
  readonly case: string
  readonly doc: unknown
}

const folder = '../shared/data'
const absent = existsSync(`${folder}/omh-test-data/omh-test-data.ndjson`)
  ? false
  : `${folder} is not there: the upstream cases were not run`

const readCases = (): readonly Case[] =>
  readFileSync(`${folder}/omh-test-data/omh-test-data.ndjson`, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Case)

const wrongVerdicts = (schemas: ReturnType<typeof openSchemas>, cases: readonly Case[]): readonly string[] =>
  cases
    .filter(one => schemas.find(one)?.validate(one.doc) !== one.valid)
    .map(one => `${one.namespace}:${one.name}:${one.version} ${one.case}`)

t.test('with the official files every upstream case gets the expected verdict', { skip: absent }, t => {
  const cases = readCases()
  t.same(wrongVerdicts(openSchemas({ schemaDir: `${folder}/schemas` }), cases), [])
  t.equal(cases.length, 634)
  t.end()
})

t.test(
  'with our own table every upstream case gets the expected verdict, each by the version that it names',
  { skip: absent },
  t => {
    const schemas = openSchemas()
    const covered = readCases().filter(one => schemas.find(one)?.id === `${one.namespace}:${one.name}:${one.version}`)
    t.same(wrongVerdicts(schemas, covered), [])
    t.equal(covered.length, 634)
    t.end()
  },
)

t.test('every official file compiles, under each of its URIs', { skip: absent }, t => {
  const schemas = openSchemas({ schemaDir: `${folder}/schemas` })
  for (const id of schemas.ids) {
    const [namespace = '', name = '', version = ''] = id.split(':')
    t.equal(schemas.find({ namespace, name, version })?.id, id)
  }
  t.end()
})

const rowOf = (name: string, version: string): SchemaRow | undefined =>
  schemaTable.find(row => row.name === name && row.versions.includes(version))

t.test('there is a schema of our own for each version of each official one', { skip: absent }, t => {
  const missing = readOfficialSchemas(`${folder}/schemas`).filter(({ name, version }) => !rowOf(name, version))
  t.same(
    missing.map(({ name, version }) => `${name}:${version}`),
    [],
  )
  t.end()
})

/** Values to put in the place of others. */
const misplaced: readonly unknown[] = [
  ...[null, true, -1, 3.5, 'text', 'kg', 'fasting', 'sitting', 'oral', 'average', 'finger', '07:30', '2026'],
  ...['2026-03-01', '2026-03-01T07:30:00Z', {}, [], { value: 1 }, { value: '1', unit: 'kg' }, { value: 1, unit: 'kg' }],
  ...[{ date_time: '2026-03-01T07:30:00Z' }, { low_value: 1, high_value: 2, unit: 'min' }],
  { time_interval: { date: '2026-03-01', part_of_day: 'morning' } },
]

type Path = readonly (string | number)[]

const pathsIn = (tree: unknown, at: Path = []): readonly Path[] =>
  typeof tree === 'object' && tree !== null
    ? Object.entries(tree).flatMap(([name, value]) => [[...at, name], ...pathsIn(value, [...at, name])])
    : []

const changed = (
  tree: unknown,
  path: Path,
  change: (parent: Record<string, unknown>, name: string) => void,
): unknown => {
  const copy = structuredClone(tree) as Record<string, unknown>
  const parent = path.slice(0, -1).reduce((node, name) => node[name] as Record<string, unknown>, copy)
  change(parent, String(path.at(-1)))
  return copy
}

const variantsOf = (tree: unknown): readonly unknown[] => [
  tree,
  ...misplaced,
  ...pathsIn(tree).flatMap(path => [
    changed(tree, path, (parent, name) => {
      delete parent[name]
    }),
    ...misplaced.map(value =>
      changed(tree, path, (parent, name) => {
        parent[name] = value
      }),
    ),
  ]),
]

/** Upstream's draft accepts anything that is not an object as a time frame. */
const isKnownHole = (name: string, body: unknown): boolean =>
  name === 'ieee:food-entry' && !isRecord((body as Record<string, unknown> | null)?.effective_time_frame)

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

t.test('our own schemas judge as the official ones do, including what is wrong', { skip: absent }, t => {
  const [own, official] = [openSchemas(), openSchemas({ schemaDir: `${folder}/schemas` })]
  const different: string[] = []
  for (const { name, version } of readOfficialSchemas(`${folder}/schemas`)) {
    const row = rowOf(name, version)
    if (row === undefined) continue
    const [namespace = '', short = ''] = name.split(':')
    const [ours, theirs] = [own, official].map(one => one.find({ namespace, name: short, version })?.validate)
    for (const body of variantsOf(sampleBody(row, version)))
      if (ours?.(body) !== theirs?.(body) && !isKnownHole(name, body))
        different.push(`${name}:${version} ${JSON.stringify(body)}`)
  }
  t.same(different.slice(0, 5), [])
  t.end()
})

/** A part of a schema, the field that it describes, and a function that opens a schema it refers to. */
type Part = {
  readonly shape: unknown
  readonly field: string
  readonly open: (reference: string) => Part & { readonly uri: string }
}
/** A field, or a word that it may contain. */
type Named = { readonly field: string; readonly word: unknown }

/** Everything that a schema names anywhere in it or in what it refers to; some refer to themselves. */
const namedIn = (part: Part, inside: readonly string[] = []): readonly Named[] => {
  const { shape, field, open } = part
  const within = (one: unknown, of = field) => namedIn({ shape: one, field: of, open }, inside)
  if (typeof shape !== 'object' || shape === null) return []
  const { properties = {}, enum: words = [], allOf = [], anyOf = [], oneOf = [], items, $ref } = shape as Keywords
  return [
    ...Object.entries(properties).flatMap(([name, one]) => {
      const inner = `${field}/${name}`
      return [{ field: inner, word: undefined }, ...within(one, inner)]
    }),
    ...words.map(word => ({ field, word })),
    ...narrowed(allOf.map(one => within(one))),
    ...(anyOf.some(isAnyText) ? [] : [...anyOf, ...oneOf].flatMap(one => within(one))),
    ...[items].flat().flatMap(one => within(one)),
    ...($ref === undefined ? [] : referredTo({ ...open($ref), field }, inside)),
  ]
}

const referredTo = (part: Part & { readonly uri: string }, inside: readonly string[]): readonly Named[] =>
  inside.includes(part.uri) ? [] : namedIn(part, [...inside, part.uri])

type Keywords = {
  readonly properties?: Shape
  readonly enum?: readonly unknown[]
  readonly allOf?: readonly Shape[]
  readonly anyOf?: readonly Shape[]
  readonly oneOf?: readonly Shape[]
  readonly items?: unknown
  readonly $ref?: string
}

/** The words of a field that are in each of the parts that name any for it. */
const narrowed = (parts: readonly (readonly Named[])[]): readonly Named[] =>
  parts
    .flat()
    .filter(({ field, word }) =>
      parts
        .map(part => part.filter(one => one.field === field && one.word !== undefined))
        .every(of => word === undefined || of.length === 0 || of.some(one => one.word === word)),
    )

const isAnyText = ({ type, enum: words }: Shape): boolean => type === 'string' && words === undefined

const textsOf = (named: readonly Named[]): ReadonlySet<string> =>
  new Set(named.map(({ field, word }) => (word === undefined ? field : `${field}: ${word}`)))

t.test('our own schemas name the same fields and words as the official ones', { skip: absent }, t => {
  const official = readOfficialSchemas(`${folder}/schemas`)
  const shapes = new Map([...aliasesOf(official), ...official.map(({ schema }) => schema)].map(one => [one.$id, one]))
  const openFrom =
    (base: string): Part['open'] =>
    (reference: string) => {
      const { origin, pathname, hash, href } = new URL(reference, base)
      const file = `${origin}${pathname}`
      const steps = hash.split('/').slice(1)
      const shape = steps.reduce<unknown>((node, step) => (node as Shape)[step], shapes.get(file))
      return { shape, field: '', open: openFrom(file), uri: href }
    }
  const different = official.flatMap(({ name, version, uri, schema }) => {
    const row = rowOf(name, version)
    if (row === undefined) return []
    const [own, theirs] = [toJsonSchema(row, version), schema].map(shape =>
      textsOf(namedIn({ shape, field: '', open: openFrom(uri) })),
    )
    return [...(own?.symmetricDifference(theirs ?? new Set()) ?? [])].map(one => `${name}:${version} ${one}`)
  })
  t.same(different, [])
  t.end()
})
