import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Config, readConfig } from '../config.ts'
import { startError } from '../start-error.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { isEmpty } from '../storage/installation/is-stored.ts'
import { type Book, openBook, tellCount, tellDuration } from './demo/book.ts'
import type { Participant } from './demo/cast.ts'
import { type Contract, contractOf } from './demo/document.ts'
import { enrolParticipants } from './demo/enrolment.ts'
import { openExampleApps } from './demo/example-apps.ts'
import { figuresOf, isStored, type Readings } from './demo/expected.ts'
import { setUpInstitutions } from './demo/institutions.ts'
import { invite } from './demo/invitation.ts'
import { openLoading } from './demo/loading.ts'
import { allReadings, monthDays } from './demo/physiology.ts'
import { scenes } from './demo/scenes.ts'
import type { Stage } from './demo/stage.ts'
import { openSignIn, type SignIn, scopes } from './demo/tokens.ts'
import { sentOf, uploadAll } from './demo/upload.ts'
import type { World } from './demo/world.ts'
import { type Running, serve } from './serve.ts'

export const demoCommand = (program: Command): void => {
  program
    .command('demo')
    .description('fill an empty database with studies and people, and show who may see what')
    .option('--once', 'check every figure, and end')
    .addOption(
      new Option('--days <days>', `of how many of the last ${monthDays} days there is data`)
        .default(monthDays)
        .argParser(parseDays),
    )
    .action(async ({ once = false, days }: { once?: boolean; days: number }) => {
      const config = readConfig(undefined, demoDefaults())
      const running = await serve(config)
      const stopped = async (error: unknown): Promise<never> => {
        await running.close()
        throw error
      }
      const failures = await tellStory(running, config, { days, staysUp: !once }).catch(stopped)
      if (!once) return
      await running.close()
      process.exit(failures.length === 0 ? 0 : 1)
    })
}

const parseDays = (text: string): number => {
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= monthDays) return Number(text)
  throw new InvalidArgumentError(`Write a whole number from 1 to ${monthDays}.`)
}

/** Used unless something else is asked for: a database that is removed afterwards, any free port, a quiet log. */
const demoDefaults = () => {
  const folder = join(tmpdir(), `sharewell-demo-${randomUUID()}`)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return { DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'error' }
}

/** Answers the figures that were wrong. */
const tellStory = async (
  { address, databaseUrl }: Running,
  { dataDir }: Config,
  { days, staysUp }: { readonly days: number; readonly staysUp: boolean },
): Promise<readonly string[]> => {
  // A write looks up codes outside of its transaction, and so needs a second connection.
  const database = openDatabase(databaseUrl, { poolSize: 2 })
  try {
    await refuseOtherData(database)
    const stage = await play(openSignIn(database, `${address}/fhir`), days)
    if (staysUp) await invite(stage, await openExampleApps(stage, { database, dataDir }), address)
    return stage.book.failures()
  } finally {
    await database.close()
  }
}

const refuseOtherData = async (database: Database): Promise<void> => {
  if (await isEmpty(database)) return
  throw startError(
    'This database holds resources already, and the demo wants an empty one: leave DATA_DIR and DATABASE_URL unset, or name others',
  )
}

const play = async (signIn: SignIn, days: number): Promise<Stage> => {
  const book = openBook(text => process.stdout.write(text))
  const now = Date.now()
  const stage = { book, signIn, world: await setUp(book, signIn, now), readings: allReadings(now, days) }
  await upload(stage, days)
  for (const scene of scenes) await scene(stage)
  conclude(book)
  return stage
}

const setUp = async (book: Book, signIn: SignIn, now: number): Promise<World> => {
  book.chapter('Two institutions, two studies, twenty people')
  const started = performance.now()
  const ids = await setUpInstitutions(signIn)
  const enrolled = await enrolParticipants(signIn, ids, now)
  book.line('  Riverside University > Department of Metabolic Health > Glucose and Sleep Lab: study A, identified')
  book.line('  Northlake Institute: study B, coded, open to its named staff only')
  book.line('  20 people, registered, invited, and each with an answer of their own')
  book.line(`  all of it over FHIR, by the people whose task it is, in ${tellDuration(performance.now() - started)}`)
  return { ids, enrolled, now }
}

const upload = async (stage: Stage, days: number): Promise<void> => {
  const { book, signIn, world, readings } = stage
  book.chapter(`${days} days of glucose, heart rate, blood pressure, steps and sleep`)
  const expected = expectedUpload(world, readings)
  const loading = openLoading(expected.sent, process.stdout)
  const started = performance.now()
  const uploads = await uploadAll(signIn, world.enrolled, readings, loading.add)
  const durationMs = performance.now() - started
  loading.stop()
  const perSecond = Math.round(expected.sent / (durationMs / 1000))
  for (const [contract, who, path] of spoken) {
    const { bundles = 0, created = 0, refused = 0 } = uploads.get(contract) ?? {}
    const { sent, created: wanted } = expectedUpload(world, readings, contract)
    book.expect({
      who,
      asked: `POST ${path}: ${tellCount(bundles)} Bundles of Open mHealth documents, one for each person and day`,
      got: { created, refused },
      wanted: { created: wanted, refused: sent - wanted },
      told: `${tellCount(created)} stored, ${tellCount(refused)} refused for want of consent`,
    })
  }
  book.line(`    all of them in ${tellDuration(durationMs)}, ${tellCount(perSecond)} Observations a second`)
  await withdrawEarly(stage)
}

const spoken = [
  ['r4', 'Thirteen apps that speak FHIR R4', '/fhir'],
  ['jhe', 'Seven apps that speak the contract of the JupyterHealth Exchange', '/FHIR/R5'],
] as const

const expectedUpload = ({ enrolled }: World, readings: Readings, contract?: Contract) => {
  const isOf = (person: Participant) => contract === undefined || contractOf(person) === contract
  return {
    sent: enrolled
      .filter(({ person }) => isOf(person))
      .reduce((sum, one) => sum + sentOf(one, readings).flat().length, 0),
    created: figuresOf(readings, 'all', (person, reading) => isOf(person) && isStored(person, reading)).count,
  }
}

/** Those people withdraw who do so before anybody has looked. */
const withdrawEarly = async ({ signIn, world, book }: Stage): Promise<void> => {
  for (const { person, patient, consents } of world.enrolled) {
    for (const { to } of person.answers.filter(({ answer }) => answer === 'withdrawn')) {
      const self = await signIn.patient(patient, scopes.patient)
      const { body } = await self.get(`Consent/${consents.get(to)}`)
      await self.update({ ...body, status: 'inactive' })
      book.line(`  ${person.given} ${person.family} has sent all of it, and then withdraws.`)
    }
  }
}

const conclude = (book: Book): void => {
  book.chapter('The figures')
  const failures = book.failures()
  book.line(`  ${book.checked() - failures.length} of ${book.checked()} are what they must be.`)
  for (const failure of failures) book.line(`  ✗ ${failure}`)
}
