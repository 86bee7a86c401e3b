import { globSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import t from 'tap'
import { isOnTurn, todays } from './support/turn.ts'

/*
 * All test files, or those that are told and those in the folders that are told. What takes longest has a process of its own and begins first; of the others
 * one process runs several, so that the server is loaded, and its code has become fast, once for them all. Some of what asks the most takes turns by the day.
 */
const [, , ...told] = process.argv
/**
 * On a day those of one list, and those of the others on the next; `test/docs.test.ts` walks through the demo on the days of the last. What takes turns
 * within a file has them of another number of days, without a common divisor, or the same would meet for ever.
 */
const byTurns: readonly (readonly string[])[] = [
  ['test/oracle/answers.test.ts'],
  [
    'test/fhir/validate/differential.test.ts',
    'test/http/fuzz.test.ts',
    'test/interactions/bundle/answer-room.test.ts',
    'test/interactions/search/page-room.test.ts',
    'test/web/strange-forms.test.ts',
  ],
  [
    'test/browser/days.test.ts',
    'test/browser/study-languages.test.ts',
    'test/conformance.test.ts',
    'test/mhealth/upstream.test.ts',
  ],
  ['test/auth/client/key-sets.test.ts', 'test/fhir/validate/invariants.test.ts', 'test/http/oauth-limits.test.ts'],
]
/** Of each of these every so many-th file is on its turn; what stands in a list above has its turn there. */
const everySoMany: readonly (readonly [days: number, places: readonly string[]])[] = [
  [
    4,
    [
      'test/acceptance/**',
      'test/auth/{ehr,sso}/**',
      'test/cli/**',
      'test/faces/**',
      'test/fhir/xml/**',
      'test/storage/{postgres,search,values}/**',
      'test/subscriptions/**',
      'test/web/organization/**',
    ],
  ],
  [2, ['test/auth/*', 'test/browser/*', 'test/http/**', 'test/operations/**']],
]
/** The whole way, the pages of everybody and that of patients are gone each day. */
const everyDay = ['invitation', 'pages', 'story'].map(name => `test/browser/${name}.test.ts`)

const filesIn = (place: string): readonly string[] =>
  globSync(place)
    .filter(file => file.endsWith('.test.ts'))
    .toSorted()
const isListed: ReadonlySet<string> = new Set([...byTurns.flat(), ...everyDay])
const isOff: ReadonlySet<string> = new Set([
  ...byTurns.filter((_, place) => !isOnTurn(place, byTurns.length)).flat(),
  ...everySoMany.flatMap(([days, places]) =>
    places
      .flatMap(filesIn)
      .filter(file => !isListed.has(file))
      .filter((_, place) => !isOnTurn(place, days)),
  ),
])
const files = (told.length > 0 ? told : ['test'])
  .flatMap(place => (place.endsWith('.ts') ? place : filesIn(join(place, '**'))))
  .filter(file => told.length > 0 || !isOff.has(file))
  .toSorted()

/** How many a process runs, by folder. */
const howManyIn: Readonly<Record<string, number>> = {
  test: 1,
  'test/oracle': 1,
  'test/browser': 2,
  'test/acceptance': 3,
}
const otherwise = 24

/** Dealt out, as those of one folder are alike in what they take, and no process is to be the last for long. */
const dealt = (files: readonly string[], howMany: number): readonly (readonly string[])[] => {
  const processes = Math.ceil(files.length / howMany)
  return Array.from({ length: processes }, (_, at) => files.filter((_, place) => place % processes === at))
}

const together = [...Map.groupBy(files, file => howManyIn[dirname(file)] ?? otherwise)]
  .toSorted(([one], [other]) => one - other)
  .flatMap(([howMany, some]) => dealt(some, howMany))

// More than there are processors, as those in a browser often wait.
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
 * On another PostgreSQL, where one is told: of the storage tests every ninth file today and the others on the next eight days. Whichever they
 * are, every migration is run there. Not the one that starts the PostgreSQL that comes along, whichever the other is.
 */
const { OTHER_DATABASE_URL: other } = process.env
const ofStorage = filesIn('test/storage/**').filter(file => !file.endsWith('embedded.test.ts'))
if (other !== undefined && told.length === 0) run(todays(ofStorage, 9), { TEST_DATABASE_URL: other })
