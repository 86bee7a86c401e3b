import { type Command, InvalidArgumentError } from 'commander'
import { startError } from '../start-error.ts'
import { commandLineClient } from '../storage/authorization/client.ts'
import { type Backup, backupRecorded } from '../storage/installation/backup.ts'
import { writeOrThrow } from '../storage/write-or-throw.ts'
import { withOwnDatabase } from './own-database.ts'
import { openOwnStores } from './own-store.ts'

/** This server makes no backups itself. Whatever makes them reports here, and administrators see it at `/system`. */
export const backupCommand = (program: Command): void => {
  const backup = program.command('backup').description('which backups were made: this server makes none itself')
  backup
    .command('record')
    .description('record that a backup was taken, or has failed: /system shows the last')
    .requiredOption('--by <what>', 'what makes it: pg_dump, pgBackRest, a job that takes snapshots', parseWords)
    .option('--taken <instant>', 'when it was begun; now, unless said', parseInstant)
    .option('--size <bytes>', 'how large it is', parseBytes)
    .option('--label <text>', 'where it lies, or what it is called', parseWords)
    .option('--failed <reason>', 'it has failed', parseWords)
    .action(record)
}

type Options = {
  readonly by: string
  readonly taken?: Date
  readonly size?: number
  readonly label?: string
  readonly failed?: string
}

const record = async ({ by, taken = new Date(), size, label, failed }: Options): Promise<void> => {
  if (taken.getTime() > Date.now() + clockMs)
    throw startError(`--taken is ${taken.toISOString()}, which is yet to come`)
  const backup: Backup = {
    by,
    taken,
    ...(size === undefined ? {} : { bytes: size }),
    ...(label === undefined ? {} : { label }),
    ...(failed === undefined ? {} : { failed }),
  }
  await withOwnDatabase(async database => {
    const storeAs = await openOwnStores(database)
    const store = storeAs({ principal: { kind: 'client', id: commandLineClient } })
    await writeOrThrow(store, { kind: 'create', resource: backupRecorded(backup) })
  })
  const what = failed === undefined ? 'a backup' : 'a backup that has failed'
  process.stdout.write(`Recorded: ${what}, by ${by}, of ${taken.toISOString()}\n`)
}

/** How far the clock of whatever makes backups may be ahead. */
const clockMs = 5 * 60_000

const parseInstant = (text: string): Date => {
  const time = new Date(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) ? text : '')
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('Write an instant: 2026-03-01T02:00:00Z.')
  return time
}

const parseBytes = (text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a whole number of bytes.')
}

/** The words on one line, and cut off if a program said more than that. */
const parseWords = (text: string): string => {
  const words = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  if (words === '') throw new InvalidArgumentError('Say it in words.')
  return words.length > 500 ? `${words.slice(0, 499)}…` : words
}
