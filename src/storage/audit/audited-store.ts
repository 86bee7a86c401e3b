import type { ResourceType } from '@medplum/fhirtypes'
import type { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { namedPatients } from '../../search/named-patients.ts'
import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import type { ReadingsAsked } from '../figures.ts'
import type { Store, Write, Written } from '../store.ts'
import type { StudyPersonRow } from '../study-people.ts'
import { askedOf } from './asked.ts'
import { concernedBy, type Found } from './concerned.ts'
import { keptAccesses, settledAccesses } from './quarantine-access.ts'
import { type AuditAccess, type AuditAgent, insertRecords } from './record.ts'
import { isRefusal, type Keep, noteRecorded, recordingRefusal, type Tried } from './refusal.ts'
import { together } from './together.ts'
import type { Trail } from './trail.ts'

export type Auditing = {
  readonly registry: Registry
  readonly trail: Trail
  readonly agent: AuditAgent
}

/**
 * The same store, which answers nothing before it is durably recorded who was answered what, and writes nothing without
 * the record of it in the same commit. What is refused is recorded as well.
 */
export const auditedStore = (store: Store, { trail, agent, registry }: Auditing): Store => {
  const keep = (access: AuditAccess) => trail.keep({ ...agent, ...access })
  const guard: Recorder['guard'] = (tried, run) => recordingRefusal(keep, tried, run)
  const commit = async <T>(run: Run<T>): Promise<T> => {
    let noted: readonly Noted[] = []
    const result = await store.atomic(async (inner, connection) => {
      const gathered: Noted[] = []
      const answer = await run(notingStore(inner, registry, gathered), connection)
      const done = together(gathered.filter(({ outcome }) => outcome < 400))
      if (done !== undefined) await insertRecords(connection, [{ ...agent, ...done }])
      noted = gathered
      return answer
    })
    await keepRefusals(keep, noted)
    return result
  }
  return {
    ...readingStore(store, registry, { keep, guard: (tried, run) => guard(tried, () => trail.expecting(run)) }),
    write: (writes, beside) => guard(writeAsked(writes), () => commit(inner => inner.write(writes, beside))),
    settleQuarantined: (...asked) => commit(inner => inner.settleQuarantined(...asked)),
    keepRefused: refused => commit(inner => inner.keepRefused(refused)),
    trying: (writes, run) =>
      guard(writeAsked(writes), async () => {
        const noted: Noted[] = []
        const found = await store.trying(writes, inner => run(notingStore(inner, registry, noted)))
        const done = together(noted)
        if (done !== undefined) await keep(done)
        return found
      }),
    atomic: run => guard({ interaction: 'transaction' }, () => commit(run)),
  }
}

type Run<T> = (store: Store, connection: Connection) => Promise<T>

/** Of writes that were refused among others which were not: as one, and not once more where the refusal is thrown. */
const keepRefusals = async (keep: Keep, noted: readonly Noted[]): Promise<void> => {
  const refused = noted.filter(({ outcome }) => isRefusal(outcome))
  const tried = together(refused.map(({ error: _, ...access }) => access))
  if (tried !== undefined) await keep(tried)
  for (const { error } of refused) if (error !== undefined) noteRecorded(error)
}

type Recorder = {
  readonly keep: Keep
  readonly guard: <T>(tried: Tried, run: () => Promise<T>) => Promise<T>
}

/** `error`: of a write that was refused. */
type Noted = AuditAccess & { readonly error?: FhirError }

/** Within a transaction: gathers what is recorded with it at its end. A refusal that is thrown ends it, and is recorded then. */
const notingStore = (store: Store, registry: Registry, noted: Noted[]): Store => {
  const keep: Keep = async access => {
    noted.push(access)
  }
  const noting: Store = {
    ...readingStore(store, registry, { keep, guard: (_, run) => run() }),
    write: async (writes, beside) => {
      const written = await store.write(writes, beside)
      noted.push(...writtenAccesses(registry, writes, written))
      return written
    },
    settleQuarantined: async (...asked) => {
      const settled = await store.settleQuarantined(...asked)
      noted.push(...settledAccesses(settled, asked[2]))
      return settled
    },
    keepRefused: async refused => {
      const kept = await store.keepRefused(refused)
      noted.push(...keptAccesses(refused, kept))
      return kept
    },
    trying: (writes, run) => store.trying(writes, inner => run(notingStore(inner, registry, noted))),
    atomic: run => store.atomic((_, connection) => run(noting, connection)),
  }
  return noting
}

/** Whatever answers with resources, or with figures of them. What is about no patient's data passes as it is. */
const readingStore = (store: Store, registry: Registry, { keep, guard }: Recorder): Store => {
  const answering = async <T>(
    asked: Asked,
    run: () => Promise<T>,
    found: (answer: T) => readonly Found[],
  ): Promise<T> => {
    const answer = await guard(asked, run)
    await keep({ ...asked, ...concernedBy(registry, asked.type, found(answer)), outcome: 200 })
    return answer
  }
  const figures = <T>({ patient, codes }: Measured, run: () => Promise<T>): Promise<T> => {
    const query = `code=${codes.map(({ system = '', code }) => `${system}|${code}`).join(',')}`
    return answering({ interaction: 'search-type', type: 'Observation', subjects: [patient], query }, run, nothing)
  }
  return {
    ...store,
    read: (type, id) =>
      answering(
        { interaction: 'read', type, resource: id },
        () => store.read(type, id),
        one => [one],
      ),
    vread: (type, id, versionId) =>
      answering(
        { interaction: 'vread', type, resource: id },
        () => store.vread(type, id, versionId),
        one => [one],
      ),
    history: (type, id, asked) =>
      answering(
        { interaction: 'history-instance', type, resource: id },
        () => store.history(type, id, asked),
        ({ entries }) => entries,
      ),
    historyOfTypes: (types, asked) =>
      answering(
        { interaction: 'history-type', ...(types.length === 1 ? { type: types[0] } : {}) },
        () => store.historyOfTypes(types, asked),
        ({ entries }) => entries,
      ),
    search: async search => {
      const asked = searchAsked(registry, search)
      const page = await guard(asked, () => store.search(search))
      const found = concernedBy(registry, search.type, page.entries, page.included)
      const subjects = page.entries.length === 0 ? namedPatients(search.where) : found.subjects
      await keep({ ...asked, ...found, ...(subjects === undefined ? {} : { subjects }), outcome: 200 })
      return page
    },
    explain: (search, depth) => answering(searchAsked(registry, search), () => store.explain(search, depth), nothing),
    matches: (search, limit) => answering(searchAsked(registry, search), () => store.matches(search, limit), nothing),
    lastn: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation', subjects: asked.patients },
        () => store.lastn(asked),
        found => found,
      ),
    statistics: asked => figures({ ...asked, codes: [asked.code] }, () => store.statistics(asked)),
    series: asked => figures(asked, () => store.series(asked)),
    glucoseProfile: asked => figures(asked, () => store.glucoseProfile(asked)),
    completeness: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation', subjects: asked.patients },
        () => store.completeness(asked),
        nothing,
      ),
    studyPeople: asked =>
      answering(
        { interaction: 'search-type', type: 'ResearchSubject' },
        () => store.studyPeople(asked),
        ({ rows }) => rows.flatMap(peopleFound),
      ),
    arrivals: asked =>
      answering(
        { interaction: 'search-type', type: 'Observation' },
        () => store.arrivals(asked),
        found => found.map(one => ({ ...one, type: 'Observation' })),
      ),
    quarantinedDocument: (...asked) =>
      answering(
        { interaction: 'read', type: 'Observation' },
        () => store.quarantinedDocument(...asked),
        found => (found?.document === undefined ? [] : [{ ...found.document, type: 'Observation' }]),
      ),
    meta: types => answering({ interaction: 'search-system' }, () => store.meta(types), nothing),
    events: (id, question, range) =>
      answering(
        { interaction: 'read', type: question.type },
        () => store.events(id, question, range),
        events => events.flatMap(({ focus }) => (focus === undefined ? [] : [focus])),
      ),
  }
}

