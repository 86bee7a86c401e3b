import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import type { OfKinds, ReadingsAsked } from '../figures.ts'
import type { Store } from '../store.ts'
import { searchAsked } from './asked.ts'
import { concernedAmong, concernedBy, type Found, measured } from './concerned.ts'
import { type Asking, type Match, namedBeside } from './named.ts'
import { peopleAccesses } from './people-access.ts'
import { keptAccesses, settledAccesses } from './quarantine-access.ts'
import { type AuditAccess, type AuditAgent, insertRecords } from './record.ts'
import { type Keep, recordingRefusal, type Tried } from './refusal.ts'
import { recordedAsOne, together } from './together.ts'
import type { Trail } from './trail.ts'
import { keepRefusals, keepUndone } from './undone.ts'
import { type Noted, writeAsked, writtenAccesses } from './written-access.ts'

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
  const commit = async <T>(tried: Tried, run: Run<T>): Promise<T> => {
    let noted: Noted[] = []
    const result = await store
      .atomic(async (inner, connection) => {
        // A commit that met another is begun anew.
        const gathered: Noted[] = []
        noted = gathered
        const answer = await run(notingStore(inner, registry, gathered), connection)
        const done = together(gathered.filter(({ outcome }) => outcome < 400))
        if (done !== undefined) await insertRecords(connection, [{ ...agent, ...done }])
        return answer
      })
      .catch(async error => {
        await keepUndone(keep, tried, noted, error)
        throw error
      })
    await keepRefusals(keep, noted)
    return result
  }
  return {
    ...readingStore(store, registry, { keep, guard: (tried, run) => guard(tried, () => trail.expecting(run)) }),
    write: (writes, beside) => {
      const tried = writeAsked(writes)
      return guard(tried, () => commit(tried, inner => inner.write(writes, beside)))
    },
    settleQuarantined: (...asked) =>
      commit({ interaction: 'transaction', type: 'Observation' }, inner => inner.settleQuarantined(...asked)),
    keepRefused: refused =>
      commit({ interaction: 'transaction', type: 'Observation' }, inner => inner.keepRefused(refused)),
    trying: (writes, run) =>
      guard(writeAsked(writes), async () => {
        const noted: Noted[] = []
        const found = await store.trying(writes, inner => run(notingStore(inner, registry, noted)))
        const done = together(noted)
        if (done !== undefined) await keep(done)
        return found
      }),
    atomic: run => guard({ interaction: 'transaction' }, () => commit({ interaction: 'transaction' }, run)),
  }
}

type Run<T> = (store: Store, connection: Connection) => Promise<T>

type Recorder = {
  readonly keep: Keep
  readonly guard: <T>(tried: Tried, run: () => Promise<T>) => Promise<T>
}

/** Within a transaction: gathers what is recorded with it at its end. A refusal that is thrown ends it, and is recorded then. */
const notingStore = (store: Store, registry: Registry, noted: Noted[]): Store => {
  const keep: Keep = async access => {
    noted.push(access)
  }
  const noting: Store = {
    ...readingStore(store, registry, { keep, guard: (_, run) => run() }),
    write: async (writes, beside) => {
      const written = await store.write(writes, beside)
      noted.push(...(await writtenAccesses(store, registry, writes, written)))
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
    const { subjects: _, ...said } = asked
    await keep({ ...said, ...concernedAmong(registry, asked, found(answer)), outcome: 200 })
    return answer
  }
  /** Besides whose the answer is, it is recorded whom the question is about that it does not show. */
  const questioning = async <T>(
    asked: Asked,
    question: Asking,
    run: () => Promise<T>,
    matched: (answer: T) => readonly Match[],
    more: (answer: T) => readonly Found[] = nothing,
  ): Promise<T> => {
    const answer = await guard(asked, run)
    const matches = matched(answer)
    const { subjects, rows } = await namedBeside(store, question, matches)
    const concerned = concernedBy(registry, { type: question.type, subjects }, matches, more(answer), rows)
    await keep({ ...asked, ...concerned, outcome: 200 })
    return answer
  }
  const asking = <T>(
    search: Search,
    ...[run, matched, more]: [
      run: () => Promise<T>,
      matched: (answer: T) => readonly Match[],
      more?: (answer: T) => readonly Found[],
    ]
  ): Promise<T> => questioning(searchAsked(registry, search), search, run, matched, more)
  const figures = <T extends OfKinds | readonly OfKinds[]>(
    { patient, codes }: Measured,
    run: () => Promise<T>,
  ): Promise<T> => {
    const query = `code=${codes.map(({ system, code }) => (system === undefined ? code : `${system}|${code}`)).join(',')}`
    return answering({ interaction: 'search-type', type: 'Observation', subjects: [patient], query }, run, measured)
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
    search: search =>
      asking(
        search,
        () => store.search(search),
        ({ entries }) => entries,
        ({ included }) => included,
      ),
    asOne: run => recordedAsOne(keep, gathering => run(readingStore(store, registry, { keep: gathering, guard }))),
    explain: (search, depth) => asking(search, () => store.explain(search, depth), nothing),
    matches: (search, limit) =>
      asking(
        search,
        () => store.matches(search, limit),
        matches => matches.map(one => ({ ...one, type: search.type })),
      ),
    lastn: ({ applied, ...asked }) =>
      answering(
        { ...searchAsked(registry, { type: 'Observation', applied }), type: 'Observation', subjects: asked.patients },
        () => store.lastn({ applied, ...asked }),
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
    studyPeople: async asked => {
      const people = await guard({ interaction: 'search-type', type: 'ResearchSubject' }, () =>
        store.studyPeople(asked),
      )
      await Promise.all(peopleAccesses(registry, asked, people).map(keep))
      return people
    },
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
    lastEvent: async (id, question) => {
      const last = await store.lastEvent(id, question)
      if (question === undefined) return last
      const { subjects, rows } = await namedBeside(store, question, [])
      const concerned = concernedBy(registry, { type: question.type, subjects }, rows)
      if (subjects.length + rows.length > 0) await keep({ interaction: 'read', ...concerned, outcome: 200 })
      return last
    },
    events: (id, question, range) =>
      questioning(
        { interaction: 'read', type: question.type },
        question,
        () => store.events(id, question, range),
        events => events.flatMap(({ focus }) => (focus === undefined ? [] : [focus])),
      ),
  }
}

type Asked = Omit<Tried, 'type'> & { readonly type?: ResourceType | undefined }

type Measured = Pick<ReadingsAsked, 'patient' | 'codes'>

const nothing = (): readonly Match[] => []
