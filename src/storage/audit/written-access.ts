import type { FhirError, IssueCode } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { subjectsOf } from '../prepare/subject.ts'
import type { RowsAsked, Whose } from '../search/rows-asked.ts'
import type { Store, Write, Written } from '../store.ts'
import { typeWritten } from '../type-written.ts'
import { askedAbout, type Naming } from './asked-about.ts'
import { concernedBy } from './concerned.ts'
import { type Named, namedBy } from './named.ts'
import type { AuditAccess } from './record.ts'
import type { Tried } from './refusal.ts'

/** `error`: the refusal of a write; `isTelling`: it depended on something stored that the caller may know of. */
export type Noted = AuditAccess & { readonly error?: FhirError; readonly isTelling?: boolean }

/** What each write did, or why it was refused. */
export const writtenAccesses = async (
  store: Store,
  registry: Registry,
  writes: readonly Write[],
  written: readonly Written[],
): Promise<readonly Noted[]> => {
  const refused = writes.filter((_, index) => written[index]?.outcome === 'refused')
  const there = await namedByRefusals(store, refused)
  const noted: Noted[] = []
  for (const [index, one] of written.entries()) {
    const write = writes[index]
    if (write === undefined) continue
    const rows = there.filter(
      ({ type }) => one.outcome === 'refused' && write.kind !== 'create' && type === typeWritten(write),
    )
    const { subjects, rows: more } = await namedByCriteria(store, write, one)
    noted.push(accessOf(registry, write, one, { subjects, rows: [...rows, ...more] }))
  }
  return noted
}

const accessOf = (registry: Registry, write: Write, one: Written, { subjects, rows }: Named): Noted => {
  const asked = writeAsked([write])
  if (one.outcome === 'refused') {
    const { error } = one
    const isMet = error.issues.some(({ code }) => metBy.has(code))
    const isNew = write.kind === 'create' || (write.kind === 'update' && rows.length === 0)
    const named = isMet && isNew ? subjectsOf(registry, write.resource) : []
    const concerned = concernedBy(registry, { type: typeWritten(write), subjects: [...subjects, ...named] }, rows)
    return { ...asked, ...concerned, outcome: error.status, error, isTelling: isMet || rows.length > 0 }
  }
  const concerned = concernedBy(registry, { type: one.type, subjects }, [one], rows)
  return { ...asked, resource: one.id, ...concerned, outcome: one.outcome === 'created' ? 201 : 200 }
}

/** Why something is refused because of what is stored, such as another Consent of the patient whom it names. */
const metBy: ReadonlySet<IssueCode> = new Set(['duplicate', 'conflict', 'business-rule'])

export const writeAsked = (writes: readonly Write[]): Tried => {
  const [only, ...others] = writes
  if (only === undefined || others.length > 0) return { interaction: 'batch' }
  return {
    interaction: only.kind,
    type: typeWritten(only),
    ...('id' in only && only.id !== undefined ? { resource: only.id } : {}),
  }
}

/** A refusal may reveal something about what is stored, to a caller who may read that: so whose it is gets recorded. */
const namedByRefusals = async (store: Store, refused: readonly Write[]): Promise<readonly Whose[]> => {
  const met = refused.flatMap(write => (write.kind === 'create' ? [] : [{ type: typeWritten(write), id: write.id }]))
  const asked = [...Map.groupBy(met, ({ type }) => type)].map(([type, some]): RowsAsked => {
    const ids = some.map(({ id }) => id)
    return { type, where: { kind: 'identified', ids }, ids }
  })
  return asked.length === 0 ? [] : store.whose(asked, 'r')
}

/** Criteria that matched nothing tell as much as those that matched something. */
const namedByCriteria = async (store: Store, write: Write, { outcome }: Written): Promise<Named> => {
  if (write.kind !== 'create' || write.ifNoneExist === undefined || outcome === 'unchanged')
    return { subjects: [], rows: [] }
  const { type, where } = write.ifNoneExist
  // Uploads ask whether there is something with their own identifier. If there is nothing, that reveals nothing of anybody.
  const isOther = ({ isOwn, ids }: Naming) => outcome === 'refused' || !isOwn || ids !== undefined
  return namedBy(store, askedAbout(type, where).filter(isOther))
}
