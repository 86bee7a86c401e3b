import { type Command, InvalidArgumentError, Option } from 'commander'
import { intervalOf } from '../fhir/date.ts'
import { csv } from '../operations/rows/csv.ts'
import { startError } from '../start-error.ts'
import { ageAudit, fewestYears } from '../storage/audit/age.ts'
import { findAgedBefore } from '../storage/audit/aged-before.ts'
import { acceptHead } from '../storage/audit/seal/attestation.ts'
import { auditKeyOf } from '../storage/audit/seal/chain.ts'
import { noteVerification } from '../storage/audit/seal/chain-state.ts'
import type { AuditHead } from '../storage/audit/seal/seal.ts'
import { verifyAudit } from '../storage/audit/seal/verify.ts'
import { type Disclosure, isPatientKnown, readDisclosures } from '../storage/audit/shown/disclosures.ts'
import type { Database } from '../storage/database.ts'
import { withOwnDatabase } from './own-database.ts'
import { ownSecretKey } from './own-secret-key.ts'

export const auditCommand = (program: Command): void => {
  const audit = program.command('audit').description('the record of who did what')
  audit
    .command('verify')
    .description('prove that nothing of it was changed, removed or cut off; ends with 1 where something was')
    .addOption(
      new Option('--head <seal:head...>', 'a head that was kept elsewhere, as the log tells it once an hour')
        .argParser(parseHead)
        .default([], 'none'),
    )
    .action(({ head }: { readonly head: readonly AuditHead[] }) => verify(head))
  audit
    .command('accept')
    .description('sign, as it stands, what earlier keys have sealed, if nothing attests that they were replaced')
    .requiredOption('--head <seal:head>', 'the last of these seals, as the log told it', parseOneHead)
    .action(({ head }: { readonly head: AuditHead }) => accept(head))
  audit
    .command('age')
    .description('remove what is older, behind a signed checkpoint')
    .option('--years <count>', `how long it is kept: ${fewestYears} at least`, parseYears, fewestYears)
    .action(({ years }: { readonly years: number }) => age(years))
  audit
    .command('disclosures')
    .description('print, as CSV, whatever others had or wrote of a patient’s data: the accounting of disclosures')
    .requiredOption('--patient <id>', 'the Patient')
    .option('--since <date>', 'from that day or instant on', parseTime)
    .option('--until <date>', 'before that day or instant', parseTime)
    .action(printDisclosures)
}

const verify = async (heads: readonly AuditHead[]): Promise<void> => {
  const verdict = await withOwnDatabase(async database => {
    const found = await verifyAudit(database, await keyOf(database), heads)
    if (found.kind !== 'unproved') await noteVerification(database, { isWhole: found.kind === 'whole' })
    return found
  })
  if (verdict.kind !== 'whole') {
    process.stderr.write(
      `${{ broken: 'The record is not whole', unproved: 'Nothing is proved' }[verdict.kind]}: ${verdict.bad}.\n`,
    )
    process.exitCode = 1
    return
  }
  const { last, rows, unsealed, checkpoint, accepted } = verdict
  const end = last === undefined ? 'nothing is sealed yet' : `the head is ${last.seal}:${last.head}`
  const lines = [
    'The record is whole.',
    `${rows} rows are sealed, ${unsealed} wait for it; ${end}`,
    ...(checkpoint === undefined ? [] : [`What was sealed up to seal ${checkpoint} has aged.`]),
    ...(accepted === undefined ? [] : [`Up to seal ${accepted} it was taken as it stood, by \`audit accept\`.`]),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

const accept = async (head: AuditHead): Promise<void> => {
  const isThere = await withOwnDatabase(async database => acceptHead(database, await keyOf(database), head))
  if (!isThere) throw startError(`No seal ${head.seal} has this head`)
  process.stdout.write(`This SECRET_KEY vouches for seal ${head.seal}, and for all before it, as they stand.\n`)
}

const age = async (years: number): Promise<void> => {
  const rows = await withOwnDatabase(async database => ageAudit(database, await keyOf(database), years))
  process.stdout.write(`Removed, being older than ${years} years: ${rows} rows\n`)
}

const keyOf = async (database: Database) => auditKeyOf(await ownSecretKey(database))

type Asked = { readonly patient: string; readonly since?: Date; readonly until?: Date }

const printDisclosures = async (asked: Asked): Promise<void> => {
  const { since, until } = asked
  // An account of no time at all would be mistaken for one of nothing.
  if (since !== undefined && until !== undefined && since >= until)
    throw startError('--until must be later than --since: it names the first moment that is left out')
  const { rows, before } = await withOwnDatabase(async database => {
    if (!(await isPatientKnown(database, asked.patient))) throw startError(`There is no Patient ${asked.patient}`)
    return { rows: await readDisclosures(database, asked), before: await findAgedBefore(database) }
  })
  // An account of that time would be mistaken for a complete one.
  if (before !== undefined && (asked.since ?? 0) < before)
    process.stderr.write(`What was recorded before ${before.toISOString()} may have aged, and is left out then.\n`)
  process.stdout.write(csv([columns, ...rows.map(toCells)]))
}

const columns = [
  'recorded',
  'who',
  'practitioner',
  'client',
  'organization',
  'study',
  'consents',
  'interaction',
  'type',
  'kinds',
  'query',
  'outcome',
]

const toCells = (row: Disclosure) => [
  row.recorded.toISOString(),
  row.who ?? undefined,
  row.practitioner ?? undefined,
  row.client ?? undefined,
  row.organization ?? undefined,
  row.studies.join(' '),
  row.consents.join(' '),
  row.interaction,
  row.type ?? undefined,
  row.kinds.join(' '),
  row.query ?? undefined,
  String(row.outcome),
]

const parseTime = (text: string): Date => {
  const interval = intervalOf(text)
  if (interval === undefined)
    throw new InvalidArgumentError('Write a day or an instant: 2026-03-01 or 2026-03-01T12:00:00Z.')
  return new Date(interval.low)
}

const parseHead = (text: string, given: readonly AuditHead[]): readonly AuditHead[] => [...given, parseOneHead(text)]

const parseOneHead = (text: string): AuditHead => {
  const [, seal, head] = /^([1-9]\d*):([0-9a-f]{64})$/.exec(text) ?? []
  if (seal === undefined || head === undefined)
    throw new InvalidArgumentError('Write the number of the seal, a colon and its head: 12:9f86d0….')
  return { seal, head }
}

const parseYears = (text: string): number => {
  const years = Number(text)
  if (Number.isInteger(years) && years >= fewestYears && years <= 1000) return years
  throw new InvalidArgumentError(`Write a whole number of years, ${fewestYears} or more.`)
}