type Asked = Omit<Tried, 'type'> & { readonly type?: ResourceType | undefined }

type Measured = Pick<ReadingsAsked, 'patient' | 'codes'>

const nothing = (): readonly Found[] => []

const peopleFound = ({ patientId, subject, patient }: StudyPersonRow): readonly Found[] => [
  { type: 'ResearchSubject', patientId, content: subject },
  ...(patient === null ? [] : [{ type: 'Patient' as const, patientId, content: patient }]),
]

const searchAsked = (registry: Registry, search: Search): Asked => ({
  interaction: 'search-type',
  type: search.type,
  query: askedOf(registry, search),
})

const writeAsked = (writes: readonly Write[]): Asked & { readonly interaction: string } => {
  const [only, ...others] = writes
  if (only === undefined || others.length > 0) return { interaction: 'batch' }
  const type = only.kind === 'patch' || only.kind === 'delete' ? only.type : only.resource.resourceType
  return { interaction: only.kind, type, ...('id' in only && only.id !== undefined ? { resource: only.id } : {}) }
}

const writtenAccesses = (registry: Registry, writes: readonly Write[], written: readonly Written[]): readonly Noted[] =>
  written.flatMap((one, index): readonly Noted[] => {
    const write = writes[index]
    if (write === undefined) return []
    const asked = writeAsked([write])
    if (one.outcome === 'refused') return [{ ...asked, patients: [], outcome: one.error.status, error: one.error }]
    const concerned = concernedBy(registry, one.type, [one])
    return [{ ...asked, resource: one.id, ...concerned, outcome: one.outcome === 'created' ? 201 : 200 }]
  })
