import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import type { Search } from '../../search/search.ts'
import type { Store } from '../store.ts'
import { searchAsked } from './asked.ts'
import { concernedAmong, concernedBy, type Found } from './concerned.ts'
import { type Answered, namedBeside, type Searched } from './named.ts'
import type { Keep, Tried } from './refusal.ts'

export type Recorder = {
  readonly keep: Keep
  readonly guard: <T>(tried: Tried, run: () => Promise<T>) => Promise<T>
}

type Asked = Omit<Tried, 'type'> & { readonly type?: ResourceType | undefined }

/** Each runs what was asked for, and returns the answer once it is recorded whose data it shows. What is refused is recorded by `guard`. */
export type Answering = {
  readonly answering: <T>(asked: Asked, run: () => Promise<T>, found: (answer: T) => readonly Found[]) => Promise<T>
  /** Besides those whose data is in the answer, those are recorded whom the question is about but the answer does not show. */
  readonly questioning: <T>(
    asked: Asked,
    question: Searched,
    run: () => Promise<T>,
    matched: (answer: T) => readonly Answered[],
    more?: (answer: T) => readonly Found[],
  ) => Promise<T>
  /** The same for a search, which is recorded in its own words. */
  readonly searching: <T>(
    search: Search,
    run: () => Promise<T>,
    matched: (answer: T) => readonly Answered[],
    more?: (answer: T) => readonly Found[],
  ) => Promise<T>
}

export const openAnswering = (store: Store, registry: Registry, { keep, guard }: Recorder): Answering => {
  const questioning: Answering['questioning'] = async (asked, question, run, matched, more = nothing) => {
    const answer = await guard(asked, run)
    const matches = matched(answer)
    const { subjects, rows } = await namedBeside(store, question, matches)
    const concerned = concernedBy(registry, { type: question.type, subjects }, matches, more(answer), rows)
    await keep({ ...asked, ...concerned, outcome: 200 })
    return answer
  }
  return {
    answering: async (asked, run, found) => {
      const answer = await guard(asked, run)
      const { subjects: _, ...said } = asked
      await keep({ ...said, ...concernedAmong(registry, asked, found(answer)), outcome: 200 })
      return answer
    },
    questioning,
    searching: (search, ...asked) => questioning(searchAsked(registry, search), search, ...asked),
  }
}

/** For an answer that shows no patient's data. */
export const nothing = (): readonly Answered[] => []
