import { cursorName } from './result-parameter.ts'
import type { Search } from './search.ts'

/** The query of the self link: what was applied, in the client's words. */
export const selfQuery = ({ applied }: Pick<Search, 'applied'>): string => toQuery(applied)

/** The query of the next link: the same search, from behind this page. */
export const nextQuery = ({ applied }: Search, cursor: string): string =>
  toQuery([...applied.filter(([name]) => name !== cursorName), [cursorName, cursor]])

const toQuery = (entries: Search['applied']): string =>
  new URLSearchParams(entries.map(([name, value]): [string, string] => [name, value])).toString()
