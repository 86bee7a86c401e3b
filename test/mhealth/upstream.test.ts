import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { openSchemas } from '../../src/mhealth/schema/schemas.ts'

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
