import { FhirError } from '../../fhir/error.ts'
import { decidePolicies } from '../incoming/decide-policy.ts'
import { keep, type Refused, refusedAmong } from '../incoming/keep-refused.ts'
import type { Context, Prepared } from '../interaction.ts'
import { findReferences } from './conditional-reference.ts'
import { inEntry } from './entry-error.ts'
import { isConditional, referencedEntries, resolveReferences } from './local-reference.ts'
import type { Placed } from './transaction-claims.ts'

/** A transaction that was rolled back because documents in it are refused. */
export type Undone = {
  /** Its ordinary writes, as far as they were known by then. */
  readonly writes: readonly Placed[]
  /** What references meant by then. */
  readonly targets: ReadonlyMap<string, string>
  /** By the index of the entry, why a document was refused, as far as they had been judged. */
  readonly refused: ReadonlyMap<number, FhirError>
}

/**
 * Keeps each document that is refused, now that the transaction is rolled back, also those that it had not come to. Answers one error that names
 * the entry of each. If a document refers to something that the transaction would have created, that reference is lost.
 */
export const keepDocuments = async (
  { writes, targets, refused }: Undone,
  prepare: (entry: Placed) => Promise<Prepared>,
  context: Context,
): Promise<FhirError | undefined> => {
  const names = namesThatStay(writes, targets)
  const prepared: Prepared[] = []
  const indexes: number[] = []
  for (const entry of writes.toSorted((one, other) => one.index - other.index)) {
    const one = await preparedAgain(entry, names, prepare, context)
    if (one === undefined) continue
    prepared.push(one)
    indexes.push(entry.index)
  }
  const decided = (await decidePolicies(prepared, context)).map(
    (one, position) => refused.get(indexes[position] ?? -1) ?? one,
  )
  const found = refusedAmong(prepared, decided)
  const told = await keep(found, context)
  return together(found.map(one => toEntry(one, told, indexes)))
}

/** References to what it would have created stay as they were sent, since nothing has such an id (`lost`); conditional ones are looked up anew; all others mean what they meant. */
const namesThatStay = (writes: readonly Placed[], targets: Undone['targets']) => {
  const made = new Set(
    writes.flatMap(({ interaction, fullUrl, target }) =>
      interaction.name === 'create' && (fullUrl === undefined || targets.get(fullUrl) === target) ? [target] : [],
    ),
  )
  const lost = new Set([...targets].flatMap(([name, target]) => (made.has(target) ? [name] : [])))
  const stay = [...targets].filter(([name]) => !isConditional(name) && !lost.has(name))
  return { lost, targets: new Map([...stay, ...[...lost].map((name): [string, string] => [name, name])]) }
}

/** Undefined if it is no upload, or was refused for something else. */
const preparedAgain = async (
  entry: Placed,
  { lost, targets }: ReturnType<typeof namesThatStay>,
  prepare: (entry: Placed) => Promise<Prepared>,
  context: Context,
): Promise<Prepared | undefined> => {
  const { request, fullUrl } = entry
  if (!('type' in request) || request.type !== 'Observation') return undefined
  try {
    await findReferences([entry], targets, context)
    const body = resolveReferences(request.body, fullUrl, targets)
    const one = await prepare({ ...entry, request: { ...request, body } })
    if (!('asked' in one) || one.upload === undefined) return undefined
    const { upload } = one
    const isLost = [...referencedEntries(request.body, fullUrl, lost)].some(name => name !== fullUrl)
    return isLost ? { ...one, upload: () => ({ ...upload(), isLost }) } : one
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}

const toEntry = (
  { index: position, error }: Refused,
  told: ReadonlyMap<number, FhirError>,
  indexes: readonly number[],
): FhirError => inEntry(indexes[position] ?? 0, told.get(position) ?? error) as FhirError

const together = (errors: readonly FhirError[]): FhirError | undefined => {
  const [first, ...others] = errors.flatMap(({ issues }) => issues)
  return first === undefined ? undefined : FhirError.of([first, ...others], { status: errors[0]?.status ?? 422 })
}
