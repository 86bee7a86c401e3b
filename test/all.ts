import { createHash } from 'node:crypto'
import { globSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import t from 'tap'
import { isOnTurn } from './support/turn.ts'

/*
 * Runs all test files, or the given files and those in the given folders. The slowest have a process of their own and begin first. The others share
 * processes, so that the server is loaded, and its code warmed up, only once for many of them. Some of the most expensive ones take turns by the day.
 */
const [, , ...told] = process.argv
/**
 * Each day runs one of these lists, and the next day the next one; `test/docs.test.ts` makes a backup on the days of the second list, and walks
 * through the demo on those of the last. Turns within a file have other numbers of days, without a common divisor, because otherwise the same ones
 * would always coincide.
 */
const byTurns: readonly (readonly string[])[] = [
  ['test/cli/serve.test.ts', 'test/oracle/answers.test.ts', 'test/web/strange-forms.test.ts'],
  [
    'test/fhir/validate/differential.test.ts',
    'test/http/fuzz.test.ts',
    'test/interactions/bundle/answer-room.test.ts',
    'test/interactions/search/page-room.test.ts',
  ],
  [
    'test/browser/study-languages.test.ts',
    'test/conformance.test.ts',
    'test/mhealth/upstream.test.ts',
    'test/storage/full-text.test.ts',
  ],
  [
    'test/auth/client/key-sets.test.ts',
    'test/browser/days.test.ts',
    'test/fhir/validate/invariants.test.ts',
    'test/http/oauth-limits.test.ts',
  ],
]
/** The files in these places run every second day, or every fourth; a file in a list above takes its turn there. */
const everySecond: readonly string[] = ['test/no-leak/*']
const everyFourth: readonly string[] = [
  'test/acceptance/**',
  'test/accounts/**',
  'test/app/**',
  'test/auth/{*,ehr/**,sso/**}',
  'test/browser/*',
  'test/cli/**',
  'test/faces/**',
  'test/fhir/xml/**',
  'test/http/**',
  'test/interactions/**',
  'test/operations/**',
  'test/storage/{audit,model,postgres,search,values}/**',
  'test/studies/**',
  'test/subscriptions/**',
  'test/web/{account,intake,invitation,organization,page,patient,sharing,sign-in,study,study-settings,system}/**',
]
/** The whole story, the pages of everybody and those of patients run each day, and so does who sees which page. */
const everyDay = ['browser/invitation', 'browser/pages', 'browser/story', 'no-leak/page-roles'].map(
  name => `test/${name}.test.ts`,
)

const filesIn = (place: string): readonly string[] =>
  globSync(place)
    .filter(file => file.endsWith('.test.ts'))
    .toSorted()
const isListed: ReadonlySet<string> = new Set([...byTurns.flat(), ...everyDay])
/**
 * A number that depends on nothing but the file's name. By its place among the others, a file would miss its turn each time that a new one comes before
 * it on the day before.
 */
const numberOf = (file: string): number => createHash('sha384').update(file).digest().readUInt32BE()
const offIn = (places: readonly string[], days: number): readonly string[] =>
  places.flatMap(filesIn).filter(file => !(isListed.has(file) || isOnTurn(numberOf(file), days)))
const isOff: ReadonlySet<string> = new Set([
  ...byTurns.filter((_, place) => !isOnTurn(place, byTurns.length)).flat(),
  ...offIn(everySecond, 2),
  ...offIn(everyFourth, 4),
])
const files = (told.length > 0 ? told : ['test'])
  .flatMap(place => (place.endsWith('.ts') ? place : filesIn(join(place, '**'))))
  .filter(file => told.length > 0 || !isOff.has(file))
  .toSorted()

/** How many files a process runs, by folder. */
const howManyIn: Readonly<Record<string, number>> = {
  test: 1,
  'test/oracle': 1,
  'test/browser': 2,
  'test/acceptance': 3,
}
const otherwise = 24

/** Dealt out, since files of one folder take similar time, and no process should run much longer than the others. */
const dealt = (files: readonly string[], howMany: number): readonly (readonly string[])[] => {
  const processes = Math.ceil(files.length / howMany)
  return Array.from({ length: processes }, (_, at) => files.filter((_, place) => place % processes === at))
}

const together = [...Map.groupBy(files, file => howManyIn[dirname(file)] ?? otherwise)]
  .toSorted(([one], [other]) => one - other)
  .flatMap(([howMany, some]) => dealt(some, howMany))

// More than there are processors, since files with a browser often wait.
t.jobs = 5
t.setTimeout(3_600_000)
const program = join(import.meta.dirname, 'support', 'tested-together.ts')
const run = (some: readonly string[], database: { readonly TEST_DATABASE_URL?: string } = {}) => {
  const [first = '', ...more] = some
  const where = database.TEST_DATABASE_URL === undefined ? '' : ' on another PostgreSQL'
  const name = `${first}${more.length === 0 ? '' : ` and ${more.length} more`}${where}`
  const env = { ...process.env, ...database, FILES: some.join(delimiter) }
  t.spawn(process.execPath, [...process.execArgv, program], { timeout: 1_200_000, env }, name)
}
for (const some of together) run(some)

/*
 * With another PostgreSQL, if one is given: every ninth file of the storage tests today, and the others on the next eight days. Any of them runs
 * every migration there. The test of the embedded PostgreSQL is left out, since it starts its own.
 */
const { OTHER_DATABASE_URL: other } = process.env
const ofStorage = filesIn('test/storage/**').filter(file => !file.endsWith('embedded.test.ts'))
const ofOther = ofStorage.filter(file => isOnTurn(numberOf(file), 9))
if (other !== undefined && told.length === 0) run(ofOther, { TEST_DATABASE_URL: other })
